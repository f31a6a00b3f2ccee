"""The influence of many groups of beams at the same points, group by group.

These kernels call those of `superposition`: after a change there, clear numba's cache.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from gkplan.kernels.superposition import (
    COEFFICIENTS,
    MOST_POINTS,
    PLACED,
    SCALE,
    add_beams,
    place_beams,
    settle_beams,
    span_of,
)

# Tails share the coefficients of a beam over so much of it on either side, mm.
_TAIL_SPAN = 6.0
# Groups that look at a cell one after the other.
_GROUPS = 24
# Nodes of a tail are a multiple of so many.
TOGETHER = 5


@njit(cache=True, fastmath=True, error_model="numpy")
def _run_of(points, first, last, center, shift, local):  # type: ignore[no-untyped-def]
    """Write points from the middle of their box (`local`), that from `center`; the box's radius."""
    total = 0.0
    for axis in range(3):
        low = high = points[first, axis]
        for p in range(first + 1, last):
            low, high = min(low, points[p, axis]), max(high, points[p, axis])
        middle = (low + high) / 2
        total += (high - low) ** 2
        shift[axis] = middle - center[axis]
        for p in range(first, last):
            local[axis, p - first] = points[p, axis] - middle
    return np.float32(math.sqrt(total) / 2)


@njit(cache=True, fastmath=True, error_model="numpy")
def _carry(nodes, spread, sums):  # type: ignore[no-untyped-def]
    """Write the polynomial through the values at the nodes to `sums`.

    Five nodes (`TOGETHER`) at a time: to load and store the sums costs more than to add to them.
    """
    sums[:] = np.float32(0.0)
    for n in range(0, spread.shape[0], 5):
        a, b, c, d, e = nodes[n], nodes[n + 1], nodes[n + 2], nodes[n + 3], nodes[n + 4]
        at_a, at_b, at_c = spread[n], spread[n + 1], spread[n + 2]
        at_d, at_e = spread[n + 3], spread[n + 4]
        for p in range(sums.size):
            sums[p] += a * at_a[p] + b * at_b[p] + c * at_c[p] + d * at_d[p] + e * at_e[p]


# fmt: off
@njit(cache=True, parallel=True, fastmath=True, error_model="numpy")
def influence_at_points(points, position, cells, centers, nodes, spread, carried, run, starts, beams, profile, extra, reach, whole, core, tail, decay, out):  # type: ignore[no-untyped-def]
    # fmt: on
    """Write the dose rate of every group of beams alone, ``out[group, point]``, float32.

    Group g has the beams ``starts[g]`` to ``starts[g + 1]``. Cell c holds the points
    ``cells[c]`` to ``cells[c + 1]``, at most `MOST_POINTS`, about ``centers[c]``: the tails of
    the profiles are computed at the offsets ``nodes[c]`` (3, m) and carried to the points by
    ``spread[c]`` (at most m, MOST_POINTS); the cores at every point, in runs of `run` points.
    In cells that are not `carried` the whole profile is computed at every point. `run` divides
    `MOST_POINTS` and is a multiple of `LANES`.
    Point p of the answer is number ``position[p]`` of `points`.
    """
    groups, most = starts.size - 1, np.diff(starts).max()
    everywhere = np.full(reach.size, np.float32(1e6))
    far = np.float32(1e3)
    runs = (MOST_POINTS + run - 1) // run
    for task in prange((groups + _GROUPS - 1) // _GROUPS):
        placed = np.empty((PLACED, most), np.float32)
        chosen = np.empty((2, most), np.int32)
        near = np.empty((COEFFICIENTS, most), np.float32)
        rows = np.empty(most, np.int32)
        local = np.zeros((runs, 3, run), np.float32)
        shift, radius = np.empty((runs, 3), np.float32), np.empty(runs, np.float32)
        some, sums = np.empty(MOST_POINTS, np.float32), np.zeros(MOST_POINTS, np.float32)
        here = np.zeros(3, np.float32)
        line = np.empty(out.shape[1], np.float32)
        first_group, last_group = _GROUPS * task, min(_GROUPS * (task + 1), groups)
        for cell in range(cells.size - 1):
            first, last = cells[cell], cells[cell + 1]
            n_runs = (last - first + run - 1) // run
            for r in range(n_runs):
                begin = first + r * run
                radius[r] = _run_of(
                    points, begin, min(begin + run, last), centers[cell], shift[r], local[r]
                )
            table, limit = (core, reach) if carried[cell] else (whole, everywhere)
            for g in range(first_group, last_group):
                count = place_beams(
                    centers[cell], far, beams, profile, starts[g], starts[g + 1],
                    everywhere, placed, chosen,
                )  # fmt: skip
                if carried[cell]:
                    n = settle_beams(
                        here, far, np.float32(_TAIL_SPAN), placed, chosen, count, everywhere,
                        extra, decay, near, rows,
                    )  # fmt: skip
                    some[:] = np.float32(0.0)
                    add_beams(nodes[cell], spread.shape[1], near, 0, n, rows, tail, some)
                    _carry(some, spread[cell], sums)
                else:
                    sums[:] = np.float32(0.0)
                for r in range(n_runs):
                    n = settle_beams(
                        shift[r], radius[r], span_of(radius[r]), placed, chosen, count, limit,
                        extra, decay, near, rows,
                    )  # fmt: skip
                    size = min(run, last - first - r * run)
                    add_beams(local[r], size, near, 0, n, rows, table, sums[r * run : (r + 1) * run])
                for p in range(first, last):
                    out[g, p] = sums[p - first] / np.float32(SCALE)
        # In the order of the cells so far: writing all over a row, cell by cell, is slow.
        for g in range(first_group, last_group):
            line[:] = out[g]
            for p in range(line.size):
                out[g, p] = line[position[p]]
