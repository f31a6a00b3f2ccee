"""Superposition of narrow beams at points: the inner loop of the `tmr` engine.

Beams are rows of one float32 table (see `COLUMNS`), sorted by group; a group is a run of beams
that share an isocentre. The off-axis profiles are tables over the square root of the distance:
dense at the edge of the beam, sparse in its tail. The loop over beams is a reduction without
stores, which is what lets the compiler vectorise it.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

# Columns of the beam table. `rate` includes exp(mu * calibration depth).
COLUMNS = ("ux", "uy", "uz", "surface", "inverse_distance", "attenuation", "rate", "table_row")


@njit(cache=True, fastmath=True, error_model="numpy")
def _sum_beams(x, y, z, first, end, beams, tables, inverse_step, c):  # type: ignore[no-untyped-def]
    """Dose rate of the beams first..end at the offset (x, y, z) from their isocentre.

    `c` holds the polynomial that stands for exp(-s) over the depths in question.
    """
    r2 = x * x + y * y + z * z
    last = np.float32(tables.shape[1] - 2)
    stride = np.int32(tables.shape[1])
    flat = tables.reshape(-1)
    one, zero = np.float32(1.0), np.float32(0.0)
    total = zero
    for b in range(first, end):
        a = x * beams[0, b] + y * beams[1, b] + z * beams[2, b]
        magnify = one / (one - a * beams[4, b])
        rho = math.sqrt(max(r2 - a * a, zero)) * magnify
        place = min(math.sqrt(rho) * inverse_step, last)
        cell = np.int32(place)
        part = place - np.float32(cell)
        entry = np.int32(beams[7, b]) * stride + cell
        low = flat[entry]
        profile = low + part * (flat[entry + np.int32(1)] - low)
        s = beams[5, b] * max(beams[3, b] - a, zero)
        decay = c[0] + s * (c[1] + s * (c[2] + s * (c[3] + s * (c[4] + s * (c[5] + s * c[6])))))
        total += beams[6, b] * magnify * magnify * decay * profile
    return total


@njit(cache=True, parallel=True, fastmath=True, error_model="numpy")
def dose_at_points(points, isocenters, starts, beams, weights, tables, inverse_step, c, out):  # type: ignore[no-untyped-def]
    """Add to `out` (n,) float64 the dose of all groups at `points` (n, 3) float64.

    Group g has the isocentre ``isocenters[g]`` (float64), the beams ``starts[g]`` to
    ``starts[g + 1]`` and the weight ``weights[g]`` (minutes).
    """
    for p in prange(points.shape[0]):
        total = 0.0
        for g in range(weights.size):
            x = np.float32(points[p, 0] - isocenters[g, 0])
            y = np.float32(points[p, 1] - isocenters[g, 1])
            z = np.float32(points[p, 2] - isocenters[g, 2])
            total += weights[g] * _sum_beams(
                x, y, z, starts[g], starts[g + 1], beams, tables, inverse_step, c
            )
        out[p] += total


@njit(cache=True, parallel=True, fastmath=True, error_model="numpy")
def influence_at_points(points, isocenters, starts, beams, tables, inverse_step, c, out):  # type: ignore[no-untyped-def]
    """Dose rate of every group by itself, ``out[point, group]`` float32, Gy/min."""
    for p in prange(points.shape[0]):
        for g in range(isocenters.shape[0]):
            x = np.float32(points[p, 0] - isocenters[g, 0])
            y = np.float32(points[p, 1] - isocenters[g, 1])
            z = np.float32(points[p, 2] - isocenters[g, 2])
            out[p, g] = _sum_beams(
                x, y, z, starts[g], starts[g + 1], beams, tables, inverse_step, c
            )
