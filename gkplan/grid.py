"""A regular grid of voxels in a named frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gkplan.frames import Array, Frame


@dataclass(frozen=True, slots=True)
class Grid:
    """Voxels ``[k, j, i]`` (z, y, x) whose axes follow those of `frame`.

    Parameters
    ----------
    shape : (nk, nj, ni)
    spacing_mm : (x, y, z) distance between voxel centres
    origin_mm : (x, y, z) CENTRE of voxel [0, 0, 0]
    frame : Frame of the origin and the axes

    Raises
    ------
    ValueError
        For an empty shape, a spacing that is not positive, or numbers that are not finite.

    Examples
    --------
    >>> grid = Grid.around([[0.0, 0.0, 0.0], [10.0, 10.0, 10.0]], 1.0, Frame.LEKSELL)
    >>> grid.shape
    (11, 11, 11)
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    frame: Frame

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or any(n < 1 for n in self.shape):
            raise ValueError(f"a grid needs at least one voxel along each axis, got {self.shape}")
        numbers = (*self.spacing_mm, *self.origin_mm)
        if not np.isfinite(numbers).all() or min(self.spacing_mm) <= 0:
            raise ValueError(f"spacing must be positive and finite, got {self.spacing_mm}")

    @classmethod
    def around(
        cls, bounds_mm: ArrayLike, spacing_mm: float, frame: Frame, margin_mm: float = 0.0
    ) -> Grid:
        """The smallest isotropic grid whose voxel centres span `bounds_mm` ((2, 3)) + margin."""
        low, high = np.asarray(bounds_mm, dtype=np.float64)
        low, high = low - margin_mm, high + margin_mm
        counts = np.ceil((high - low) / spacing_mm - 1e-9).astype(int) + 1
        origin = (low + high) / 2 - (counts - 1) * spacing_mm / 2
        nx, ny, nz = (int(n) for n in counts)
        x, y, z = (float(c) for c in origin)
        return cls((nz, ny, nx), (spacing_mm,) * 3, (x, y, z), frame)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    @property
    def voxel_volume_cc(self) -> float:
        return float(np.prod(self.spacing_mm)) / 1000.0

    def axes(self) -> tuple[Array, Array, Array]:
        """Coordinates of the voxel centres along x, y and z, mm."""
        x, y, z = (
            (o + s * np.arange(n)).astype(np.float64)
            for o, s, n in zip(self.origin_mm, self.spacing_mm, self.shape[::-1], strict=True)
        )
        return x, y, z

    def corners(self) -> Array:
        """The voxel centres of least and of greatest coordinates, (2, 3) x, y, z."""
        axes = self.axes()
        return np.array([[a[0] for a in axes], [a[-1] for a in axes]])

    def points(self) -> Array:
        """All voxel centres, (n, 3) x, y, z, in the order of ``array.ravel()``."""
        x, y, z = self.axes()
        zz, yy, xx = np.meshgrid(z, y, x, indexing="ij")
        return np.stack([xx.ravel(), yy.ravel(), zz.ravel()], axis=1)

    def fractional_index(self, points: ArrayLike) -> Array:
        """Points (n, 3) as fractional voxel indices (n, 3) in the order k, j, i."""
        index = (np.asarray(points, dtype=np.float64) - self.origin_mm) / self.spacing_mm
        return np.asarray(index[..., ::-1])


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """An array on a grid, and what it means (`quantity`, e.g. ``"dose_gy"``, ``"hu"``)."""

    array: NDArray[np.generic]
    grid: Grid
    quantity: str

    def __post_init__(self) -> None:
        if self.array.shape != self.grid.shape:
            raise ValueError(
                f"array of shape {self.array.shape} on a grid of shape {self.grid.shape}"
            )

    def at(self, points: ArrayLike, outside: float = 0.0) -> Array:
        """Trilinear values at points (n, 3) of the grid's frame; `outside` beyond it."""
        from scipy.ndimage import map_coordinates

        index = self.grid.fractional_index(points).T
        values: Array = map_coordinates(
            self.array.astype(np.float64), index, order=1, mode="constant", cval=outside
        )
        return values
