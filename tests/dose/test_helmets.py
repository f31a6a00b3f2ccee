"""A unit with helmets: every product against the float64 twin, and plugging."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gkplan.dose import PlanDose, ReferenceEngine, TmrEngine
from gkplan.errors import PlanError
from gkplan.frames import Frame
from gkplan.grid import Grid
from gkplan.shot import Shot, check_shots
from gkplan.unit import load_unit
from tests.dose.example import HEAD

UNIT = load_unit("4c")
ENGINE, TWIN = TmrEngine(UNIT, HEAD, 3.0), ReferenceEngine(UNIT, HEAD, 3.0)
PLACE = (112.0, 108.0, 95.0)
SIZES = UNIT.collimator_sizes_mm


def shots() -> list[Shot]:
    rng = np.random.default_rng(11)
    some = []
    for size in SIZES:
        x, y, z = (float(c) for c in rng.normal(PLACE, 4.0))
        plugged = tuple(int(n) for n in rng.choice(np.arange(1, 202), 40, replace=False))
        gamma = float(rng.choice([70.0, 90.0, 110.0]))
        some.append(Shot((x, y, z), (size,), 1.0, gamma, plugged=plugged))
    return some


@pytest.mark.parametrize("number", [*range(4), None])
def test_dose_at_points_and_on_a_grid(number: int | None) -> None:
    some = shots() if number is None else [shots()[number]]
    rng = np.random.default_rng(12)
    places = np.array([s.isocenter_mm for s in some])
    points = np.concatenate([rng.normal(places[0], 12.0, (400, 3)), places])
    reference = TWIN.dose(points, some)
    assert np.abs(ENGINE.dose(points, some) - reference).max() <= 1e-4 * reference.max()
    corner = tuple(float(c) - 20.3 for c in places[0])
    grid = Grid((42, 41, 40), (1.0, 1.0, 1.0), (corner[0], corner[1], corner[2]), Frame.LEKSELL)
    dose = ENGINE.dose_on(grid, some).ravel()
    chosen = np.concatenate([np.argsort(dose)[-150:], rng.integers(0, grid.size, 400)])
    exact = TWIN.dose(grid.points()[chosen], some)
    inside = HEAD.contains(grid.points()[chosen]) == (dose[chosen] > 0.0)
    assert np.abs(dose[chosen] - exact)[inside].max() <= 1e-4 * reference.max()


@pytest.mark.parametrize("spread", [8.0, 20.0])
def test_influence(spread: float) -> None:
    rng = np.random.default_rng(13)
    points = rng.normal(PLACE, spread, (900, 3))
    points = points[HEAD.contains(points)]
    plugged = (3, 50, 201)
    for without in ((), plugged):
        rates = ENGINE.influence(points, np.array([PLACE]), 70.0, plugged=without)
        assert rates.shape == (1, 1, 4, len(points))
        for size, ours in zip(SIZES, rates[0, 0], strict=True):
            alone = Shot(PLACE, (size,), 1.0, 70.0, plugged=without)
            exact = TWIN.dose(points[:300], [alone])
            peak = TWIN.dose(np.array([PLACE]), [alone])[0]
            assert np.abs(ours[:300] - exact).max() <= 1e-4 * peak


@settings(max_examples=15, deadline=None)
@given(st.sets(st.integers(1, 201), min_size=1, max_size=200), st.sampled_from(SIZES))
def test_open_and_plugged_sources_make_up_the_whole(plugged: set[int], size: int) -> None:
    rng = np.random.default_rng(14)
    points = np.concatenate([rng.normal(PLACE, 10.0, (200, 3)), [PLACE]])
    others = tuple(sorted(set(range(1, 202)) - plugged))

    def dose(without: tuple[int, ...]) -> np.ndarray:
        return ENGINE.dose(points, [Shot.through(size, PLACE, 1.0, plugged=without)])

    whole = dose(())
    parts = dose(tuple(plugged)) + dose(others)
    assert np.abs(parts - whole).max() <= 1e-5 * whole.max()


def test_an_edit_of_the_plugs_is_followed_by_the_dose_of_a_plan() -> None:
    some = shots()
    grid = Grid((20, 20, 20), (2.0, 2.0, 2.0), (92.0, 88.0, 75.0), Frame.LEKSELL)
    changed = [Shot.through(8, some[0].isocenter_mm, 1.0, plugged=(1, 2, 3)), *some[1:]]
    followed = PlanDose.of(ENGINE, grid, some).with_shots(changed).dose_gy
    anew = ENGINE.dose_on(grid, changed)
    assert np.abs(followed - anew).max() <= 1e-6 * anew.max()


def test_output_factors_in_the_calibration_sphere() -> None:
    from gkplan.head import Head
    from gkplan.solids import Ellipsoid

    center = (100.0, 100.0, 100.0)
    engine = TmrEngine(UNIT, Head("sphere", Ellipsoid(center, (80.0, 80.0, 80.0))), 3.0)
    for size, factor in zip(SIZES, (0.870, 0.956, 0.985, 1.0), strict=True):
        (rate,) = engine.dose(np.array([center]), [Shot.through(size, center, 1.0)])
        assert rate == pytest.approx(3.0 * factor, rel=1e-4)


@pytest.mark.parametrize(
    ("shot", "unit", "message"),
    [
        (
            Shot.through(16, PLACE, 1.0),
            "4c",
            "collimator_mm 16 on 4c, expected one of 4, 8, 14, 18",
        ),
        (Shot(PLACE, (8,) * 8, 1.0), "4c", "but 4c has helmets: .* another unit"),
        (Shot.through(8, PLACE, 1.0), "perfexion", "has 8 sectors; it is a shot of another unit"),
        (Shot(PLACE, (8,) * 8, 1.0, plugged=(1,)), "perfexion", "no helmets to plug; block"),
        (Shot.through(8, PLACE, 1.0, plugged=(0,)), "4c", "source 0 is not there; 4c has 1 to 201"),
        (Shot.through(8, PLACE, 1.0, plugged=(9, 202)), "4c", "source 202 is not there"),
        (Shot.through(8, PLACE, 1.0, plugged=range(1, 202)), "4c", "all 201 sources of 4c are"),
    ],
)
def test_shots_that_a_unit_cannot_deliver_are_refused(shot: Shot, unit: str, message: str) -> None:
    with pytest.raises(PlanError, match=f"shot 1: .*{message}"):
        check_shots([shot], load_unit(unit))


def test_a_source_plugged_twice_is_refused() -> None:
    with pytest.raises(PlanError, match="plugged: source 7 is there twice"):
        Shot.through(8, PLACE, 1.0, plugged=(7, 8, 7))
