"""Gamma index at the voxels of one grid against another."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

ROUNDS = 6
SMALL = 0.04  # a squared gamma below this need not be told better


@njit(cache=True, inline="always")
def _corner(n, length):  # type: ignore[no-untyped-def]
    """The voxel below a fractional index, the last but one at most, and the one above it."""
    low = min(max(int(n), 0), max(length - 2, 0))
    return low, min(low + 1, length - 1)


@njit(cache=True)
def interpolated(values, z, y, x):  # type: ignore[no-untyped-def]
    """Trilinear value at the fractional index z, y, x, and its slopes; nan outside the grid."""
    nz, ny, nx = values.shape
    if not (0.0 <= z <= nz - 1 and 0.0 <= y <= ny - 1 and 0.0 <= x <= nx - 1):
        return np.nan, 0.0, 0.0, 0.0
    k, k1 = _corner(z, nz)
    j, j1 = _corner(y, ny)
    i, i1 = _corner(x, nx)
    fz, fy, fx = z - k, y - j, x - i
    slope00, slope01 = values[k, j, i1] - values[k, j, i], values[k, j1, i1] - values[k, j1, i]
    slope10, slope11 = values[k1, j, i1] - values[k1, j, i], values[k1, j1, i1] - values[k1, j1, i]
    v00, v01 = values[k, j, i] + fx * slope00, values[k, j1, i] + fx * slope01
    v10, v11 = values[k1, j, i] + fx * slope10, values[k1, j1, i] + fx * slope11
    low, high = v00 + fy * (v01 - v00), v10 + fy * (v11 - v10)
    slope_y = (1.0 - fz) * (v01 - v00) + fz * (v11 - v10)
    slope0, slope1 = slope00 + fy * (slope01 - slope00), slope10 + fy * (slope11 - slope10)
    return low + fz * (high - low), high - low, slope_y, slope0 + fz * (slope1 - slope0)


@njit(cache=True)
def descend(values, z, y, x, scale, dose, criterion, a, b, c, best):  # type: ignore[no-untyped-def]
    """The least squared gamma found from the offset (a, b, c) on, at most `best`.

    Offsets are in units of the distance criterion, `scale` turns them into steps of the index.
    Gauss-Newton steps: where the dose is linear, one is exact.
    """
    there, gz, gy, gx = interpolated(values, z + a * scale[0], y + b * scale[1], x + c * scale[2])
    here = a * a + b * b + c * c + ((there - dose) / criterion) ** 2
    if np.isnan(there):
        return best
    for _ in range(ROUNDS):
        u, v, w = gz * scale[0] / criterion, gy * scale[1] / criterion, gx * scale[2] / criterion
        # (1 + g g^T) s = -(o + g e), solved by the formula for a matrix of rank one more.
        error = (there - dose) / criterion
        away = (u * a + v * b + w * c - error) / (1.0 + u * u + v * v + w * w)
        sa, sb, sc = away * u - a, away * v - b, away * w - c
        part = 1.0
        moved = False
        for _ in range(4):
            na, nb, nc = a + part * sa, b + part * sb, c + part * sc
            there, gz, gy, gx = interpolated(
                values, z + na * scale[0], y + nb * scale[1], x + nc * scale[2]
            )
            found = na * na + nb * nb + nc * nc + ((there - dose) / criterion) ** 2
            # Not where it is nan, outside the grid.
            if found < here:
                moved = here - found > 1e-6
                a, b, c, here = na, nb, nc, found
                break
            part *= 0.4
        if not moved:
            break
    # Where cells of the grid meet the slope changes at once: steps in all directions go on there.
    reach = 0.2
    while reach > 0.02 and here > SMALL:
        moved = False
        for way in range(27):
            na = a + reach * (way // 9 - 1)
            nb = b + reach * (way // 3 % 3 - 1)
            nc = c + reach * (way % 3 - 1)
            there, _, _, _ = interpolated(
                values, z + na * scale[0], y + nb * scale[1], x + nc * scale[2]
            )
            found = na * na + nb * nb + nc * nc + ((there - dose) / criterion) ** 2
            if found < here - 1e-6:
                a, b, c, here = na, nb, nc, found
                moved = True
                break
        if not moved:
            reach *= 0.5
    return min(here, best)


@njit(cache=True, parallel=True)
def gamma_on_grid(  # type: ignore[no-untyped-def]
    reference, start, step, evaluated, scale, offsets, relative, absolute, cutoff, most, out
):
    """Fill ``out`` (like `reference`) with gamma, nan below `cutoff` or where nothing is to compare.

    ``start + step * (k, j, i)`` is the fractional index of a reference voxel in `evaluated`;
    `offsets` (n, 3) are where to look, by ascending distance, in units of the distance criterion,
    which is `scale` steps of the index. The dose criterion is ``relative * dose + absolute``.
    The search ends when the distance alone exceeds what was found.
    """
    nk, nj, ni = reference.shape
    for row in prange(nk * nj):
        k, j = row // nj, row % nj
        for i in range(ni):
            dose = reference[k, j, i]
            out[k, j, i] = np.nan
            if not dose >= cutoff:
                continue
            criterion = relative * dose + absolute
            z, y, x = start[0] + step[0] * k, start[1] + step[1] * j, start[2] + step[2] * i
            best = descend(evaluated, z, y, x, scale, dose, criterion, 0.0, 0.0, 0.0, np.inf)
            least, nearest = np.inf, -1
            for n in range(len(offsets)):
                a, b, c = offsets[n, 0], offsets[n, 1], offsets[n, 2]
                far = a * a + b * b + c * c
                if far >= best or far > most * most:
                    break
                there, _, _, _ = interpolated(
                    evaluated, z + a * scale[0], y + b * scale[1], x + c * scale[2]
                )
                found = far + ((there - dose) / criterion) ** 2
                if found < least:
                    least, nearest = found, n
            # Not only where it is less than the first descent found: it may lead to a better place.
            if nearest > 0:
                a, b, c = offsets[nearest, 0], offsets[nearest, 1], offsets[nearest, 2]
                best = descend(evaluated, z, y, x, scale, dose, criterion, a, b, c, best)
            if best < np.inf:
                out[k, j, i] = min(np.sqrt(best), most)
