"""Matter on a grid of voxels, as the kernels take it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.grid import Grid

if TYPE_CHECKING:
    from gkplan.kernels.matter import Physics, Score, Voxels

# An electron moves without looking for borders where so many voxels around are all the same.
_REACH_VOXELS = 2


def voxels_of(
    physics: Physics, grid: Grid, material: NDArray[np.uint8], density: ArrayLike
) -> Voxels:
    """Voxels for the kernels.

    Parameters
    ----------
    physics : the tables that the numbers in `material` refer to
    material : (nk, nj, ni), number of the material
    density : (nk, nj, ni), g/cm3; 0 is vacuum

    Raises
    ------
    CaseError
        For a negative or missing density, or a voxel of no known material.
    """
    from gkplan.kernels.matter import Voxels

    values = np.ascontiguousarray(density, dtype=np.float32)
    if wrong := int((~(values >= 0.0)).sum()):
        where = np.argwhere(~(values >= 0.0))[0]
        raise CaseError(
            f"density: {wrong} voxels are negative or missing, the first at k, j, i = "
            f"{where.tolist()}; expected g/cm3, at least 0"
        )
    known = len(physics.attenuation)
    if (material >= known).any():
        where = np.argwhere(material >= known)[0]
        raise CaseError(
            f"material: the voxel at k, j, i = {where.tolist()} has number "
            f"{int(material[tuple(where)])}, there are {known} materials (0 to {known - 1})"
        )
    densest = [values[material == m].max(initial=0.0) for m in range(known)]
    return Voxels(
        np.array(grid.origin_mm) - np.array(grid.spacing_mm) / 2.0,
        np.array(grid.spacing_mm),
        np.ascontiguousarray(material),
        values,
        _uniform(material, values).view(np.uint8),
        (physics.attenuation * np.array(densest)[:, None]).max(axis=0),
    )


def _uniform(material: NDArray[np.uint8], density: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Voxels whose neighbours within `_REACH_VOXELS` are all like them, and none is missing."""
    from scipy.ndimage import maximum_filter, minimum_filter

    size = 2 * _REACH_VOXELS + 1
    same = np.zeros(density.shape, dtype=np.bool_)
    inner = (slice(_REACH_VOXELS, -_REACH_VOXELS),) * 3
    same[inner] = True
    for values in (material, density):
        same &= maximum_filter(values, size) == minimum_filter(values, size)
    return same


def score_on(grid: Grid, weight: ArrayLike) -> Score:
    """An empty score on a grid; `weight` is one number a material."""
    from gkplan.kernels.matter import BOX, Score

    corner = np.array(grid.origin_mm) - np.array(grid.spacing_mm) / 2.0
    return Score(
        BOX,
        corner,
        np.array(grid.spacing_mm),
        np.asarray(weight, dtype=np.float64),
        np.zeros(grid.shape),
        np.zeros(4),
    )


def score_in_rings(
    width_mm: float, rings: int, first_mm: float, depth_mm: float, layers: int, weight: ArrayLike
) -> Score:
    """An empty score in rings about the z axis and layers along it, (layers, 1, rings)."""
    from gkplan.kernels.matter import RINGS, Score

    return Score(
        RINGS,
        np.array([0.0, 0.0, first_mm]),
        np.array([width_mm, width_mm, depth_mm]),
        np.asarray(weight, dtype=np.float64),
        np.zeros((layers, 1, rings)),
        np.zeros(4),
    )


def slabs(
    names: Sequence[str], grid: Grid, layers: Sequence[tuple[float, float, str, float]]
) -> tuple[NDArray[np.uint8], Array]:
    """Material and density of slabs normal to z: (from, to, material, density) over vacuum."""
    material = np.zeros(grid.shape, dtype=np.uint8)
    density = np.zeros(grid.shape)
    z = grid.axes()[2]
    for low, high, name, value in layers:
        part = (z >= low) & (z < high)
        material[part], density[part] = names.index(name), value
    return material, density
