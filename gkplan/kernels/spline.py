"""A cubic spline in three dimensions, evaluated on a grid."""

from __future__ import annotations

import numpy as np
from numba import njit, prange


@njit(cache=True, parallel=True, fastmath=True)
def spline_on_grid(coefficients, first, weights, inside, out):  # type: ignore[no-untyped-def]
    """Write the spline at the voxels `inside` (nk, nj, ni) to `out`, and 0 elsewhere; float32.

    Along each axis (z, y, x) voxel n has the four coefficients from ``first[axis][n]`` on with
    ``weights[axis][n]``.
    """
    first_k, first_j, first_i = first
    weight_k, weight_j, weight_i = weights
    nk, nj, ni = inside.shape
    for k in prange(nk):
        plane = np.zeros(coefficients.shape[1:], np.float32)
        for c in range(4):
            plane += weight_k[k, c] * coefficients[first_k[k] + c]
        # Along x for every row of coefficients, once: the voxels then are sums of whole rows.
        wide = np.empty((plane.shape[0], ni), np.float32)
        for row in range(plane.shape[0]):
            for i in range(ni):
                total = np.float32(0.0)
                for c in range(4):
                    total += weight_i[i, c] * plane[row, first_i[i] + c]
                wide[row, i] = total
        for j in range(nj):
            at = first_j[j]
            w0, w1, w2, w3 = weight_j[j, 0], weight_j[j, 1], weight_j[j, 2], weight_j[j, 3]
            for i in range(ni):
                total = w0 * wide[at, i] + w1 * wide[at + 1, i]
                total += w2 * wide[at + 2, i] + w3 * wide[at + 3, i]
                out[k, j, i] = total if inside[k, j, i] else np.float32(0.0)
