"""Points of an organ at risk for the planner: fine where the organ will be hot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.solids import Solid, sample_about
from gkplan.solids.base import lattice, subdivide

# Larger is hotter: the dose, or while there is none the nearness to a target.
Heat = Callable[[Array], Array]

_COARSEST_MM = 1.5
_PARTS = 3
# So many cells on each side of the border of a hot volume are split.
_SPLIT = 50
_CLOSELY = 300  # cells in which a maximum is looked for closely
_MOST = 4000  # cells, of which a large organ gets larger ones


@dataclass(frozen=True, slots=True, eq=False)
class OrganPoints:
    """Points (n, 3) in Leksell mm, the volume (n,) in mm3 that each stands for, its heat (n,)."""

    points: Array
    volume_mm3: Array
    heat: Array


def hottest_points(solid: Solid, heat: Heat, count: int, box: Array) -> OrganPoints:
    """About `count` cells of an organ, each by the hottest place in it.

    A maximum lies on the organ's surface, which the middles of cells do not reach: the hottest of
    27 places in a cell is taken, in the cells that are hottest of all it is looked for more
    closely. `box` (2, 3) is the part of space that matters.
    """
    cells, _, spacing = _cells(solid, count, box)
    places = subdivide(cells, spacing, _PARTS)
    inside = solid.contains(places)
    of_place = np.full(len(places), -np.inf)
    of_place[inside] = heat(places[inside])
    value = of_place.reshape(len(cells), -1)
    within = inside.reshape(value.shape).sum(axis=1)
    hottest = places.reshape(*value.shape, 3)[np.arange(len(cells)), value.argmax(axis=1)]
    kept = within > 0
    hottest, found = hottest[kept], value.max(axis=1)[kept]
    top = np.argsort(found)[-_CLOSELY:]
    hottest[top], found[top] = _climbed(solid, heat, hottest[top], found[top], spacing / _PARTS)
    return OrganPoints(hottest, within[kept] * (spacing / _PARTS) ** 3, found)


def _climbed(
    solid: Solid, heat: Heat, places: Array, value: Array, spacing: float
) -> tuple[Array, Array]:
    """Places (n, 3) moved by less than half the spacing to where it is hottest inside the organ."""
    rows = np.arange(len(places))
    for step in (spacing / 3, spacing / 9):
        around = subdivide(places, 3 * step, 3)
        inside = solid.contains(around)
        of_place = np.full(len(around), -np.inf)
        of_place[inside] = heat(around[inside])
        best = of_place.reshape(len(places), -1).argmax(axis=1)
        places = around.reshape(len(places), -1, 3)[rows, best]
        value = of_place.reshape(len(places), -1)[rows, best]
    return places, value


def volume_points(solid: Solid, heat: Heat, count: int, box: Array, hot_mm3: float) -> OrganPoints:
    """About `count` cells of an organ; those near the border of its hottest `hot_mm3` are split.

    The dose at that border is what a limit on the volume is about: points elsewhere only have to
    be counted on the right side of it.
    """
    cells, inside, spacing = _cells(solid, count, box)
    value = heat(cells)
    order = np.argsort(value)[::-1]
    border = int(np.searchsorted(np.cumsum(inside[order]) * spacing**3, hot_mm3))
    split = np.zeros(len(cells), dtype=np.bool_)
    split[order[max(border - _SPLIT, 0) : border + _SPLIT]] = True
    fine = subdivide(cells[split], spacing, _PARTS)
    fine = fine[solid.contains(fine)]
    whole = inside & ~split
    small = (spacing / _PARTS) ** 3
    return OrganPoints(
        np.concatenate([cells[whole], fine]),
        np.concatenate([np.full(int(whole.sum()), spacing**3), np.full(len(fine), small)]),
        np.concatenate([value[whole], heat(fine)]),
    )


def _cells(solid: Solid, count: int, box: Array) -> tuple[Array, NDArray[np.bool_], float]:
    """Middles of cells that may share something with the organ, whether inside; their edge (mm)."""
    from scipy.ndimage import binary_dilation

    _, spacing = sample_about(solid, count, _COARSEST_MM)
    low, high = solid.bounds
    part = np.array([np.maximum(low, box[0]), np.minimum(high, box[1])])
    part[1] = np.maximum(part[0], part[1])
    while True:
        bounds = part + spacing * np.array([[-1.0], [1.0]])
        cells = lattice(bounds, spacing)
        inside = solid.contains(cells)
        if inside.sum() <= _MOST:
            break
        spacing *= (1.05 * inside.sum() / _MOST) ** (1 / 3)
    shape = [len(np.unique(np.round(cells[:, k], 6))) for k in range(3)]
    near = binary_dilation(inside.reshape(shape), np.ones((3, 3, 3), dtype=np.bool_)).ravel()
    return cells[near], inside[near], spacing
