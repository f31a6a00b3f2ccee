"""A changed shot costs its own share and gives what a new calculation gives."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gkplan.dose import PlanDose
from gkplan.frames import Frame
from gkplan.grid import Grid
from gkplan.shot import Shot
from tests.dose.example import ENGINE, mixed_shots

GRID = Grid((31, 36, 33), (4.0, 4.0, 4.0), (40.0, 30.0, 50.0), Frame.LEKSELL)
SHOTS = mixed_shots(6)


def changed(what: str) -> list[Shot]:
    first, *rest = SHOTS
    if what == "moved":
        return [dataclasses.replace(first, isocenter_mm=(108.0, 111.0, 90.0)), *rest]
    if what == "weighted":
        return [*rest[:2], dataclasses.replace(first, time_min=3.0), *rest[2:]]
    if what == "switched":
        return [dataclasses.replace(first, sectors=(16, 0, 4, 4, 8, 0, 0, 16)), *rest]
    if what == "doubled":
        return [*SHOTS, first]
    if what == "reordered":
        return SHOTS[::-1]
    return rest


@pytest.mark.parametrize(
    "what", ["moved", "weighted", "switched", "doubled", "reordered", "removed"]
)
def test_a_change_gives_what_a_new_calculation_gives(what: str) -> None:
    shots = changed(what)
    after = PlanDose.of(ENGINE, GRID, SHOTS).with_shots(shots)
    again = ENGINE.dose_on(GRID, shots)
    assert after.shots == tuple(shots)
    assert np.abs(after.dose_gy - again).max() <= 1e-6 * again.max()


def test_there_and_back_is_the_same() -> None:
    start = PlanDose.of(ENGINE, GRID, SHOTS)
    back = start.with_shots(changed("moved")).with_shots(SHOTS)
    assert np.abs(back.dose_gy - start.dose_gy).max() <= 1e-6 * start.dose_gy.max()


def test_blocks_under_a_memory_budget_are_the_whole_influence() -> None:
    rng = np.random.default_rng(0)
    points, places = rng.normal(105.0, 9.0, (200, 3)), rng.normal(105.0, 4.0, (5, 3))
    whole = ENGINE.influence(points, places)
    one_isocenter_mb = 8 * 3 * 200 * 4 / 1e6
    blocks = list(ENGINE.influence_blocks(points, places, 0.0))
    assert len(blocks) == 5
    for budget, sizes in ((2.5 * one_isocenter_mb, [2, 2, 1]), (1e6, [5])):
        found = []
        for part, block in ENGINE.influence_blocks(points, places, budget):
            np.testing.assert_array_equal(block, whole[part])
            assert block.base is None or block.base.nbytes <= max(budget, one_isocenter_mb) * 1e6
            found.append(len(block))
        assert found == sizes
