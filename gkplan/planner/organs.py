"""Points of an organ at risk for the planner: fine where the organ will be hot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.solids import Solid
from gkplan.solids.base import lattice, spacing_for, subdivide

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
    places, inside, spacing = _cells(solid, count, box)
    value = np.full(inside.shape, -np.inf)
    value[inside] = heat(places[inside])
    hottest = places[np.arange(len(places)), value.argmax(axis=1)]
    found = value.max(axis=1)
    if len(found) == 0:
        return OrganPoints(hottest, found, found)
    top = np.argsort(found)[-_CLOSELY:]
    hottest[top], found[top] = _climbed(solid, heat, hottest[top], spacing / _PARTS)
    return OrganPoints(hottest, inside.sum(axis=1) * (spacing / _PARTS) ** 3, found)


def volume_points(solid: Solid, heat: Heat, count: int, box: Array, hot_mm3: float) -> OrganPoints:
    """About `count` cells of an organ; those near the border of its hottest `hot_mm3` are split.

    The dose at that border is what a limit on the volume is about: points elsewhere only have to
    be counted on the right side of it.
    """
    places, inside, spacing = _cells(solid, count, box)
    parts = inside.sum(axis=1)
    middle = (places * inside[:, :, None]).sum(axis=1) / parts[:, None]
    value = heat(middle)
    small = (spacing / _PARTS) ** 3
    order = np.argsort(value)[::-1]
    border = int(np.searchsorted(np.cumsum(parts[order]) * small, hot_mm3))
    split = np.zeros(len(parts), dtype=np.bool_)
    split[order[max(border - _SPLIT, 0) : border + _SPLIT]] = True
    fine = places[split][inside[split]]
    return OrganPoints(
        np.concatenate([middle[~split], fine]),
        np.concatenate([parts[~split] * small, np.full(len(fine), small)]),
        np.concatenate([value[~split], heat(fine)]),
    )


def _climbed(solid: Solid, heat: Heat, places: Array, spacing: float) -> tuple[Array, Array]:
    """Places (n, 3) moved by less than the spacing to where it is hottest inside, and the heat."""
    rows = np.arange(len(places))
    value = np.empty(0)
    for step in (spacing / 2, spacing / 4, spacing / 8):
        around = subdivide(places, 3 * step, 3)
        inside = solid.contains(around)
        of_place = np.full(len(around), -np.inf)
        of_place[inside] = heat(around[inside])
        best = of_place.reshape(len(places), -1).argmax(axis=1)
        places = around.reshape(len(places), -1, 3)[rows, best]
        value = of_place.reshape(len(places), -1)[rows, best]
    return places, value


def _cells(solid: Solid, count: int, box: Array) -> tuple[Array, NDArray[np.bool_], float]:
    """Cells that share something with an organ: 27 places (n, 27, 3) in each, and whether inside.

    Also the edge (mm) of the cells.
    """
    from scipy.ndimage import binary_dilation

    spacing = spacing_for(solid, count, _COARSEST_MM)
    low, high = solid.bounds
    part = np.array([np.maximum(low, box[0]), np.minimum(high, box[1])])
    if (part[0] > part[1]).any():
        return np.zeros((0, _PARTS**3, 3)), np.zeros((0, _PARTS**3), dtype=np.bool_), spacing
    while True:
        cells = lattice(part + spacing * np.array([[-1.0], [1.0]]), spacing)
        inside = solid.contains(cells)
        if inside.sum() <= _MOST:
            break
        spacing *= (1.05 * inside.sum() / _MOST) ** (1 / 3)
    shape = [len(np.unique(np.round(cells[:, k], 6))) for k in range(3)]
    near = binary_dilation(inside.reshape(shape), np.ones((3, 3, 3), dtype=np.bool_)).ravel()
    places = subdivide(cells[near], spacing, _PARTS)
    parts = solid.contains(places).reshape(-1, _PARTS**3)
    kept = parts.any(axis=1)
    return places.reshape(-1, _PARTS**3, 3)[kept], parts[kept], spacing
