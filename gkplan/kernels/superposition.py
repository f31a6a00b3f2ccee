"""Superposition of narrow beams at points: the inner loop of the `tmr` engine.

Beams come in blocks of `BLOCK` (a sector of one collimator; a short block is padded with beams
of no rate), so that the inner loop has a fixed length, starts at zero and stores nothing: that
is what lets the compiler turn it into a few vector instructions.

The off-axis profiles are tables over the SQUARED distance on a floating-point scale: `CELLS`
cells to each doubling of ``SHIFT + rho**2``, so cell and place within it are bits of the number
itself, dense at the edge of the beam and sparse in its tail. An entry packs the value (high 16
bits) and the slope (low 16 bits, signed) of its cell: one look-up a beam instead of two.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

BLOCK = 24
# Rows of a block. `rate` includes exp(mu * calibration depth). With e the (small) shift of the
# beam's axis from the isocentre, normal to it, px to pz are -2 e and `shift2` is e squared.
COLUMNS = (
    *("ux", "uy", "uz", "surface", "inverse_distance", "attenuation", "rate"),
    *("px", "py", "pz", "shift2"),
)

SHIFT, OCTAVES, CELLS = 16.0, 12, 128
SCALE = 32000.0  # of a packed value: 1.0 on the axis, with room for the shared error
_MANTISSA_BITS = 23 - 7  # 2**7 cells an octave
_PART_MASK = (1 << _MANTISSA_BITS) - 1
FIRST_CELL = (127 + 4) << 7  # what the bits of SHIFT = 2**4 give as a cell
_LARGEST = SHIFT * (2.0**OCTAVES - 1.0) * 0.999
_POINTS = 64


@njit(cache=True, fastmath=True, error_model="numpy")
def _block_rate(x, y, z, beams, rows, table, c):  # type: ignore[no-untyped-def]
    """Dose rate of one block of beams at the offset (x, y, z) from their isocentre, float32.

    `c` holds the polynomial that stands for exp(-s) over the depths in question.
    """
    zero, one, shift = np.float32(0.0), np.float32(1.0), np.float32(SHIFT)
    largest = np.float32(_LARGEST)
    part_scale = np.float32(1.0 / (_PART_MASK + 1))
    bits_of_part, mask, half = np.int32(_MANTISSA_BITS), np.int32(_PART_MASK), np.int32(16)
    r2 = x * x + y * y + z * z
    total = zero
    for b in range(BLOCK):
        a = x * beams[0, b] + y * beams[1, b] + z * beams[2, b]
        magnify = one / (one - a * beams[4, b])
        magnify2 = magnify * magnify
        apart2 = r2 + beams[10, b] + x * beams[7, b] + y * beams[8, b] + z * beams[9, b]
        rho2 = min(max(apart2 - a * a, zero) * magnify2, largest)
        bits = np.float32(rho2 + shift).view(np.int32)
        # Integer results are 64 bits wide unless cast back, and 64-bit look-ups are slow.
        cell = np.int32(np.int32(bits >> bits_of_part) + rows[b])
        entry = table[cell]
        slope = np.float32(np.int32(np.int32(entry << half) >> half)) * part_scale
        part = np.float32(np.int32(bits & mask))
        profile = np.float32(np.int32(entry >> half)) + part * slope
        s = beams[5, b] * max(beams[3, b] - a, zero)
        decay = c[0] + s * (c[1] + s * (c[2] + s * (c[3] + s * (c[4] + s * (c[5] + s * c[6])))))
        total += beams[6, b] * magnify2 * decay * profile
    return total


@njit(cache=True, parallel=True, fastmath=True, error_model="numpy")
def dose_at_points(points, isocenters, starts, beams, rows, weights, table, c, out):  # type: ignore[no-untyped-def]
    """Add to `out` (n,) float64 the dose of all groups at `points` (n, 3) float64.

    Group g has the isocentre ``isocenters[g]`` (float64), the blocks ``starts[g]`` to
    ``starts[g + 1]`` of `beams` (blocks, 11, BLOCK) and `rows` (blocks, BLOCK: first table entry
    of each beam, less FIRST_CELL), and the weight ``weights[g]`` (minutes / SCALE).
    """
    chunks = (points.shape[0] + _POINTS - 1) // _POINTS
    for chunk in prange(chunks):
        begin = chunk * _POINTS
        end = min(begin + _POINTS, points.shape[0])
        for g in range(weights.size):
            for p in range(begin, end):
                x = np.float32(points[p, 0] - isocenters[g, 0])
                y = np.float32(points[p, 1] - isocenters[g, 1])
                z = np.float32(points[p, 2] - isocenters[g, 2])
                total = 0.0
                for k in range(starts[g], starts[g + 1]):
                    total += _block_rate(x, y, z, beams[k], rows[k], table, c)
                out[p] += weights[g] * total


@njit(cache=True, parallel=True, fastmath=True, error_model="numpy")
def influence_at_points(points, isocenters, starts, beams, rows, scale, table, c, out):  # type: ignore[no-untyped-def]
    """Dose rate of every group by itself, ``out[group, point]`` float32, Gy/min."""
    for g in prange(isocenters.shape[0]):
        for p in range(points.shape[0]):
            x = np.float32(points[p, 0] - isocenters[g, 0])
            y = np.float32(points[p, 1] - isocenters[g, 1])
            z = np.float32(points[p, 2] - isocenters[g, 2])
            total = np.float32(0.0)
            for k in range(starts[g], starts[g + 1]):
                total += _block_rate(x, y, z, beams[k], rows[k], table, c)
            out[g, p] = scale * total
