"""Patterns whose errors add up: all sectors alike, one alone, and shots under the surface."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gkplan.dose import ReferenceEngine, TmrEngine
from gkplan.dose.tables import Split
from gkplan.frames import Frame
from gkplan.grid import Grid
from gkplan.shot import Shot
from gkplan.unit import load_unit
from gkplan.unit.model import OffAxisProfile
from tests.dose.example import HEAD, UNIT

# The profile of a machine of one's own may have a shoulder where those of `perfexion` have none.
SHOULDER = OffAxisProfile((4.25, 6.63, 14.6), (0.85, 1.86, 4.1), (0.95, 0.02, 0.006))
EIGHT = replace(UNIT.collimator(8), profiles=(SHOULDER,) * len(UNIT.collimator(8).profiles))
OWN = replace(UNIT, name="own", collimators=(EIGHT,))
ENGINES = {
    unit.name: (TmrEngine(unit, HEAD, 3.0), ReferenceEngine(unit, HEAD, 3.0))
    for unit in (UNIT, load_unit("4c"), OWN)
}
# In the middle; 10 mm under the surface at the side; 8 mm under it at the vertex, and by a nose.
DEEP = (112.0, 108.0, 95.0)
PLACES = [DEEP, (162.0, 104.0, 100.0), (100.0, 104.0, 30.0), (100.0, 186.0, 100.0)]
CASES = [
    (name, size, place)
    for name, (engine, _) in ENGINES.items()
    for size in engine.unit.collimator_sizes_mm
    for place in PLACES
]


@pytest.mark.parametrize(("name", "size", "place"), CASES)
def test_all_open_and_one_alone(name: str, size: int, place: tuple[float, float, float]) -> None:
    engine, twin = ENGINES[name]
    n = engine.unit.n_sectors
    all_open = Shot(place, (size,) * n, 1.0)
    alone = Shot(place, (size, *([0] * (n - 1))), 1.0)
    rng = np.random.default_rng(21)
    # Close together, and so few that the cells of an influence become as large as they may.
    points = np.concatenate([rng.normal(place, s, (n, 3)) for s, n in ((8.0, 1500), (18.0, 8000))])
    points = points[HEAD.contains(points)]
    rates = engine.influence(points, np.array([place]))
    by_collimator = rates[0, :, engine.unit.collimator_sizes_mm.index(size)]
    x, y, z = (c - 20.3 for c in place)
    grid = Grid((41, 42, 40), (1.0, 1.0, 1.0), (x, y, z), Frame.LEKSELL)
    few = rng.choice(len(points), 250, replace=False)
    voxels = rng.choice(np.flatnonzero(HEAD.contains(grid.points())), 250, replace=False)
    peak = twin.dose(np.array([place]), [all_open])[0]
    for shot, rate in ((all_open, by_collimator.sum(axis=0)), (alone, by_collimator[0])):
        exact = twin.dose(points[few], [shot])
        on_voxels = twin.dose(grid.points()[voxels], [shot])
        dose = engine.dose_on(grid, [shot]).ravel()[voxels]
        sure = dose > 0.0
        assert sure.mean() > 0.98
        assert np.abs(engine.dose(points[few], [shot]) - exact).max() <= 5e-5 * peak
        assert np.abs(rate[few] - exact).max() <= 5e-4 * peak
        assert np.abs(dose - on_voxels)[sure].max() <= 3e-4 * peak


@pytest.mark.parametrize("size", [4, 8, 16])
def test_full_cells_with_all_sectors_open(size: int) -> None:
    """Points that fill the largest cells to their corners, near the edges of the beams."""
    engine, _ = ENGINES["perfexion"]
    rng = np.random.default_rng(5)
    shot = Shot(DEEP, (size,) * 8, 1.0)
    peak = engine.dose(np.array([DEEP]), [shot])[0]
    corners = np.stack(np.meshgrid(*[[-6.35, 6.35]] * 3), axis=-1).reshape(-1, 3)
    for center in np.array(DEEP) + rng.uniform(-9.0, 9.0, (40, 3)):
        points = center + np.concatenate([corners, rng.uniform(-6.35, 6.35, (180, 3))])
        rates = engine.influence(points, np.array([DEEP]))
        summed = rates[0, :, engine.unit.collimator_sizes_mm.index(size)].sum(axis=0)
        assert np.abs(summed - engine.dose(points, [shot])).max() <= 5e-4 * peak


def test_a_profile_without_a_smooth_tail_is_all_core() -> None:
    stepped = OffAxisProfile((2.0, 45.0), (0.6, 0.6), (0.97, 0.03))
    split, r = Split.of(stepped, 4e-4), np.arange(0.0, 80.0, 0.5)
    assert split.radius_mm > 100.0
    assert np.abs(split.core(r) - stepped(r)).max() < 1e-9
