"""Rays through a sampled field that is negative inside a solid."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

MAX_CROSSINGS = 16
# Crossings are bisected down to this bracket, mm, then interpolated.
_BRACKET = 1e-3


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


@njit(cache=True)
def _clip(start, slope, low, high):  # type: ignore[no-untyped-def]
    """The t in which ``start + slope * t`` lies within [low, high]; reversed where it never does."""
    if slope == 0.0:
        return (-np.inf, np.inf) if low <= start <= high else (np.inf, -np.inf)
    a, b = (low - start) / slope, (high - start) / slope
    return (a, b) if a < b else (b, a)


@njit(cache=True)
def _block_exit(start, slope, block, size):  # type: ignore[no-untyped-def]
    """The t at which one coordinate leaves its block."""
    if slope > 0.0:
        return ((block + 1) * size - start) / slope
    if slope < 0.0:
        return (block * size - start) / slope
    return np.inf


@njit(cache=True, parallel=True)
def levelset_crossings(values, mixed, size, affine, origins, directions, step):  # type: ignore[no-untyped-def]
    """Ray parameters t, (n, MAX_CROSSINGS), where the sign changes, in then out; inf at the end.

    Steps of `step` mm within the samples' box. ``mixed[block]`` is False where all samples of a
    block of ``size**3`` cells have one sign, so that nothing crosses and the whole block is one
    step; this asks nothing of the values but their sign. A ray that is still inside at the end
    of the box, or after the last crossing that fits, ends at the end of the box.
    """
    n = directions.shape[0]
    nk, nj, ni = values.shape
    out = np.full((n, MAX_CROSSINGS), np.inf)
    for ray in prange(n):
        k, j, i = affine[0, 3], affine[1, 3], affine[2, 3]
        dk = dj = di = 0.0
        for axis in range(3):
            k += affine[0, axis] * origins[ray, axis]
            j += affine[1, axis] * origins[ray, axis]
            i += affine[2, axis] * origins[ray, axis]
            dk += affine[0, axis] * directions[ray, axis]
            dj += affine[1, axis] * directions[ray, axis]
            di += affine[2, axis] * directions[ray, axis]
        k_in, k_out = _clip(k, dk, 0.0, nk - 1.0)
        j_in, j_out = _clip(j, dj, 0.0, nj - 1.0)
        i_in, i_out = _clip(i, di, 0.0, ni - 1.0)
        end = min(k_out, j_out, i_out)
        t = max(k_in, j_in, i_in)
        before = 1.0
        found = 0
        while t < end:
            bk = min(max(int(k + t * dk) // size, 0), mixed.shape[0] - 1)
            bj = min(max(int(j + t * dj) // size, 0), mixed.shape[1] - 1)
            bi = min(max(int(i + t * di) // size, 0), mixed.shape[2] - 1)
            ahead = t + step
            if not mixed[bk, bj, bi]:
                leave = min(
                    _block_exit(k, dk, bk, size),
                    _block_exit(j, dj, bj, size),
                    _block_exit(i, di, bi, size),
                )
                # A little into the next block; never back where rounding put us past the exit.
                ahead = max(leave, t) + 1e-3 * step
            value = _trilinear(values, k + ahead * dk, j + ahead * dj, i + ahead * di)
            if (value <= 0.0) != (before <= 0.0) and found < MAX_CROSSINGS:
                low, high, at_low, at_high = t, ahead, before, value
                while high - low > _BRACKET:
                    middle = 0.5 * (low + high)
                    there = _trilinear(values, k + middle * dk, j + middle * dj, i + middle * di)
                    if (there <= 0.0) == (at_low <= 0.0):
                        low, at_low = middle, there
                    else:
                        high, at_high = middle, there
                out[ray, found] = low + (high - low) * at_low / (at_low - at_high)
                found += 1
            t, before = ahead, value
        if found % 2 == 1:
            out[ray, found] = end
    return out
