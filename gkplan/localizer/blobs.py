"""Small bright spots in axial images: where fiducial rods may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.localizer.slices import AxialSlices

# A difference of Gaussians answers to spots of 2 to 6 mm and not to what is wider.
_FINE_MM, _COARSE_MM = 1.3, 3.5
_APART_MM = 4.0
_NOISE_FACTOR = 8.0
# A slanted rod is a spot up to three times as long as wide; an edge is longer.
_ROUND = 0.15
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
    from scipy.ndimage import gaussian_filter, maximum_filter

    dx, dy = slices.spacing_mm
    fine = gaussian_filter(image, (_FINE_MM / dy, _FINE_MM / dx))
    answer = fine - gaussian_filter(image, (_COARSE_MM / dy, _COARSE_MM / dx))
    noise = 1.4826 * float(np.median(np.abs(answer - np.median(answer))))
    size = (2 * int(_APART_MM / 2 / dy) + 1, 2 * int(_APART_MM / 2 / dx) + 1)
    peak = (answer == maximum_filter(answer, size)) & (answer > _NOISE_FACTOR * noise)
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
    j, i, xx, yy = j[is_round], i[is_round], xx[is_round], yy[is_round]
    brightest = np.argsort(answer[j, i])[::-1][:_MOST]
    j, i, xx, yy = j[brightest], i[brightest], xx[brightest], yy[brightest]
    # The top of a parabola through the peak and its neighbours.
    x = i * dx - (answer[j, i + 1] - answer[j, i - 1]) / (2 * dx) / xx
    y = j * dy - (answer[j + 1, i] - answer[j - 1, i]) / (2 * dy) / yy
    return np.column_stack([slices.origin_mm[0] + x, slices.origin_mm[1] + y])
