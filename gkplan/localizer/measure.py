"""The exact place of a rod in a slice: the middle of its spot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.localizer.slices import AxialSlices

_SIGMA_MM = 1.6
_WINDOW_MM = 6.0
_RING_MM = (4.5, 6.0)  # what is around a spot tells what is under it
_ROUNDS = 20
_FARTHEST_MM = 2.5
_FAINTEST = 0.35  # of the median contrast of all spots


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """n spots of rods, measured: patient mm (n, 3), rod and slice of each (n,)."""

    points: Array
    rod: NDArray[np.int64]
    slice_number: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.points)

    def only(self, which: NDArray[np.bool_]) -> Sightings:
        return Sightings(self.points[which], self.rod[which], self.slice_number[which])


def measured(slices: AxialSlices, expected: Sightings) -> Sightings:
    """The spots near where they are expected, to a twentieth of a pixel where nothing is beside.

    A spot's middle is where the image under a Gaussian weight of 1.6 mm, less its surroundings,
    has its centroid: a fixed point of the weight's own centre. A slanted rod in a thick slice
    has the same middle. What is faint, or not where it should be, is left out.
    """
    dx, dy = slices.spacing_mm
    half = (int(np.ceil(_WINDOW_MM / dx)), int(np.ceil(_WINDOW_MM / dy)))
    start = (expected.points[:, :2] - slices.origin_mm) / (dx, dy)
    nearest = np.rint(start).astype(np.int64)
    rows, columns = slices.pixels.shape[1:]
    inside = (
        (nearest[:, 0] >= half[0])
        & (nearest[:, 0] < columns - half[0])
        & (nearest[:, 1] >= half[1])
        & (nearest[:, 1] < rows - half[1])
    )
    expected, nearest = expected.only(inside), nearest[inside]
    if not len(expected):
        return expected
    along_x, along_y = np.arange(-half[0], half[0] + 1), np.arange(-half[1], half[1] + 1)
    j = (nearest[:, 1, None] + along_y)[:, :, None]
    i = (nearest[:, 0, None] + along_x)[:, None, :]
    window = slices.pixels[expected.slice_number[:, None, None], j, i].astype(np.float64)
    x, y = np.asarray(along_x * dx, np.float64), np.asarray(along_y * dy, np.float64)
    middle = expected.points[:, :2] - slices.origin_mm - nearest * (dx, dy)
    # The ring is laid about the spot, not about where it was expected.
    _, middle = _centered(window, x, y, middle, _surroundings(window, x, y, middle))
    signal, middle = _centered(window, x, y, middle, _surroundings(window, x, y, middle))
    found = slices.origin_mm + nearest * (dx, dy) + middle
    moved = np.hypot(*(found - expected.points[:, :2]).T)
    seen = (signal > _FAINTEST * np.median(signal)) & (moved < _FARTHEST_MM)
    points = np.column_stack([found, expected.points[:, 2]])
    return Sightings(points, expected.rod, expected.slice_number).only(seen)


def _surroundings(window: Array, x: Array, y: Array, middle: Array) -> Array:
    """Median (n,) of the values in a ring about the middle."""
    distance = np.hypot(
        x[None, None, :] - middle[:, 0, None, None], y[None, :, None] - middle[:, 1, None, None]
    )
    ring = (distance >= _RING_MM[0]) & (distance <= _RING_MM[1])
    return np.asarray(np.nanmedian(np.where(ring, window, np.nan), axis=(1, 2)))


def _centered(
    window: Array, x: Array, y: Array, middle: Array, level: Array
) -> tuple[Array, Array]:
    """Mean signal (n,) under the weight, and the fixed point (n, 2) of the weighted centroid."""
    value = np.maximum(window - level[:, None, None], 0.0)
    for _ in range(_ROUNDS):
        wx = np.exp(-(((x - middle[:, :1]) / _SIGMA_MM) ** 2) / 2)
        wy = np.exp(-(((y - middle[:, 1:]) / _SIGMA_MM) ** 2) / 2)
        columns = np.einsum("nji,nj->ni", value, wy) * wx
        rows = np.einsum("nji,ni->nj", value, wx) * wy
        total = np.maximum(columns.sum(axis=1), 1e-12)
        middle = np.column_stack([columns @ x, rows @ y]) / total[:, None]
    signal = total / np.maximum(wx.sum(axis=1) * wy.sum(axis=1), 1e-12)
    return signal, middle
