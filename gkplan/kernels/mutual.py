"""Joint histogram of two images, one of them moved: what mutual information is made of."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def joint_histogram(points, bins, image, to_index, count):  # type: ignore[no-untyped-def]
    """Pairs of grey values at some points, (count, count): one image's bin, the other's.

    Parameters
    ----------
    points : (n, 3) where one image is looked at
    bins : (n,) int, the bin of its value there
    image : (nk, nj, ni) float32, the other image in bins, 0 to ``count - 1``
    to_index : (3, 4) affine map of a point to fractional k, j, i of the other image
    count : number of bins

    Notes
    -----
    The other image is interpolated linearly, and each value shared by its two nearest bins, so
    that the histogram changes smoothly with the map. Points outside the other image are left out.
    """
    out = np.zeros((count, count))
    nk, nj, ni = image.shape
    for n in range(len(points)):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        fk = to_index[0, 0] * x + to_index[0, 1] * y + to_index[0, 2] * z + to_index[0, 3]
        fj = to_index[1, 0] * x + to_index[1, 1] * y + to_index[1, 2] * z + to_index[1, 3]
        fi = to_index[2, 0] * x + to_index[2, 1] * y + to_index[2, 2] * z + to_index[2, 3]
        if not (0.0 <= fk < nk - 1 and 0.0 <= fj < nj - 1 and 0.0 <= fi < ni - 1):
            continue
        k, j, i = int(fk), int(fj), int(fi)
        a, b, c = fk - k, fj - j, fi - i
        low = (1 - b) * ((1 - c) * image[k, j, i] + c * image[k, j, i + 1]) + b * (
            (1 - c) * image[k, j + 1, i] + c * image[k, j + 1, i + 1]
        )
        high = (1 - b) * ((1 - c) * image[k + 1, j, i] + c * image[k + 1, j, i + 1]) + b * (
            (1 - c) * image[k + 1, j + 1, i] + c * image[k + 1, j + 1, i + 1]
        )
        value = (1 - a) * low + a * high
        bin_ = min(int(value), count - 2)
        part = value - bin_
        out[bins[n], bin_] += 1.0 - part
        out[bins[n], bin_ + 1] += part
    return out
