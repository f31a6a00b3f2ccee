"""Rays through a sampled signed distance."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

MAX_CROSSINGS = 16


@njit(cache=True)
def _trilinear(values, k, j, i):  # type: ignore[no-untyped-def]
    """Value at a fractional index; +1 (outside) beyond the samples."""
    nk, nj, ni = values.shape
    k0, j0, i0 = int(math.floor(k)), int(math.floor(j)), int(math.floor(i))
    if k0 < 0 or j0 < 0 or i0 < 0 or k0 >= nk - 1 or j0 >= nj - 1 or i0 >= ni - 1:
        return 1.0
    fk, fj, fi = k - k0, j - j0, i - i0
    total = 0.0
    for dk in range(2):
        wk = fk if dk else 1.0 - fk
        for dj in range(2):
            wj = fj if dj else 1.0 - fj
            for di in range(2):
                wi = fi if di else 1.0 - fi
                total += wk * wj * wi * values[k0 + dk, j0 + dj, i0 + di]
    return total


@njit(cache=True, parallel=True)
def levelset_crossings(values, affine, origins, directions, reach, step):  # type: ignore[no-untyped-def]
    """Ray parameters t, (n, MAX_CROSSINGS), where the sign changes, in then out; inf at the end.

    Steps of `step` mm from -reach to +reach, then the secant within the step. A ray that is
    still inside after the last crossing that fits, or at the end, ends there.
    """
    n = directions.shape[0]
    out = np.full((n, MAX_CROSSINGS), np.inf)
    steps = int(math.ceil(2.0 * reach / step))
    for ray in prange(n):
        k = j = i = 0.0
        dk = dj = di = 0.0
        for axis in range(3):
            k += affine[0, axis] * origins[ray, axis]
            j += affine[1, axis] * origins[ray, axis]
            i += affine[2, axis] * origins[ray, axis]
            dk += affine[0, axis] * directions[ray, axis]
            dj += affine[1, axis] * directions[ray, axis]
            di += affine[2, axis] * directions[ray, axis]
        k, j, i = k + affine[0, 3], j + affine[1, 3], i + affine[2, 3]
        found = 0
        before = 1.0
        for s in range(steps + 1):
            t = -reach + s * step
            value = _trilinear(values, k + t * dk, j + t * dj, i + t * di)
            if (value <= 0.0) != (before <= 0.0) and found < MAX_CROSSINGS:
                out[ray, found] = t - step * value / (value - before)
                found += 1
            before = value
        if found % 2 == 1:
            out[ray, found] = reach
    return out
