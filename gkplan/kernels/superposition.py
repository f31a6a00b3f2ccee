"""Superposition of narrow beams at points: the inner loops of the `tmr` engine.

Points come in small cells. For each cell the beams that reach it are written down about its centre
as a few coefficients (`placed`); the innermost loop (`_beam_adder`) runs over the points of the
cell. Its array accesses say that they do not overlap: that lets the compiler turn it into a few
vector instructions.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from gkplan.kernels.apart import add_to, at, look_up
from gkplan.kernels.lookup import SCALE, SHIFT, cell_of, interpolated
from gkplan.kernels.placed import (
    COEFFICIENTS,
    LANES,
    MOST_POINTS,
    PLACED,
    UNCUT,
    place_beams,
    settle_beams,
)
from gkplan.kernels.series import shaded

# Single precision would not bear the sum of thousands of beams: so many are summed in it.
_BATCH = 64
# Work is dealt out to so many tasks, however many threads there are: each has its own scratch
# memory, and neighbours, which cost alike, go to different tasks.
_TASKS = 64


def _beam_adder(cut):  # type: ignore[no-untyped-def]
    """What adds a beam to points; if the surface cuts the cell, that costs a little more."""

    @njit(fastmath=True, error_model="numpy")
    def add(points, n, near, b, row, table, sums):  # type: ignore[no-untyped-def]
        zero, shift = np.float32(0.0), np.float32(SHIFT)
        ux, uy, uz = near[0, b], near[1, b], near[2, b]
        gx, gy, gz, q0 = near[3, b], near[4, b], near[5, b], near[6, b]
        m0, m1, m2, m3 = near[7, b], near[8, b], near[9, b], near[10, b]
        a0, a1, a2, a3 = near[11, b], near[12, b], near[13, b], near[14, b]
        surface, mu = near[15, b], near[16, b]
        to_x, to_y = np.int32(0), np.int32(points.shape[1])
        to_z, to_squares = np.int32(2 * to_y), np.int32(3 * to_y)
        # Whole vectors only: a remainder would be computed point by point.
        for i in range(np.int32((n + LANES - 1) // LANES * LANES)):
            x, y, z = at(points, to_x, i), at(points, to_y, i), at(points, to_z, i)
            w = x * ux + y * uy + z * uz
            q = (q0 + at(points, to_squares, i)) + x * gx + y * gy + z * gz - w * w
            bits = np.float32(q * (m0 + w * (m1 + w * (m2 + w * m3))) + shift).view(np.int32)
            profile = interpolated(look_up(table, row, cell_of(bits)), bits)
            dose = (a0 + w * (a1 + w * (a2 + w * a3))) * profile
            if cut:
                dose *= shaded(mu * max(w - surface, zero))
            add_to(sums, to_x, i, dose)

    return add


_add_uncut_beam, _add_cut_beam = _beam_adder(False), _beam_adder(True)


@njit(cache=True, fastmath=True, error_model="numpy")
def _add_beams(points, n, near, first, last, rows, table, sums):  # type: ignore[no-untyped-def]
    """Add to `sums` the dose (times SCALE) of beams at n `points` from the cell's centre.

    `points` (4, ...) has their coordinates and the square of their distance. The arrays must hold
    a multiple of `LANES` points; what is beyond n is arbitrary.
    """
    for b in range(first, last):
        if near[15, b] == UNCUT:
            _add_uncut_beam(points, n, near, b, rows[b], table, sums)
        else:
            _add_cut_beam(points, n, near, b, rows[b], table, sums)


@njit(cache=True, fastmath=True, error_model="numpy")
def _sum_beams(points, n, near, count, rows, table, sums, exact):  # type: ignore[no-untyped-def]
    """Write the dose (times SCALE) of `count` beams at n `points` to `exact`, float64."""
    exact[:n] = 0.0
    for begin in range(0, count, _BATCH):
        sums[:] = np.float32(0.0)
        _add_beams(points, n, near, begin, min(begin + _BATCH, count), rows, table, sums)
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
        local = np.zeros((4, MOST_POINTS), np.float32)
        sums, exact = np.empty(MOST_POINTS, np.float32), np.empty(MOST_POINTS)
        for cell in range(task, starts.size - 1, _TASKS):
            first, last = starts[cell], starts[cell + 1]
            radius2 = np.float32(0.0)
            for p in range(first, last):
                for axis in range(3):
                    local[axis, p - first] = points[p, axis] - centers[cell, axis]
                x, y, z = local[0, p - first], local[1, p - first], local[2, p - first]
                local[3, p - first] = x * x + y * y + z * z
                radius2 = max(radius2, local[3, p - first])
            radius = np.float32(math.sqrt(radius2))
            count = place_beams(centers[cell], radius, beams, profile, reach, placed, chosen)
            n = settle_beams(here, radius, placed, chosen, count, extra, decay, near, rows)
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
    local = np.zeros((4, whole), np.float32)
    for p in range(voxels):
        local[0, p] = p % edge[0] * spacing[0] - wx / 2
        local[1, p] = p // edge[0] % edge[1] * spacing[1] - wy / 2
        local[2, p] = p // (edge[0] * edge[1]) * spacing[2] - wz / 2
        local[3, p] = local[0, p] ** 2 + local[1, p] ** 2 + local[2, p] ** 2
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
            count = place_beams(center, radius, beams, profile, reach, placed, chosen)
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
                n = settle_beams(shift, half, placed, chosen, count, extra, decay, near, rows)
                if n == 0:
                    continue
                _sum_beams(local, voxels, near, n, rows, table, sums, exact)
                for k in range(ck, tk):
                    for j in range(cj, tj):
                        row = ((k - ck) * edge[1] + j - cj) * edge[0] - ci
                        for i in range(ci, ti):
                            if inside[k, j, i]:
                                out[k, j, i] += exact[row + i] / SCALE
