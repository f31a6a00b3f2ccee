"""Rays through a sampled field that is negative inside a solid."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

BLOCK = 8  # cells a side that one step crosses where all samples have the same sign
# Crossings are bisected down to this bracket, mm, then interpolated.
_BRACKET = 1e-3


@njit(cache=True, error_model="numpy")
def _trilinear(values, k, j, i):  # type: ignore[no-untyped-def]
    """Value at a fractional index; +1 (outside) beyond the samples."""
    nk, nj, ni = values.shape
    if not (0.0 <= k < nk - 1 and 0.0 <= j < nj - 1 and 0.0 <= i < ni - 1):
        return 1.0
    k0, j0, i0 = int(k), int(j), int(i)
    fk, fj, fi = k - k0, j - j0, i - i0
    v = values[k0 : k0 + 2, j0 : j0 + 2, i0 : i0 + 2]
    low = (1.0 - fj) * ((1.0 - fi) * v[0, 0, 0] + fi * v[0, 0, 1])
    low += fj * ((1.0 - fi) * v[0, 1, 0] + fi * v[0, 1, 1])
    high = (1.0 - fj) * ((1.0 - fi) * v[1, 0, 0] + fi * v[1, 0, 1])
    high += fj * ((1.0 - fi) * v[1, 1, 0] + fi * v[1, 1, 1])
    return (1.0 - fk) * low + fk * high


@njit(cache=True, error_model="numpy")
def _clip(start, slope, low, high):  # type: ignore[no-untyped-def]
    """The t in which ``start + slope * t`` lies within [low, high]; reversed where it never does."""
    if slope == 0.0:
        return (-np.inf, np.inf) if low <= start <= high else (np.inf, -np.inf)
    a, b = (low - start) / slope, (high - start) / slope
    return (a, b) if a < b else (b, a)


@njit(cache=True, error_model="numpy")
def _exit(start, slope, block):  # type: ignore[no-untyped-def]
    """The t at which one coordinate leaves its block."""
    if slope > 0.0:
        return ((block + 1) * BLOCK - start) / slope
    if slope < 0.0:
        return (block * BLOCK - start) / slope
    return np.inf


@njit(cache=True, parallel=True, error_model="numpy")
def levelset_crossings(values, signs, affine, origins, directions, out):  # type: ignore[no-untyped-def]
    """Fill `out` (n, m) with the t where the sign changes, in then out; return their numbers (n,).

    Those that do not fit are counted only.
    Steps of half a cell within the samples' box. ``signs[block]`` is -1 or 1 where all samples of a
    block of ``BLOCK**3`` cells are inside or outside, so that nothing crosses and the block is
    one step without a look at its samples; this asks nothing of the values but their sign. A
    ray that is still inside at the end of the box ends there.
    """
    n = directions.shape[0]
    nk, nj, ni = values.shape
    counts = np.empty(n, dtype=np.int64)
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
        step = 0.5 / max(abs(dk), abs(dj), abs(di))
        k_in, k_out = _clip(k, dk, 0.0, nk - 1.0)
        j_in, j_out = _clip(j, dj, 0.0, nj - 1.0)
        i_in, i_out = _clip(i, di, 0.0, ni - 1.0)
        end = min(k_out, j_out, i_out)
        t = max(k_in, j_in, i_in)
        before = 1.0
        found = 0
        while t < end:
            bk = min(max(int(k + t * dk) // BLOCK, 0), signs.shape[0] - 1)
            bj = min(max(int(j + t * dj) // BLOCK, 0), signs.shape[1] - 1)
            bi = min(max(int(i + t * di) // BLOCK, 0), signs.shape[2] - 1)
            sign = signs[bk, bj, bi]
            if sign != 0:
                leave = min(_exit(k, dk, bk), _exit(j, dj, bj), _exit(i, di, bi))
                # A little into the next block; never back where rounding put us past the exit.
                ahead, value = max(leave, t) + 1e-3 * step, float(sign)
            else:
                ahead = t + step
                value = _trilinear(values, k + ahead * dk, j + ahead * dj, i + ahead * di)
            if (value <= 0.0) != (before <= 0.0):
                low, high, at_low, at_high = t, ahead, before, value
                while high - low > _BRACKET:
                    middle = 0.5 * (low + high)
                    there = _trilinear(values, k + middle * dk, j + middle * dj, i + middle * di)
                    if (there <= 0.0) == (at_low <= 0.0):
                        low, at_low = middle, there
                    else:
                        high, at_high = middle, there
                if found < out.shape[1]:
                    out[ray, found] = low + (high - low) * at_low / (at_low - at_high)
                found += 1
            t, before = ahead, value
        if found % 2 == 1:
            if found < out.shape[1]:
                out[ray, found] = end
            found += 1
        counts[ray] = found
    return counts
