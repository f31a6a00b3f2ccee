"""Small bright spots in axial images: where fiducial rods may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.localizer.slices import AxialSlices

# Smoothing, and the side of the square that what is larger than a rod holds: such is taken away.
_SMOOTH_MM, _LARGER_MM = 1.2, 9.0
_APART_MM = 4.0
# Noise by itself gives half of all pixels as much as the median.
_NOISE_FACTOR = 6.0
# A slanted rod is a spot up to three times as long as wide; an edge is longer.
_ROUND = 0.15
# All around a spot it is darker; edges and corners of what is larger go on at one side.
_RING_MM, _RING_POINTS, _ABOVE_RING = 4.5, 24, 0.2
_MOST = 100  # spots a slice


@dataclass(frozen=True, slots=True, eq=False)
class Spots:
    """n spots: patient mm (n, 3), and the number of the slice that each is in (n,)."""

    points: Array
    slice_number: NDArray[np.int64]


def find_spots(slices: AxialSlices) -> Spots:
    """Local maxima that are brighter than what is around them, small, and round enough.

    Their places are good to about 0.3 mm: enough to find lines.
    """
    points, numbers = [], []
    for k, image in enumerate(slices.pixels):
        found = _spots(image, slices)
        points.append(np.column_stack([found, np.full(len(found), slices.z_mm[k])]))
        numbers.append(np.full(len(found), k))
    return Spots(np.concatenate(points), np.concatenate(numbers))


def _spots(image: NDArray[np.float32], slices: AxialSlices) -> Array:
    """x, y (n, 2) of the spots in one image, the brightest first."""
    from scipy.ndimage import gaussian_filter, maximum_filter, white_tophat

    dx, dy = slices.spacing_mm
    smooth = gaussian_filter(image, (_SMOOTH_MM / dy, _SMOOTH_MM / dx))
    answer = white_tophat(smooth, (_odd(_LARGER_MM / dy), _odd(_LARGER_MM / dx)))
    size = (_odd(_APART_MM / dy), _odd(_APART_MM / dx))
    loud = answer > _NOISE_FACTOR * np.median(answer)
    peak = (answer == maximum_filter(answer, size)) & loud
    peak[[0, -1], :] = peak[:, [0, -1]] = False
    j, i = np.nonzero(peak)
    xx = (answer[j, i + 1] - 2 * answer[j, i] + answer[j, i - 1]) / dx**2
    yy = (answer[j + 1, i] - 2 * answer[j, i] + answer[j - 1, i]) / dy**2
    diagonal = answer[j + 1, i + 1] + answer[j - 1, i - 1]
    across = answer[j + 1, i - 1] + answer[j - 1, i + 1]
    xy = (diagonal - across) / (4 * dx * dy)
    middle, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    # Both curvatures are negative at a peak; their ratio tells a spot from a ridge.
    is_round = (middle + half) < _ROUND * (middle - half)
    above = smooth[j, i] - _brightest_around(smooth, j, i, (dx, dy))
    is_round &= above > _ABOVE_RING * answer[j, i]
    j, i, xx, yy = j[is_round], i[is_round], xx[is_round], yy[is_round]
    above = above[is_round]
    brightest = np.argsort(above)[::-1][:_MOST]
    j, i, xx, yy = j[brightest], i[brightest], xx[brightest], yy[brightest]
    # The top of a parabola through the peak and its neighbours.
    x = i * dx - (answer[j, i + 1] - answer[j, i - 1]) / (2 * dx) / xx
    y = j * dy - (answer[j + 1, i] - answer[j - 1, i]) / (2 * dy) / yy
    return np.column_stack([slices.origin_mm[0] + x, slices.origin_mm[1] + y])


def _odd(pixels: float) -> int:
    """The nearest odd number of pixels, 3 at least."""
    return max(2 * int(pixels / 2) + 1, 3)


def _brightest_around(
    image: NDArray[np.float32],
    j: NDArray[np.intp],
    i: NDArray[np.intp],
    spacing_mm: tuple[float, float],
) -> NDArray[np.float32]:
    """The largest value (n,) on a ring about each of the pixels j, i (n,)."""
    angle = 2.0 * np.pi * np.arange(_RING_POINTS) / _RING_POINTS
    across = np.rint(_RING_MM * np.cos(angle) / spacing_mm[0]).astype(np.intp)
    down = np.rint(_RING_MM * np.sin(angle) / spacing_mm[1]).astype(np.intp)
    rows, columns = image.shape
    around = image[
        np.clip(j[:, None] + down, 0, rows - 1), np.clip(i[:, None] + across, 0, columns - 1)
    ]
    return np.asarray(around.max(axis=1))
