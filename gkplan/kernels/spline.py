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
        row = np.empty(coefficients.shape[2], np.float32)
        for j in range(nj):
            if not inside[k, j].any():
                out[k, j, :] = np.float32(0.0)
                continue
            row[:] = np.float32(0.0)
            for c in range(4):
                row += weight_j[j, c] * plane[first_j[j] + c]
            for i in range(ni):
                total = np.float32(0.0)
                if inside[k, j, i]:
                    for c in range(4):
                        total += weight_i[i, c] * row[first_i[i] + c]
                out[k, j, i] = total
