"""Superposition of narrow beams at points: the inner loops of the `tmr` engine.

One evaluator serves everything. Points come in small cells. For each cell the beams that reach
it are written down about its centre as a few coefficients (`_place` from far, `_settle` near),
in blocks of `LANES`, so that the innermost loop (`_block_dose`) has a fixed length and stores
nothing: that is what lets the compiler turn it into a few vector instructions. About the
centre of a cell, inverse square with attenuation, and magnification, are cubic in the
distance along the beam to within 1e-5 for cells of up to 10 mm radius.

The off-axis profiles are tables over the SQUARED distance on a floating-point scale: `CELLS`
cells to each doubling of ``SHIFT + rho**2``, so cell and place within it are bits of the number
itself, dense at the edge of the beam and sparse in its tail. An entry packs the value (high 16
bits) and the slope (low 16 bits, signed) of its cell: one look-up a beam instead of two.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

LANES = 16
SHIFT, OCTAVES, CELLS = 16.0, 12, 128
SCALE = 32000.0  # of a packed value: 1.0 on the axis, with room for the shared error
_MANTISSA_BITS = 23 - 7  # 2**7 cells an octave
_PART_MASK = (1 << _MANTISSA_BITS) - 1
_FIRST_CELL = (127 + 4) << 7  # what the bits of SHIFT = 2**4 give as a cell
_LARGEST = SHIFT * (2.0**OCTAVES - 1.0) * 0.999
# Always true of a cell's number; it tells the compiler that the number is not negative.
_CELL_MASK = (1 << 24) - 1

# Beams as they come in (float64). `output` includes exp(mu * calibration depth).
BEAM_COLUMNS = ("fx", "fy", "fz", "ux", "uy", "uz", "surface", "per_distance", "mu", "output")
# Beams seen from a place (float32): direction, distance along, vector from the axis, the rest.
_PLACED = 11
# Coefficients of a beam about the centre of a cell.
_COEFFICIENTS = 15

# The engine sums at most so many points of a cell at a time.
MOST_POINTS = 256
# Work is dealt out to so many tasks, however many threads there are: each has its own scratch
# memory, and neighbours, which cost alike, go to different tasks.
_TASKS = 64
# Groups of an influence that look at a cell one after the other.
_GROUPS = 24


@njit(cache=True, fastmath=True, error_model="numpy")
def _place(center, radius, beams, profile, first, last, reach, placed, chosen):  # type: ignore[no-untyped-def]
    """Write the beams that come within `reach` of the sphere about `center`; their number."""
    n = 0
    for b in range(first, last):
        x, y, z = center[0] - beams[0, b], center[1] - beams[1, b], center[2] - beams[2, b]
        ux, uy, uz = beams[3, b], beams[4, b], beams[5, b]
        a = x * ux + y * uy + z * uz
        rx, ry, rz = x - a * ux, y - a * uy, z - a * uz
        # Off-axis distances count at the focus; this is the least that the sphere sees of it.
        gap = (math.sqrt(rx * rx + ry * ry + rz * rz) - radius) / (1.0 - (a - radius) * beams[7, b])
        if gap <= reach[profile[b]]:
            placed[0, n], placed[1, n], placed[2, n], placed[3, n] = ux, uy, uz, a
            placed[4, n], placed[5, n], placed[6, n] = rx, ry, rz
            placed[7, n], placed[8, n] = beams[6, b], beams[7, b]
            placed[9, n], placed[10, n] = beams[8, b], beams[9, b]
            chosen[n] = profile[b]
            n += 1
    return n


@njit(cache=True, fastmath=True, error_model="numpy")
def _settle(shift, radius, placed, chosen, count, reach, decay, blocks, rows):  # type: ignore[no-untyped-def]
    """Coefficients about the point at `shift` from where the beams were placed; their blocks.

    `decay` holds the polynomial that stands for exp(-s) over the depths in question.
    """
    zero, one, two = np.float32(0.0), np.float32(1.0), np.float32(2.0)
    three, six = np.float32(3.0), np.float32(6.0)
    x, y, z = shift[0], shift[1], shift[2]
    n = 0
    for b in range(count):
        ux, uy, uz = placed[0, b], placed[1, b], placed[2, b]
        w = x * ux + y * uy + z * uz
        a = placed[3, b] + w
        rx, ry, rz = placed[4, b] + x - w * ux, placed[5, b] + y - w * uy, placed[6, b] + z - w * uz
        q0 = rx * rx + ry * ry + rz * rz
        per = placed[8, b]
        limit = reach[chosen[b]] * (one - (a - radius) * per) + radius
        if q0 <= limit * limit:
            k, i = n // LANES, n % LANES
            out = blocks[k]
            out[0, i], out[1, i], out[2, i] = ux, uy, uz
            out[3, i], out[4, i], out[5, i], out[6, i] = two * rx, two * ry, two * rz, q0
            out[7, i], out[8, i], out[9, i], out[10, i] = a, per, placed[7, b], placed[9, b]
            out[11, i] = placed[10, b]
            rows[k, i] = chosen[b] * (OCTAVES * CELLS) - _FIRST_CELL
            n += 1
    full = (n + LANES - 1) // LANES
    for i in range(n, full * LANES):
        # A padding beam has no output; all else of it must be finite.
        blocks[full - 1, :, i % LANES] = zero
        rows[full - 1, i % LANES] = -_FIRST_CELL
    for k in range(full):
        out = blocks[k]
        for i in range(LANES):
            a, per, mu = out[7, i], out[8, i], out[10, i]
            magnify = one / (one - a * per)
            m2 = magnify * magnify
            q = magnify * per
            depth = out[9, i] - a
            s = mu * max(depth, zero)
            mu_here = mu if depth > zero else zero
            fall = decay[5] + s * decay[6]
            fall = decay[0] + s * (
                decay[1] + s * (decay[2] + s * (decay[3] + s * (decay[4] + s * fall)))
            )
            amplitude = out[11, i] * m2 * fall
            # Taylor series of 1 / (1 - q w)^2, and of that times exp(mu w).
            rise, bend = two * q + mu_here, two * q * q
            out[7, i], out[8, i] = m2, two * q * m2
            out[9, i], out[10, i] = three * q * q * m2, two * two * q * q * q * m2
            out[11, i], out[12, i] = amplitude, amplitude * rise
            out[13, i] = amplitude * (rise * rise + bend) / two
            out[14, i] = amplitude * (rise * (rise * rise + three * bend) + two * q * bend) / six
    return full


@njit(cache=True, fastmath=True, error_model="numpy")
def _block_dose(x, y, z, c, rows, table):  # type: ignore[no-untyped-def]
    """Dose (times SCALE) of one block of beams at the offset (x, y, z) from the cell's centre."""
    zero, shift, largest = np.float32(0.0), np.float32(SHIFT), np.float32(_LARGEST)
    part_scale = np.float32(1.0 / (_PART_MASK + 1))
    bits_of_part, mask, half = np.int32(_MANTISSA_BITS), np.int32(_PART_MASK), np.int32(16)
    p2 = x * x + y * y + z * z
    total = zero
    for i in range(LANES):
        w = x * c[0, i] + y * c[1, i] + z * c[2, i]
        r2 = c[6, i] + x * c[3, i] + y * c[4, i] + z * c[5, i] + p2 - w * w
        magnify2 = c[7, i] + w * (c[8, i] + w * (c[9, i] + w * c[10, i]))
        rho2 = min(max(r2 * magnify2, zero), largest)
        bits = np.float32(rho2 + shift).view(np.int32)
        # Integer results are 64 bits wide unless cast back, and 64-bit look-ups are slow.
        cell = np.int32(np.int32(bits >> bits_of_part) + rows[i]) & np.int32(_CELL_MASK)
        entry = table[cell]
        slope = np.float32(np.int32(np.int32(entry << half) >> half)) * part_scale
        part = np.float32(np.int32(bits & mask))
        profile = np.float32(np.int32(entry >> half)) + part * slope
        total += (c[11, i] + w * (c[12, i] + w * (c[13, i] + w * c[14, i]))) * profile
    return total


@njit(cache=True, parallel=True, fastmath=True, error_model="numpy")
def dose_at_points(points, starts, centers, beams, profile, reach, table, decay, out):  # type: ignore[no-untyped-def]
    """Write the dose at `points` (n, 3), which come in cells, to `out` (n,) float64.

    Cell c holds the points ``starts[c]`` to ``starts[c + 1]``, at most `MOST_POINTS`, and lies
    about ``centers[c]``.
    """
    n_beams = profile.size
    for task in prange(_TASKS):
        placed = np.empty((_PLACED, n_beams), np.float32)
        chosen = np.empty(n_beams, np.int32)
        blocks = np.empty((n_beams // LANES + 1, _COEFFICIENTS, LANES), np.float32)
        rows = np.empty((n_beams // LANES + 1, LANES), np.int32)
        here = np.zeros(3, np.float32)
        for cell in range(task, starts.size - 1, _TASKS):
            first, last = starts[cell], starts[cell + 1]
            center = centers[cell]
            radius2 = 0.0
            for p in range(first, last):
                x, y, z = (
                    points[p, 0] - center[0],
                    points[p, 1] - center[1],
                    points[p, 2] - center[2],
                )
                radius2 = max(radius2, x * x + y * y + z * z)
                out[p] = 0.0
            radius = math.sqrt(radius2)
            count = _place(center, radius, beams, profile, 0, n_beams, reach, placed, chosen)
            full = _settle(
                here, np.float32(radius), placed, chosen, count, reach, decay, blocks, rows
            )
            for k in range(full):
                for p in range(first, last):
                    x = np.float32(points[p, 0] - center[0])
                    y = np.float32(points[p, 1] - center[1])
                    z = np.float32(points[p, 2] - center[2])
                    out[p] += _block_dose(x, y, z, blocks[k], rows[k], table) / SCALE


@njit(cache=True, parallel=True, fastmath=True, error_model="numpy")
def add_on_grid(origin, spacing, edge, inside, beams, profile, reach, table, decay, out):  # type: ignore[no-untyped-def]
    """Add the dose at the voxels `inside` (nk, nj, ni) of a grid to `out`, float32.

    Cells are boxes of ``edge[axis]`` voxels (x, y, z), and bricks 4 x 4 x 4 cells: a brick
    finds the beams that reach it, and its cells look only at those.
    """
    nk, nj, ni = out.shape
    ex, ey, ez = 4 * edge[0], 4 * edge[1], 4 * edge[2]
    bi, bj, bk = (ni + ex - 1) // ex, (nj + ey - 1) // ey, (nk + ez - 1) // ez
    n_beams = profile.size
    wx, wy, wz = (edge[0] - 1) * spacing[0], (edge[1] - 1) * spacing[1], (edge[2] - 1) * spacing[2]
    half = np.float32(math.sqrt(wx * wx + wy * wy + wz * wz) / 2)
    for task in prange(_TASKS):
        placed = np.empty((_PLACED, n_beams), np.float32)
        chosen = np.empty(n_beams, np.int32)
        blocks = np.empty((n_beams // LANES + 1, _COEFFICIENTS, LANES), np.float32)
        rows = np.empty((n_beams // LANES + 1, LANES), np.int32)
        center, size = np.empty(3), np.empty(3)
        shift = np.empty(3, np.float32)
        for brick in range(task, bi * bj * bk, _TASKS):
            i0, j0, k0 = brick % bi * ex, brick // bi % bj * ey, brick // (bi * bj) * ez
            if not inside[k0 : k0 + ez, j0 : j0 + ey, i0 : i0 + ex].any():
                continue
            size[0] = (min(i0 + ex, ni) - i0 - 1) * spacing[0]
            size[1] = (min(j0 + ey, nj) - j0 - 1) * spacing[1]
            size[2] = (min(k0 + ez, nk) - k0 - 1) * spacing[2]
            center[0] = origin[0] + i0 * spacing[0] + size[0] / 2
            center[1] = origin[1] + j0 * spacing[1] + size[1] / 2
            center[2] = origin[2] + k0 * spacing[2] + size[2] / 2
            radius = math.sqrt((size * size).sum()) / 2
            count = _place(center, radius, beams, profile, 0, n_beams, reach, placed, chosen)
            if count == 0:
                continue
            for cell in range(64):
                ci = i0 + cell % 4 * edge[0]
                cj = j0 + cell // 4 % 4 * edge[1]
                ck = k0 + cell // 16 * edge[2]
                ti, tj, tk = min(ci + edge[0], ni), min(cj + edge[1], nj), min(ck + edge[2], nk)
                if not inside[ck:tk, cj:tj, ci:ti].any():
                    continue
                shift[0] = origin[0] + ci * spacing[0] + wx / 2 - center[0]
                shift[1] = origin[1] + cj * spacing[1] + wy / 2 - center[1]
                shift[2] = origin[2] + ck * spacing[2] + wz / 2 - center[2]
                full = _settle(shift, half, placed, chosen, count, reach, decay, blocks, rows)
                if full == 0:
                    continue
                for k in range(ck, tk):
                    z = np.float32((k - ck) * spacing[2] - wz / 2)
                    for j in range(cj, tj):
                        y = np.float32((j - cj) * spacing[1] - wy / 2)
                        for i in range(ci, ti):
                            if inside[k, j, i]:
                                x = np.float32((i - ci) * spacing[0] - wx / 2)
                                total = np.float32(0.0)
                                for b in range(full):
                                    total += _block_dose(x, y, z, blocks[b], rows[b], table)
                                out[k, j, i] += total / np.float32(SCALE)


@njit(cache=True, fastmath=True, error_model="numpy")
def _box(points, first, last, center):  # type: ignore[no-untyped-def]
    """Middle of the box about some points, into `center`; the radius of the box."""
    total = 0.0
    for axis in range(3):
        low = high = points[first, axis]
        for p in range(first + 1, last):
            low, high = min(low, points[p, axis]), max(high, points[p, axis])
        center[axis] = (low + high) / 2
        total += (high - low) ** 2
    return math.sqrt(total) / 2


# fmt: off
@njit(cache=True, parallel=True, fastmath=True, error_model="numpy")
def influence_at_points(points, order, cells, centers, nodes, spread, run, starts, beams, profile, reach, core, tail, decay, out):  # type: ignore[no-untyped-def]
    # fmt: on
    """Write the dose rate of every group of beams alone, ``out[group, order[point]]``, float32.

    Group g has the beams ``starts[g]`` to ``starts[g + 1]``. Cell c holds the points
    ``cells[c]`` to ``cells[c + 1]``, at most `MOST_POINTS`, about ``centers[c]``: the tails of
    the profiles are computed at the offsets ``nodes[c]`` (m, 3) and carried to the points by
    ``spread[c]`` (m, MOST_POINTS); the cores at every point, in runs of `run` points.
    """
    groups, most = starts.size - 1, np.diff(starts).max()
    everywhere = np.full(reach.size, np.float32(1e6))
    far = np.float32(1e3)
    for task in prange((groups + _GROUPS - 1) // _GROUPS):
        placed = np.empty((_PLACED, most), np.float32)
        chosen = np.empty(most, np.int32)
        blocks = np.empty((most // LANES + 1, _COEFFICIENTS, LANES), np.float32)
        rows = np.empty((most // LANES + 1, LANES), np.int32)
        here, shift = np.zeros(3, np.float32), np.empty(3, np.float32)
        middle = np.empty(3)
        sums = np.empty(MOST_POINTS, np.float32)
        for cell in range(cells.size - 1):
            first, last = cells[cell], cells[cell + 1]
            for g in range(_GROUPS * task, min(_GROUPS * (task + 1), groups)):
                count = _place(
                    centers[cell], far, beams, profile, starts[g], starts[g + 1],
                    everywhere, placed, chosen,
                )  # fmt: skip
                full = _settle(here, far, placed, chosen, count, everywhere, decay, blocks, rows)
                sums[:] = np.float32(0.0)
                for node in range(nodes.shape[1]):
                    x, y, z = nodes[cell, node, 0], nodes[cell, node, 1], nodes[cell, node, 2]
                    value = np.float32(0.0)
                    for k in range(full):
                        value += _block_dose(x, y, z, blocks[k], rows[k], tail)
                    for p in range(last - first):
                        sums[p] += value * spread[cell, node, p]
                for begin in range(first, last, run):
                    end = min(begin + run, last)
                    radius = np.float32(_box(points, begin, end, middle))
                    for axis in range(3):
                        shift[axis] = middle[axis] - centers[cell, axis]
                    full = _settle(
                        shift, radius, placed, chosen, count, reach, decay, blocks, rows
                    )
                    for k in range(full):
                        for p in range(begin, end):
                            x = np.float32(points[p, 0] - middle[0])
                            y = np.float32(points[p, 1] - middle[1])
                            z = np.float32(points[p, 2] - middle[2])
                            sums[p - first] += _block_dose(x, y, z, blocks[k], rows[k], core)
                for p in range(first, last):
                    out[g, order[p]] = sums[p - first] / np.float32(SCALE)
