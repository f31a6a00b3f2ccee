"""The influence of many isocentres on the same points, group of beams by group of beams."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from gkplan.kernels.block import BLOCK, SOLVED, Scratch, add_block, block_of, diagonal
from gkplan.kernels.lookup import FARTHEST_MM, SCALE
from gkplan.kernels.placed import MOST_POINTS, span_of

# Tails share the coefficients of a beam over so much of it on either side, mm.
_TAIL_SPAN = np.float32(6.0)
# Nodes of a tail are a multiple of so many.
TOGETHER = 5


@njit(cache=True, fastmath=True, error_model="numpy")
def _run_of(points, first, last, local, middle, half):  # type: ignore[no-untyped-def]
    """Write points from the `middle` of their box to `local`, and the box's half-sides."""
    for axis in range(3):
        low = high = points[first, axis]
        for p in range(first + 1, last):
            low, high = min(low, points[p, axis]), max(high, points[p, axis])
        middle[axis], half[axis] = (low + high) / 2, (high - low) / 2
        for p in range(first, last):
            local[axis, p - first] = points[p, axis] - middle[axis]


@njit(cache=True, fastmath=True, error_model="numpy")
def _carry(nodes, spread, n, sums):  # type: ignore[no-untyped-def]
    """Write the polynomial through the values at the nodes to the first n `sums`.

    Five nodes (`TOGETHER`) at a time: to load and store the sums costs more than to add to them.
    """
    sums[:] = np.float32(0.0)
    for m in range(0, spread.shape[0], 5):
        a, b, c, d, e = nodes[m], nodes[m + 1], nodes[m + 2], nodes[m + 3], nodes[m + 4]
        at_a, at_b, at_c = spread[m], spread[m + 1], spread[m + 2]
        at_d, at_e = spread[m + 3], spread[m + 4]
        for p in range(n):
            sums[p] += a * at_a[p] + b * at_b[p] + c * at_c[p] + d * at_d[p] + e * at_e[p]


# fmt: off
@njit(cache=True, parallel=True, fastmath=True, error_model="numpy")
def influence_at_points(points, position, cells, centers, nodes, spread, carried, run, starts, isocenters, beams, profile, extra, reach, whole, core, tail, decay, out):  # type: ignore[no-untyped-def]
    # fmt: on
    """Write the dose rate of every group of beams alone, ``out[isocentre, group, point]``, float32.

    `beams` are those of one isocentre after the other, alike but for their place, depth and output;
    group g has the beams ``starts[g]`` to ``starts[g + 1]`` of each. Cell c holds the points
    ``cells[c]`` to ``cells[c + 1]``, at most `MOST_POINTS`, about ``centers[c]``: the tails of
    the profiles are computed at the offsets ``nodes[c]`` (3, m) and carried to the points by
    ``spread[c]`` (at most m, MOST_POINTS); the cores at every point, in runs of `run` points.
    In cells that are not `carried` the whole profile is computed at every point. `run` divides
    `MOST_POINTS` and is a multiple of `LANES`.
    Point p of the answer is number ``position[p]`` of `points`.
    """
    groups, each = starts.size - 1, beams.shape[1] // isocenters
    n_nodes = nodes.shape[2]
    everywhere = np.full(reach.size, np.float32(FARTHEST_MM))
    runs = np.zeros(cells.size, np.int64)
    runs[1:] = np.cumsum((np.diff(cells) + run - 1) // run)
    local, middle = np.zeros((runs[-1], 3, run), np.float32), np.empty((runs[-1], 3))
    half = np.empty((runs[-1], 3), np.float32)
    for cell in range(cells.size - 1):
        for r in range(runs[cell], runs[cell + 1]):
            begin = cells[cell] + (r - runs[cell]) * run
            end = min(begin + run, cells[cell + 1])
            _run_of(points, begin, end, local[r], middle[r], half[r])
    # One for all: what an isocentre gives does not depend on the others of its block.
    origin = points[0].copy()
    blocks = (isocenters + BLOCK - 1) // BLOCK
    for task in prange(groups * blocks):
        g, block_i = task % groups, task // groups
        first_i = block_i * isocenters // blocks
        count = (block_i + 1) * isocenters // blocks - first_i
        first_b, n_beams = first_i * each + starts[g], starts[g + 1] - starts[g]
        block = block_of(origin, beams, first_b, each, n_beams, count)
        scratch = Scratch(
            np.zeros((3, max(run, n_nodes)), np.float32),
            np.empty(SOLVED, np.float32), np.zeros(2 * BLOCK, np.float32),
        )  # fmt: skip
        some, size = np.empty((BLOCK, n_nodes), np.float32), np.empty(3, np.float32)
        sums = np.empty((BLOCK, MOST_POINTS), np.float32)
        line = np.empty(points.shape[0], np.float32)
        for cell in range(cells.size - 1):
            first, last = cells[cell], cells[cell + 1]
            if carried[cell]:
                some[:] = np.float32(0.0)
                for axis in range(3):
                    size[axis] = np.abs(nodes[cell, axis]).max()
                add_block(
                    nodes[cell], spread.shape[1], centers[cell], size, _TAIL_SPAN, block,
                    beams, profile, extra, everywhere, tail, decay, scratch, some, 0,
                )  # fmt: skip
                for k in range(count):
                    _carry(some[k], spread[cell], (last - first + 15) // 16 * 16, sums[k])
            else:
                sums[:] = np.float32(0.0)
            table, limit = (core, reach) if carried[cell] else (whole, everywhere)
            for r in range(runs[cell], runs[cell + 1]):
                begin = (r - runs[cell]) * run
                add_block(
                    local[r], min(run, last - first - begin), middle[r], half[r],
                    span_of(diagonal(half[r])), block, beams, profile, extra, limit, table, decay,
                    scratch, sums, begin,
                )  # fmt: skip
            for k in range(count):
                row = out[first_i + k, g]
                row[first:last] = sums[k, : last - first] * np.float32(1.0 / SCALE)
        # In the order of the cells so far: writing all over a row, cell by cell, is slow.
        for k in range(count):
            row = out[first_i + k, g]
            line[:] = row
            for p in range(line.size):
                row[p] = line[position[p]]
