"""Every fast way to a dose against the float64 twin, and against the other ways."""

from __future__ import annotations

import numpy as np
import pytest

from gkplan.dose.beams import unit_directions
from gkplan.dose.cells import Cells
from gkplan.dose.tails import CARRIED_MM, TailNodes
from gkplan.dose.tmr import TmrEngine
from gkplan.frames import Array, Frame
from gkplan.grid import Grid
from gkplan.shot import Shot
from gkplan.unit import load_unit
from tests.dose.example import ENGINE, HEAD, TWIN, UNIT, mixed_shots

GRIDS = [
    Grid((61, 72, 66), (3.0, 3.0, 3.0), (1.0, -3.0, 10.0), Frame.LEKSELL),
    Grid((30, 41, 33), (0.5, 0.5, 0.5), (103.0, 99.0, 88.0), Frame.LEKSELL),
    Grid((9, 40, 52), (2.0, 2.0, 5.0), (60.0, 70.0, 75.0), Frame.LEKSELL),
    Grid((1, 1, 1), (1.0, 1.0, 1.0), (112.0, 108.0, 95.0), Frame.LEKSELL),
]


@pytest.mark.parametrize("grid", GRIDS, ids=["head", "fine", "slices", "one voxel"])
def test_dose_on_a_grid_agrees_with_the_reference(grid: Grid) -> None:
    shots = mixed_shots(4)
    points = grid.points()
    dose = ENGINE.dose_on(grid, shots).ravel()
    # The hottest voxels, those at the surface, and any.
    rng = np.random.default_rng(2)
    chosen = np.concatenate([np.argsort(dose)[-200:], rng.integers(0, grid.size, 600)])
    reference = TWIN.dose(points[chosen], shots)
    # A voxel within a rounding of the surface may count as in or out.
    edge = HEAD.contains(points[chosen]) != (dose[chosen] > 0.0)
    assert edge.mean() < 0.01
    peak = TWIN.dose(np.array([s.isocenter_mm for s in shots]), shots).max()
    assert np.abs(dose[chosen] - reference)[~edge].max() <= 5e-4 * peak


def test_a_grid_beyond_the_head_has_no_dose() -> None:
    away = Grid((5, 6, 7), (2.0, 2.0, 2.0), (300.0, 100.0, 100.0), Frame.LEKSELL)
    assert not ENGINE.dose_on(away, mixed_shots(2)).any()


@pytest.mark.parametrize("gamma", [70.0, 90.0])
def test_influence_agrees_with_the_reference(gamma: float) -> None:
    rng = np.random.default_rng(3)
    points = rng.normal((112.0, 108.0, 95.0), 12.0, (900, 3))
    isocenters = rng.normal((112.0, 108.0, 95.0), 4.0, (3, 3))
    rates = ENGINE.influence(points, isocenters, gamma)
    sample = rng.choice(len(points), 60, replace=False)
    for number, place in enumerate(isocenters):
        x, y, z = (float(c) for c in place)
        for size, of_sectors in zip(
            UNIT.collimator_sizes_mm, rates[number].swapaxes(0, 1), strict=True
        ):
            alone = np.array(
                [
                    TWIN.dose(points[sample], [Shot((x, y, z), state, 1.0, gamma)])
                    for state in (np.eye(8, dtype=int) * size).tolist()
                ]
            )
            peak = TWIN.dose(place[None], [Shot((x, y, z), (size,) * 8, 1.0, gamma)])[0]
            assert np.abs(of_sectors[:, sample] - alone).max() <= 5e-4 * peak


def test_influence_into_a_buffer_and_of_few_points() -> None:
    points = np.array([[110.0, 105.0, 96.0], [111.0, 104.0, 90.0]])
    isocenters = np.array([[112.0, 108.0, 95.0]])
    whole = ENGINE.influence(points, isocenters)
    buffer = np.full((1, 8, 3, 2), np.nan, dtype=np.float32)
    assert ENGINE.influence(points, isocenters, out=buffer) is buffer
    np.testing.assert_array_equal(buffer, whole)
    np.testing.assert_allclose(
        ENGINE.influence(points[:1], isocenters)[..., 0], whole[..., 0], atol=2e-4
    )
    with pytest.raises(ValueError, match=r"expected float32 of shape \(1, 8, 3, 2\)"):
        ENGINE.influence(points, isocenters, out=buffer[..., :1])


def dense(count: int) -> Array:
    """Points so close together that tails are carried to them."""
    points = np.random.default_rng(5).uniform(-12.0, 12.0, (count, 3))
    points += np.array([112.0, 108.0, 95.0])
    cells = Cells.of(points, 20.0, 192)
    assert TailNodes.of(points[cells.order], cells, CARRIED_MM).carried.any()
    return points


@pytest.mark.parametrize("count", [1, 2, 33, 71])
@pytest.mark.parametrize("unit", ["perfexion", "4c"])
def test_isocentres_give_the_same_together_and_alone(unit: str, count: int) -> None:
    rng = np.random.default_rng(5)
    points = np.concatenate([dense(3000), rng.normal((112.0, 108.0, 95.0), 40.0, (50, 3))])
    isocenters = rng.normal((112.0, 108.0, 95.0), 8.0, (count, 3))
    plugged = (3, 50, 201) if unit == "4c" else ()
    engine = ENGINE if unit == "perfexion" else TmrEngine(load_unit(unit), HEAD, 3.0)
    whole = engine.influence(points, isocenters, plugged=plugged)
    for number in {0, count // 2, count - 1}:
        alone = engine.influence(points, isocenters[[number]], plugged=plugged)
        np.testing.assert_array_equal(whole[[number]], alone)


def test_many_isocentres_at_dense_points_agree_with_the_reference() -> None:
    rng = np.random.default_rng(8)
    points, isocenters = dense(4000), rng.normal((112.0, 108.0, 95.0), 6.0, (40, 3))
    rates = ENGINE.influence(points, isocenters)
    for number in (0, 19, 39):
        x, y, z = (float(c) for c in isocenters[number])
        for sector, size in ((1, 4), (4, 8), (7, 16)):
            states = [0] * 8
            states[sector] = size
            alone = TWIN.dose(points[:60], [Shot((x, y, z), tuple(states), 1.0)])
            peak = TWIN.dose(isocenters[[number]], [Shot((x, y, z), (size,) * 8, 1.0)])[0]
            mine = rates[number, sector, UNIT.collimator_sizes_mm.index(size), :60]
            assert np.abs(mine - alone).max() <= 2e-4 * peak


@pytest.mark.parametrize("distance", [200.0, 255.0, 300.0, 340.0, 360.0, 420.0, 1000.0])
def test_tables_and_series_are_not_asked_beyond_their_ends(distance: float) -> None:
    """Points so far away lie in no head; their dose is next to none, not that of another table."""
    rng = np.random.default_rng(9)
    away = rng.normal(size=(2000, 3))
    away *= distance / np.linalg.norm(away, axis=1)[:, None]
    place = np.array([[112.0, 108.0, 95.0]])
    rates = ENGINE.influence(place + away, place)[0].sum(axis=0)
    assert np.isfinite(rates).all()
    peak = ENGINE.influence(place, place)[0].sum(axis=0)[:, 0]
    # Beside all beams, where a sum of 192 tails is left.
    directions = unit_directions(UNIT, 90.0)
    along = away @ directions.T
    beside = np.sqrt(distance**2 - along**2).min(axis=1) > 100.0
    assert beside.sum() > 20
    assert (np.abs(rates[:, beside]) <= 2e-3 * peak[:, None]).all()
    # Nowhere more than the beams themselves are.
    most = (1.0 - np.minimum(along.max(axis=1), 335.0) / 373.0) ** -2
    assert (np.abs(rates) <= 2.0 * most * peak[:, None]).all()


def test_influence_is_the_dose_of_each_sector_where_the_surface_cuts_cells() -> None:
    rng = np.random.default_rng(6)
    place = (100.0, 188.0, 112.0)
    points = rng.normal(place, 9.0, (2000, 3))
    points = points[HEAD.contains(points)]
    rates = ENGINE.influence(points, np.array([place]))[0]
    for sector, size in ((0, 16), (2, 8), (5, 4)):
        states = [0] * 8
        states[sector] = size
        alone = TWIN.dose(points[:250], [Shot(place, tuple(states), 1.0)])
        mine = rates[sector, UNIT.collimator_sizes_mm.index(size), :250]
        peak = TWIN.dose(np.array([place]), [Shot(place, (size,) * 8, 1.0)])[0]
        assert np.abs(mine - alone).max() <= 5e-4 * peak


def test_what_is_no_number_is_refused() -> None:
    place, nowhere = np.full((1, 3), 100.0), np.full((1, 3), np.nan)
    with pytest.raises(ValueError, match="points_mm: a number is not finite"):
        ENGINE.influence(nowhere, place)
    with pytest.raises(ValueError, match="an isocentre is not finite"):
        ENGINE.influence(place, nowhere)
    assert not ENGINE.dose(nowhere, mixed_shots(1)).any()


def test_no_points_have_no_dose() -> None:
    assert ENGINE.dose(np.zeros((0, 3)), mixed_shots(1)).shape == (0,)
    assert ENGINE.influence(np.zeros((0, 3)), np.array([[100.0] * 3])).shape == (1, 8, 3, 0)
    assert ENGINE.influence(np.array([[100.0] * 3]), np.zeros((0, 3))).shape == (0, 8, 3, 1)


def test_the_number_of_threads_changes_no_bit() -> None:
    import numba

    shots = mixed_shots(3)
    points = np.random.default_rng(4).normal(100.0, 30.0, (3000, 3))
    before = numba.get_num_threads()
    if before == 1:
        pytest.skip("there is but one thread")
    answers = []
    try:
        for threads in (1, before):
            numba.set_num_threads(threads)
            answers.append(
                (
                    ENGINE.dose(points, shots),
                    ENGINE.dose_on(GRIDS[1], shots),
                    ENGINE.influence(points[:300], points[:2]),
                    ENGINE.influence(dense(1500), points[:40]),
                )
            )
    finally:
        numba.set_num_threads(before)
    for one, other in zip(answers[0], answers[-1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_order_of_points_and_shots_does_not_matter() -> None:
    shots = mixed_shots(3)
    points = np.random.default_rng(5).normal(105.0, 20.0, (2000, 3))
    dose = ENGINE.dose(points, shots)
    np.testing.assert_allclose(ENGINE.dose(points[::-1], shots)[::-1], dose, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ENGINE.dose(points, shots[::-1]), dose, rtol=1e-6, atol=1e-6)


def test_twice_the_rate_is_twice_the_dose() -> None:
    points = np.random.default_rng(6).normal(105.0, 20.0, (500, 3))
    once, twice = (TmrEngine(UNIT, HEAD, rate).dose(points, mixed_shots(2)) for rate in (1.5, 3.0))
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-6)
