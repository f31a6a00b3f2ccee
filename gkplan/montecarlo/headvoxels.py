"""A head as voxels of matter: all water, or with the densities of its tissues or its image."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gkplan.errors import CaseError
from gkplan.frames import Array, Frame
from gkplan.grid import Grid
from gkplan.head import Head
from gkplan.montecarlo.materials import density_of_hu, material_names, material_of_density

Medium = Literal["head", "water"]
MEDIA: tuple[Medium, ...] = ("head", "water")
_MOST_VOXELS = 2e7
_AS_WATER = "take it as water with --depth geometric (tmr) or --medium water (montecarlo)"


def head_grid(head: Head, spacing_mm: float = 1.0) -> Grid:
    """Voxels around the whole head, coarser than asked for if they would be too many."""
    low, high = head.bounds
    spacing = max(spacing_mm, float(np.prod(high - low) / _MOST_VOXELS) ** (1 / 3))
    return Grid.around(head.bounds, spacing, Frame.LEKSELL, margin_mm=spacing)


def matter_on(head: Head, grid: Grid, medium: Medium) -> tuple[NDArray[np.uint8], Array]:
    """Material (a number of `material_names`) and density (g/cm3) of the voxels of a grid.

    Outside the surface there is vacuum, a density of 0.

    Raises
    ------
    CaseError
        For a head without densities, or with a place in none of its tissues, unless it is to be
        water; for a negative density.
    """
    inside = head.on_grid(grid)
    density = np.zeros(grid.shape)
    material = np.full(grid.shape, material_names().index("water"), dtype=np.uint8)
    if medium == "water":
        density[inside] = 1.0
        return material, density
    density[inside] = _densities(head, grid, inside)
    material[inside] = material_of_density(density[inside])
    # A density of 0 is vacuum: not even air.
    density[inside] = np.maximum(density[inside], 1e-4)
    return material, density


def _densities(head: Head, grid: Grid, inside: NDArray[np.bool_]) -> Array:
    """Densities of the voxels inside."""
    if head.image is not None:
        if head.image.quantity != "hu":
            raise CaseError(
                f"head {head.name!r} has no densities: its image holds {head.image.quantity}, not "
                f"CT numbers; {_AS_WATER}"
            )
        k, j, i = np.nonzero(inside)
        x, y, z = grid.axes()
        return density_of_hu(head.hu(np.stack([x[i], y[j], z[k]], axis=1)))
    if not head.tissues:
        raise CaseError(
            f"head {head.name!r} has no densities: neither tissues nor an image; {_AS_WATER}"
        )
    density = np.full(grid.shape, np.nan)
    for tissue in head.tissues:
        part = _around(grid, tissue.solid.bounds)
        if part is None:
            continue
        sub = _cut(grid, part)
        density[part][Head(tissue.name, tissue.solid).on_grid(sub)] = tissue.density_g_cm3
    values: Array = density[inside]
    missing = int(np.isnan(values).sum())
    if missing > 1e-3 * len(values):
        raise CaseError(
            f"head {head.name!r}: {missing} of {len(values)} voxels inside its surface are in no "
            f"tissue; give one tissue the shape of the surface, or {_AS_WATER}"
        )
    # Rounding at the very surface.
    return np.where(np.isnan(values), 1.0, values)


def _around(grid: Grid, bounds: Array) -> tuple[slice, slice, slice] | None:
    """The part of a grid within bounds."""
    slices = []
    for values, low, high in zip(grid.axes(), *bounds, strict=True):
        there = np.flatnonzero((values >= low) & (values <= high))
        if not len(there):
            return None
        slices.append(slice(int(there[0]), int(there[-1]) + 1))
    x, y, z = slices
    return z, y, x


def _cut(grid: Grid, part: tuple[slice, slice, slice]) -> Grid:
    k, j, i = (p.start for p in part)
    shape = tuple(p.stop - p.start for p in part)
    x, y, z = grid.axes()
    return Grid(shape, grid.spacing_mm, (float(x[i]), float(y[j]), float(z[k])), grid.frame)
