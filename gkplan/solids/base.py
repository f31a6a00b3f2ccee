"""What every solid can do, and sampling that needs nothing more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array

Bounds = Array  # (2, 3): the lower and the upper corner, mm


class Solid(Protocol):
    """A closed region of space, in Leksell mm.

    `intervals` gives, for n rays, the disjoint intervals of t in which ``origin + t * direction``
    lies inside, (n, k, 2), as `gkplan.solids.intervals` describes; `origins` is (n, 3) or (3,).
    """

    @property
    def bounds(self) -> Bounds: ...

    @property
    def analytic_volume_cc(self) -> float | None: ...

    def contains(self, points: Array) -> NDArray[np.bool_]: ...

    def intervals(self, origins: Array, directions: Array) -> Array: ...


def lattice(bounds: Bounds, spacing_mm: float) -> Array:
    """Cell centres (n, 3) of a lattice that fills the box `bounds`."""
    low, high = bounds
    counts = np.maximum(np.ceil((high - low) / spacing_mm), 1).astype(int)
    start = (low + high) / 2 - (counts - 1) * spacing_mm / 2
    axes = [s + spacing_mm * np.arange(n) for s, n in zip(start, counts, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)


def lattice_around(solid: Solid, spacing_mm: float, margin_mm: float) -> Array:
    """Points (ni, nj, nk, 3) of a lattice over the box of `solid` and a margin.

    One lies in the middle of the box, so that what is symmetric is so on the lattice.
    """
    low, high = solid.bounds
    reach = np.ceil(((high - low) / 2 + margin_mm) / spacing_mm).astype(int)
    steps = [spacing_mm * np.arange(-n, n + 1) for n in reach]
    return np.asarray(np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1) + (low + high) / 2)


def inside_lattice(solid: Solid, points: Array) -> NDArray[np.bool_]:
    """Which points of a lattice (ni, nj, nk, 3) lie inside `solid`."""
    return solid.contains(points.reshape(-1, 3)).reshape(points.shape[:-1])


def subdivide(points: Array, spacing_mm: float, parts: int) -> Array:
    """Each lattice cell split into ``parts**3`` cells; their centres, (n * parts**3, 3)."""
    step = spacing_mm / parts
    offset = (np.arange(parts) - (parts - 1) / 2) * step
    x, y, z = np.meshgrid(offset, offset, offset, indexing="ij")
    shifts = np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)
    return np.asarray((points[:, None, :] + shifts[None]).reshape(-1, 3))


def sample(solid: Solid, spacing_mm: float) -> Array:
    """Points (n, 3) of a regular lattice that lie inside `solid`, each of ``spacing_mm**3``."""
    points = lattice(solid.bounds, spacing_mm)
    return points[solid.contains(points)]


@dataclass(frozen=True, slots=True, eq=False)
class Scattered:
    """Points inside a solid, one at random in each cell of a lattice.

    Parameters
    ----------
    points : (n, 3) Leksell mm, each for ``spacing_mm**3``
    cell : (n, 3) the cell of each point, counted along the axes
    spacing_mm : edge of a cell
    first_mm : (3,) centre of the cell (0, 0, 0)
    """

    points: Array
    cell: NDArray[np.int64]
    spacing_mm: float
    first_mm: Array


def scattered(solid: Solid, count: int, coarsest_mm: float) -> Scattered:
    """About `count` points inside `solid`, one at random in each cell of a lattice.

    A regular lattice counts all or nothing of a flat face, such as the end of a stack of contours.
    The points are the same each time.
    """
    spacing = spacing_for(solid, count, coarsest_mm)
    centers = lattice(solid.bounds + np.array([[-spacing / 2], [spacing / 2]]), spacing)
    return scattered_in(solid, centers, spacing, centers[0])


def scattered_in(solid: Solid, centers: Array, spacing_mm: float, first_mm: Array) -> Scattered:
    """One point at random in each cell about `centers` (n, 3), as far as it is inside `solid`."""
    points = jittered(centers, spacing_mm)
    inside = solid.contains(points)
    cell = np.rint((centers[inside] - first_mm) / spacing_mm).astype(np.int64)
    return Scattered(points[inside], cell, spacing_mm, first_mm)


def jittered(centers: Array, spacing_mm: float) -> Array:
    """A random point (n, 3) of each cell; the same each time."""
    return centers + np.random.default_rng(1).uniform(-0.5, 0.5, centers.shape) * spacing_mm


def sample_about(
    solid: Solid, count: int, coarsest_mm: float, finest_mm: float = 0.05
) -> tuple[Array, float]:
    """About `count` lattice points inside `solid`, and their spacing in mm.

    See `spacing_for`.
    """
    spacing = spacing_for(solid, count, coarsest_mm, finest_mm)
    return sample(solid, spacing), spacing


def spacing_for(solid: Solid, count: int, coarsest_mm: float, finest_mm: float = 0.05) -> float:
    """The spacing (mm) at which about `count` points of a lattice lie inside `solid`.

    It follows from the solid's volume, so that a small structure is sampled below any voxel size;
    it is never coarser than `coarsest_mm`.
    """
    box_mm3 = float(np.prod(np.maximum(solid.bounds[1] - solid.bounds[0], 1e-3)))
    probe = (box_mm3 / 20_000) ** (1 / 3)
    volume_mm3 = max(len(sample(solid, probe)), 1) * probe**3
    return float(np.clip((volume_mm3 / count) ** (1 / 3), finest_mm, coarsest_mm))
