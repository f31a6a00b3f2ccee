"""Superposition of narrow beams at points: the inner loops of the `tmr` engine.

One evaluator serves everything. Points come in small cells. For each cell the beams that reach
it are written down about its centre as a few coefficients (`place_beams` from far, `settle_beams`
near); the innermost loop (`_beam_adder`) runs over the points of the cell. Its array accesses say
that they do not overlap: that lets the compiler turn it into a few vector instructions. About the
centre of a cell, inverse square with attenuation, and magnification, are cubic in the distance
along the beam to within 1e-5 for cells of up to 10 mm radius. Kernels of `influence` call these:
after a change here, clear numba's cache.

The off-axis profiles are tables over the SQUARED distance on a floating-point scale: `CELLS`
cells to each doubling of ``SHIFT + rho**2``, so cell and place within it are bits of the number
itself, dense at the edge of the beam and sparse in its tail. An entry packs the value (high 16
bits) and the slope (low 16 bits, signed) of its cell: one look-up a beam instead of two.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from gkplan.kernels.apart import add_to, at, look_up

LANES = 8
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
PLACED = 11
# Coefficients of a beam about the centre of a cell.
COEFFICIENTS = 17
# Where along a beam the surface lies that does not cut the cell, mm.
_UNCUT = np.float32(1e6)

# Single precision would not bear the sum of thousands of beams: so many are summed in it.
_BATCH = 64
# The engine sums at most so many points of a cell at a time.
MOST_POINTS = 256
# Work is dealt out to so many tasks, however many threads there are: each has its own scratch
# memory, and neighbours, which cost alike, go to different tasks.
_TASKS = 64


@njit(cache=True, fastmath=True, error_model="numpy")
def place_beams(center, radius, beams, profile, first, last, reach, placed, chosen):  # type: ignore[no-untyped-def]
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
            chosen[0, n], chosen[1, n] = profile[b], b
            n += 1
    return n


@njit(cache=True, fastmath=True, error_model="numpy")
def span_of(radius):  # type: ignore[no-untyped-def]
    """Half of a cell's extent along a beam: of a cube 0.58 to 1 of its radius; 1 mm at least."""
    return max(np.float32(0.7) * radius, np.float32(1.0))


@njit(cache=True, fastmath=True, error_model="numpy")
def _extra_at(row, extra, along):  # type: ignore[no-untyped-def]
    """Extra depth of a beam at a place along it; beyond the table its ends go on."""
    place = (extra.first_mm - along) * extra.per_mm
    place = min(max(place, np.float32(0.0)), np.float32(row.size - 1.001))
    n = int(place)
    return row[n] + (place - np.float32(n)) * (row[n + 1] - row[n])


@njit(cache=True, fastmath=True, error_model="numpy")
def settle_beams(shift, radius, span, placed, chosen, count, reach, extra, decay, near, rows):  # type: ignore[no-untyped-def]
    """Coefficients about the point at `shift` from where the beams were placed; how many reach it.

    `extra` (`ExtraDepth` of the engine) is added to the depth, and taken to be linear over `span`
    on either side. `decay` holds the polynomial that stands for exp(-s) over the depths in question.
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
        limit = reach[chosen[0, b]] * (one - (a - radius) * per) + radius
        if q0 <= limit * limit:
            near[0, n], near[1, n], near[2, n] = ux, uy, uz
            near[3, n], near[4, n], near[5, n], near[6, n] = two * rx, two * ry, two * rz, q0
            near[7, n], near[8, n], near[9, n], near[10, n] = a, per, placed[7, b], placed[9, b]
            near[11, n], near[12, n], near[13, n] = placed[10, b], zero, zero
            if extra.table.shape[1] > 1:
                row = extra.table[chosen[1, b]]
                above, below = _extra_at(row, extra, a + span), _extra_at(row, extra, a - span)
                near[12, n], near[13, n] = (above + below) / two, (above - below) / (two * span)
            rows[n] = chosen[0, b] * (OCTAVES * CELLS) - _FIRST_CELL
            n += 1
    for b in range(n):
        a, per, mu = near[7, b], near[8, b], near[10, b]
        magnify = one / (one - a * per)
        m2 = magnify * magnify
        q = magnify * per
        # In a cell that the surface cuts, the series goes on beyond as if it did not, and
        # `_add_cut_beam` takes back what that gives too much.
        depth = near[9, b] - a
        cut = abs(depth) < radius
        s = mu * (depth + near[12, b]) if cut else mu * max(max(depth, zero) + near[12, b], zero)
        # Depth falls toward the source by what the beam crosses there.
        mu_here = (mu if cut or depth > zero else zero) - mu * near[13, b]
        fall = decay[5] + s * decay[6]
        fall = decay[0] + s * (
            decay[1] + s * (decay[2] + s * (decay[3] + s * (decay[4] + s * fall)))
        )
        amplitude = near[11, b] * m2 * fall
        # Taylor series of 1 / (1 - q w)^2, and of that times exp(mu w).
        rise, bend = two * q + mu_here, two * q * q
        near[7, b], near[8, b] = m2, two * q * m2
        near[9, b], near[10, b] = three * q * q * m2, two * two * q * q * q * m2
        near[11, b], near[12, b] = amplitude, amplitude * rise
        near[13, b] = amplitude * (rise * rise + bend) / two
        near[14, b] = amplitude * (rise * (rise * rise + three * bend) + two * q * bend) / six
        near[15, b], near[16, b] = depth if cut else _UNCUT, mu
    return n


def _beam_adder(cut):  # type: ignore[no-untyped-def]
    """What adds a beam to points; if the surface cuts the cell, that costs a little more."""

    @njit(fastmath=True, error_model="numpy")
    def add(points, n, near, b, row, table, sums):  # type: ignore[no-untyped-def]
        zero, one, shift = np.float32(0.0), np.float32(1.0), np.float32(SHIFT)
        largest = np.float32(_LARGEST)
        part_scale = np.float32(1.0 / (_PART_MASK + 1))
        bits_of_part, mask, half = np.int32(_MANTISSA_BITS), np.int32(_PART_MASK), np.int32(16)
        second, third = np.float32(1 / 2), np.float32(1 / 6)
        ux, uy, uz = near[0, b], near[1, b], near[2, b]
        gx, gy, gz, q0 = near[3, b], near[4, b], near[5, b], near[6, b]
        m0, m1, m2, m3 = near[7, b], near[8, b], near[9, b], near[10, b]
        a0, a1, a2, a3 = near[11, b], near[12, b], near[13, b], near[14, b]
        surface, mu = near[15, b], near[16, b]
        xs, ys, zs = points[0], points[1], points[2]
        # Whole vectors only: a remainder would be computed point by point.
        for i in range(np.int32((n + LANES - 1) // LANES * LANES)):
            x, y, z = at(xs, i), at(ys, i), at(zs, i)
            w = x * ux + y * uy + z * uz
            r2 = q0 + x * (gx + x) + y * (gy + y) + z * (gz + z) - w * w
            rho2 = min(max(r2 * (m0 + w * (m1 + w * (m2 + w * m3))), zero), largest)
            bits = np.float32(rho2 + shift).view(np.int32)
            # Integer results are 64 bits wide unless cast back, and 64-bit look-ups are slow.
            cell = np.int32(np.int32(bits >> bits_of_part) + row) & np.int32(_CELL_MASK)
            entry = look_up(table, cell)
            slope = np.float32(np.int32(np.int32(entry << half) >> half)) * part_scale
            part = np.float32(np.int32(bits & mask))
            profile = np.float32(np.int32(entry >> half)) + part * slope
            dose = (a0 + w * (a1 + w * (a2 + w * a3))) * profile
            if cut:
                s = mu * max(w - surface, zero)
                dose *= one - s * (one - s * (second - s * third))
            add_to(sums, i, dose)

    return add


_add_uncut_beam, _add_cut_beam = _beam_adder(False), _beam_adder(True)


@njit(cache=True, fastmath=True, error_model="numpy")
def add_beams(points, n, near, first, last, rows, table, sums):  # type: ignore[no-untyped-def]
    """Add to `sums` the dose (times SCALE) of beams at n `points` (3, ...) from the cell's centre.

    The arrays must hold a multiple of `LANES` points; what is beyond n is arbitrary.
    """
    for b in range(first, last):
        if near[15, b] == _UNCUT:
            _add_uncut_beam(points, n, near, b, rows[b], table, sums)
        else:
            _add_cut_beam(points, n, near, b, rows[b], table, sums)


@njit(cache=True, fastmath=True, error_model="numpy")
def _sum_beams(points, n, near, count, rows, table, sums, exact):  # type: ignore[no-untyped-def]
    """Write the dose (times SCALE) of `count` beams at n `points` to `exact`, float64."""
    exact[:n] = 0.0
    for begin in range(0, count, _BATCH):
        sums[:] = np.float32(0.0)
        add_beams(points, n, near, begin, min(begin + _BATCH, count), rows, table, sums)
        for p in range(n):
            exact[p] += sums[p]


@njit(cache=True, parallel=True, fastmath=True, error_model="numpy")
def dose_at_points(points, starts, centers, beams, profile, extra, reach, table, decay, out):  # type: ignore[no-untyped-def]
    """Write the dose at `points` (n, 3), which come in cells, to `out` (n,) float64.

    Cell c holds the points ``starts[c]`` to ``starts[c + 1]``, at most `MOST_POINTS`, and lies
    about ``centers[c]``.
    """
    n_beams = profile.size
    for task in prange(_TASKS):
        placed = np.empty((PLACED, n_beams), np.float32)
        chosen = np.empty((2, n_beams), np.int32)
        near = np.empty((COEFFICIENTS, n_beams), np.float32)
        rows = np.empty(n_beams, np.int32)
        here = np.zeros(3, np.float32)
        local = np.zeros((3, MOST_POINTS), np.float32)
        sums, exact = np.empty(MOST_POINTS, np.float32), np.empty(MOST_POINTS)
        for cell in range(task, starts.size - 1, _TASKS):
            first, last = starts[cell], starts[cell + 1]
            radius2 = np.float32(0.0)
            for p in range(first, last):
                for axis in range(3):
                    local[axis, p - first] = points[p, axis] - centers[cell, axis]
                x, y, z = local[0, p - first], local[1, p - first], local[2, p - first]
                radius2 = max(radius2, x * x + y * y + z * z)
            radius = np.float32(math.sqrt(radius2))
            count = place_beams(
                centers[cell], radius, beams, profile, 0, n_beams, reach, placed, chosen
            )
            n = settle_beams(
                here,
                radius,
                span_of(radius),
                placed,
                chosen,
                count,
                reach,
                extra,
                decay,
                near,
                rows,
            )
            _sum_beams(local, last - first, near, n, rows, table, sums, exact)
            for p in range(first, last):
                out[p] = exact[p - first] / SCALE


@njit(cache=True, parallel=True, fastmath=True, error_model="numpy")
def add_on_grid(  # type: ignore[no-untyped-def]
    origin, spacing, edge, boxes, inside, beams, profile, extra, reach, table, decay, out
):
    """Add the dose at the voxels `inside` (nk, nj, ni) of a grid to `out`, float32.

    Cells are boxes of ``edge[axis]`` voxels (x, y, z); `boxes` says which hold voxels `inside`.
    Bricks are 4 x 4 x 4 cells: a brick finds the beams that reach it, and its cells look only at those.
    """
    nk, nj, ni = out.shape
    ex, ey, ez = 4 * edge[0], 4 * edge[1], 4 * edge[2]
    bi, bj, bk = (ni + ex - 1) // ex, (nj + ey - 1) // ey, (nk + ez - 1) // ez
    n_beams = profile.size
    wx, wy, wz = (edge[0] - 1) * spacing[0], (edge[1] - 1) * spacing[1], (edge[2] - 1) * spacing[2]
    half = np.float32(math.sqrt(wx * wx + wy * wy + wz * wz) / 2)
    # Every cell has the same points about its centre; those that lie beyond the grid are unused.
    voxels = edge[0] * edge[1] * edge[2]
    whole = (voxels + LANES - 1) // LANES * LANES
    local = np.zeros((3, whole), np.float32)
    for p in range(voxels):
        local[0, p] = p % edge[0] * spacing[0] - wx / 2
        local[1, p] = p // edge[0] % edge[1] * spacing[1] - wy / 2
        local[2, p] = p // (edge[0] * edge[1]) * spacing[2] - wz / 2
    for task in prange(_TASKS):
        placed = np.empty((PLACED, n_beams), np.float32)
        chosen = np.empty((2, n_beams), np.int32)
        near = np.empty((COEFFICIENTS, n_beams), np.float32)
        rows = np.empty(n_beams, np.int32)
        sums, exact = np.empty(whole, np.float32), np.empty(voxels)
        center, size = np.empty(3), np.empty(3)
        shift = np.empty(3, np.float32)
        for brick in range(task, bi * bj * bk, _TASKS):
            bx, by, bz = brick % bi * 4, brick // bi % bj * 4, brick // (bi * bj) * 4
            i0, j0, k0 = bx * edge[0], by * edge[1], bz * edge[2]
            if not boxes[bz : bz + 4, by : by + 4, bx : bx + 4].any():
                continue
            size[0], size[1], size[2] = ex * spacing[0], ey * spacing[1], ez * spacing[2]
            center[0] = origin[0] + i0 * spacing[0] + (size[0] - spacing[0]) / 2
            center[1] = origin[1] + j0 * spacing[1] + (size[1] - spacing[1]) / 2
            center[2] = origin[2] + k0 * spacing[2] + (size[2] - spacing[2]) / 2
            radius = math.sqrt((size * size).sum()) / 2
            count = place_beams(center, radius, beams, profile, 0, n_beams, reach, placed, chosen)
            if count == 0:
                continue
            for cell in range(64):
                mi, mj, mk = bx + cell % 4, by + cell // 4 % 4, bz + cell // 16
                if mi >= boxes.shape[2] or mj >= boxes.shape[1] or mk >= boxes.shape[0]:
                    continue
                if not boxes[mk, mj, mi]:
                    continue
                ci, cj, ck = mi * edge[0], mj * edge[1], mk * edge[2]
                ti, tj, tk = min(ci + edge[0], ni), min(cj + edge[1], nj), min(ck + edge[2], nk)
                shift[0] = origin[0] + ci * spacing[0] + wx / 2 - center[0]
                shift[1] = origin[1] + cj * spacing[1] + wy / 2 - center[1]
                shift[2] = origin[2] + ck * spacing[2] + wz / 2 - center[2]
                n = settle_beams(
                    shift,
                    half,
                    span_of(half),
                    placed,
                    chosen,
                    count,
                    reach,
                    extra,
                    decay,
                    near,
                    rows,
                )
                if n == 0:
                    continue
                _sum_beams(local, voxels, near, n, rows, table, sums, exact)
                for k in range(ck, tk):
                    for j in range(cj, tj):
                        row = ((k - ck) * edge[1] + j - cj) * edge[0] - ci
                        for i in range(ci, ti):
                            if inside[k, j, i]:
                                out[k, j, i] += exact[row + i] / SCALE
