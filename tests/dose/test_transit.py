"""Transit: every beam is on a little longer than the shot, whatever its time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gkplan.dose import PlanDose
from gkplan.dose.reference import ReferenceEngine
from gkplan.frames import Frame
from gkplan.grid import Grid
from gkplan.shot import Shot
from tests.dose.example import ENGINE, HEAD, UNIT

MOVING = replace(ENGINE, transit=True)
POINTS = np.array([[100.0, 100.0, 100.0], [104.0, 97.0, 101.0], [90.0, 100.0, 110.0]])
MIXED = Shot((100.0, 100.0, 100.0), (4, 8, 16, 0, 4, 8, 16, 0), 2.0)


@pytest.mark.parametrize(("size", "minutes"), [(4, 0.003), (8, 0.005), (16, 0.010)])
def test_a_shot_gives_its_own_rate_for_the_published_time(size: int, minutes: float) -> None:
    shot = Shot((100.0, 100.0, 100.0), (size,) * 8, 2.0)
    longer = replace(shot, time_min=2.0 + minutes)
    assert MOVING.dose(POINTS, [shot]) == pytest.approx(ENGINE.dose(POINTS, [longer]), rel=1e-9)


def test_transit_does_not_depend_on_the_time() -> None:
    short, long = MIXED, replace(MIXED, time_min=9.0)
    extra = [MOVING.dose(POINTS, [s]) - ENGINE.dose(POINTS, [s]) for s in (short, long)]
    assert extra[0] == pytest.approx(extra[1], rel=2e-3)
    assert (extra[0] > 0).all()


def test_twin_agrees() -> None:
    slow = ReferenceEngine(UNIT, HEAD, 3.0, transit=True).dose(POINTS, [MIXED])
    assert MOVING.dose(POINTS, [MIXED]) == pytest.approx(slow, abs=1e-4 * slow.max())


def test_a_new_time_in_a_plan_dose_keeps_the_transit() -> None:
    grid = Grid.around([[85.0] * 3, [115.0] * 3], 1.5, Frame.LEKSELL)
    other = replace(MIXED, isocenter_mm=(106.0, 100.0, 100.0))
    before = PlanDose.of(MOVING, grid, [MIXED, other])
    changed = [replace(MIXED, time_min=5.0), other]
    fresh = PlanDose.of(MOVING, grid, changed).dose_gy
    assert np.abs(before.with_shots(changed).dose_gy - fresh).max() <= 2e-6 * fresh.max()
