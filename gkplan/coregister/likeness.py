"""How well two images of a head fit: normalised mutual information at points of one of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.grid import Grid, Volume

_BINS = 40
# CT numbers beyond these hold metal and air; what differs between them by less than the softness
# about soft tissue gets most of the bins, or brain would be one with ventricles.
_CT_HU, _SOFT_HU, _SOFTNESS_HU = (-1000.0, 2000.0), 40.0, 100.0
_TOP = 0.999
# Points are looked for within this distance of the head, mm: its surface tells most.
_AROUND_MM = 15.0
_LEAST_OVERLAP = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An image (nk, nj, ni) in grey values from 0 to `_BINS` - 1, and its grid (LPS mm)."""

    values: NDArray[np.float32]
    grid: Grid

    @classmethod
    def of(cls, volume: Volume) -> Picture:
        """Without metal, or without the brightest thousandth.

        Raises
        ------
        CaseError
            If all its values are alike.
        """
        values = np.asarray(volume.array, dtype=np.float32)
        if volume.quantity == "hu":
            values = np.clip(values, *_CT_HU)
            values = np.arcsinh((values - np.float32(_SOFT_HU)) / np.float32(_SOFTNESS_HU))
        low, high = float(values.min()), float(np.quantile(values[::2, ::2, ::2], _TOP))
        if not high > low:
            raise CaseError("co-registration: one of the images is empty: all its values are alike")
        scaled = (np.clip(values, low, high) - low) * np.float32((_BINS - 1) / (high - low))
        return cls(scaled.astype(np.float32), volume.grid)

    def reduced(self, spacing_mm: float) -> Picture:
        """The mean of whole voxels, about this spacing along each axis."""
        factors = [
            min(max(1, int(spacing_mm / s + 0.5)), n)
            for s, n in zip(self.grid.spacing_mm[::-1], self.values.shape, strict=True)
        ]
        if max(factors) == 1:
            return self
        kept = [n // f for n, f in zip(self.values.shape, factors, strict=True)]
        whole = self.values[tuple(slice(0, n * f) for n, f in zip(kept, factors, strict=True))]
        parts = whole.reshape([m for n, f in zip(kept, factors, strict=True) for m in (n, f)])
        return Picture(
            parts.mean(axis=(1, 3, 5), dtype=np.float32), _coarser(self.grid, kept, factors)
        )

    def mirrored(self) -> Picture:
        """Left and right exchanged, on the same grid."""
        return replace(self, values=np.ascontiguousarray(self.values[:, :, ::-1]))

    def at(self, points_mm: Array) -> Array:
        """Values (n,) at points (n, 3), linear between voxels."""
        from scipy.ndimage import map_coordinates

        index = self.grid.fractional_index(points_mm)
        return np.asarray(map_coordinates(self.values, index.T, order=1, mode="nearest"))

    def head_points(self) -> Array:
        """Places (n, 3) of what is not air, on about 30 voxels along each axis."""
        steps = [max(1, n // 30) for n in self.values.shape]
        values = self.values[:: steps[0], :: steps[1], :: steps[2]]
        x, y, z = self.grid.axes()
        zz, yy, xx = np.meshgrid(z[:: steps[0]], y[:: steps[1]], x[:: steps[2]], indexing="ij")
        # Half-way between air and the usual of what lies above the mean.
        inside = values > float(np.median(values[values > values.mean()])) / 2
        return np.stack([xx[inside], yy[inside], zz[inside]], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Points (n, 3) of one image with its bins (n,) there, and another image."""

    points: Array
    bins: NDArray[np.int64]
    other: Picture

    def likeness(self, matrix: Array) -> float:
        """Normalised mutual information less one, with (4, 4) `matrix` leading to the other image.

        0 where the two have nothing in common, or share less than a fifth of the points; 1 where
        they are the same (Studholme et al. 1999, Pattern Recognition 32, 71-86).
        """
        from gkplan.kernels.mutual import joint_histogram

        grid = self.other.grid
        scale = 1.0 / np.array(grid.spacing_mm)
        index = (matrix[:3] - np.column_stack([np.zeros((3, 3)), grid.origin_mm])) * scale[:, None]
        table = joint_histogram(
            self.points, self.bins, self.other.values, np.ascontiguousarray(index[::-1]), _BINS
        )
        total = table.sum()
        if total < _LEAST_OVERLAP * len(self.points):
            return 0.0
        both = _entropy(table / total)
        if both <= 0.0:
            return 0.0
        one, two = _entropy(table.sum(axis=1) / total), _entropy(table.sum(axis=0) / total)
        return float((one + two) / both - 1.0)


def pair(one: Picture, other: Picture, count: int, seed: int, region: Array | None = None) -> Pair:
    """`count` random points about the head in `one`; only those of the box `region` (2, 3)."""
    head = one.head_points()
    first, last = one.grid.corners()
    low = np.maximum(head.min(axis=0) - _AROUND_MM, first)
    high = np.minimum(head.max(axis=0) + _AROUND_MM, last)
    if region is not None:
        low, high = np.maximum(low, region[0]), np.minimum(high, region[1])
    # Anywhere, not at voxels: where two lattices meet, likeness has peaks of its own.
    points = np.random.default_rng(seed).uniform(low, high, (count, 3))
    # Neighbours one after the other: the processor then has most of what it needs at hand.
    points = points[np.lexsort((points[:, 0], points[:, 1] // 4.0, points[:, 2] // 2.0))]
    return Pair(points, np.rint(one.at(points)).astype(np.int64), other)


def _entropy(p: Array) -> float:
    some = p[p > 0.0]
    return float(-(some * np.log(some)).sum())


def _coarser(grid: Grid, kept: list[int], factors: list[int]) -> Grid:
    step = np.array(grid.spacing_mm)
    by = np.array(factors[::-1])
    origin = np.array(grid.origin_mm) + (by - 1) / 2 * step
    a, b, c = (step * by).tolist()
    x, y, z = origin.tolist()
    return replace(
        grid, shape=(kept[0], kept[1], kept[2]), spacing_mm=(a, b, c), origin_mm=(x, y, z)
    )
