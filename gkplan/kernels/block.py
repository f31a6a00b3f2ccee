"""The same beams from a block of isocentres: what they give at a run of points.

Points are turned into the frame of a direction once for the block, where the distance from the axis
of a beam takes four operations. Kernels of `influence` call these: after a change here, clear
numba's cache.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from gkplan.kernels.apart import add_to, at, look_up
from gkplan.kernels.lookup import SHIFT, cell_of, interpolated, row_of
from gkplan.kernels.placed import LANES, UNCUT, extra_about, out_of_reach
from gkplan.kernels.series import along, attenuated, shaded

# Isocentres of a block; whole vectors.
BLOCK = 32
# What is kept of the beams of one direction, `BLOCK` of each: place of the focus, depth and output,
# as they come in; the coefficients about the middle of a run.
_FOCUS_X, _FOCUS_Y, _FOCUS_W, _SURFACE, _OUTPUT, _GIVEN = (n * BLOCK for n in range(6))
_X, _Y, _M0, _M1, _M2, _M3, _A0, _A1, _A2, _A3, _CUT, _GAP, SOLVED = (n * BLOCK for n in range(13))


class Block(NamedTuple):
    """The beams of one group from a block of isocentres, as they come in.

    Parameters
    ----------
    frames : (beams, 9) float32, see `_frame_of`
    origin : (3,) of all frames
    given : (beams, _GIVEN) float32
    first, step, count : number of the first beam of all, what lies between those of one isocentre
        and the next, and isocentres
    """

    frames: Any
    origin: Any
    given: Any
    first: Any
    step: Any
    count: Any


class Scratch(NamedTuple):
    """Memory of a task, float32.

    Parameters
    ----------
    turned : (3, points in whole vectors) points in the frame of a direction
    solved : (SOLVED,) coefficients of a block's beams
    ahead : (2 * BLOCK,) what is added to their depth, and its slope; 0 where nothing is
    """

    turned: Any
    solved: Any
    ahead: Any


@njit(cache=True, fastmath=True, error_model="numpy")
def _frame_of(ux, uy, uz, frame):  # type: ignore[no-untyped-def]
    """Write two directions normal to u and to each other, and u, as rows (9,)."""
    # From the axis that is farthest from u.
    x, y, z = abs(ux), abs(uy), abs(uz)
    if x <= y and x <= z:
        ax, ay, az = 0.0, uz, -uy
    elif y <= z:
        ax, ay, az = -uz, 0.0, ux
    else:
        ax, ay, az = uy, -ux, 0.0
    length = math.sqrt(ax * ax + ay * ay + az * az)
    ax, ay, az = ax / length, ay / length, az / length
    frame[0], frame[1], frame[2] = ax, ay, az
    frame[3], frame[4], frame[5] = uy * az - uz * ay, uz * ax - ux * az, ux * ay - uy * ax
    frame[6], frame[7], frame[8] = ux, uy, uz


@njit(cache=True, fastmath=True, error_model="numpy")
def _turn(points, n, frame, out):  # type: ignore[no-untyped-def]
    """Write n `points` (3, ...) in the frame of a direction to `out`."""
    xs, ys, zs = points[0], points[1], points[2]
    for axis in range(3):
        ex, ey, ez, line = frame[3 * axis], frame[3 * axis + 1], frame[3 * axis + 2], out[axis]
        for p in range((n + LANES - 1) // LANES * LANES):
            line[p] = xs[p] * ex + ys[p] * ey + zs[p] * ez


@njit(cache=True, fastmath=True, error_model="numpy")
def _solve(x, y, w, half_x, half_y, radius, per, mu, reach, given, ahead, decay, solved):  # type: ignore[no-untyped-def]
    """Coefficients of the beams of a block about a place at (x, y, w) in their frame.

    `_GAP` is not above 0 if the beam reaches the rectangle about the place that it sees. `ahead`
    is what is added to the depth, and then how fast that grows toward the source.
    """
    zero = np.float32(0.0)
    for k in range(BLOCK):
        x0, y0, a = x - given[_FOCUS_X + k], y - given[_FOCUS_Y + k], w - given[_FOCUS_W + k]
        dx, dy = max(abs(x0) - half_x, zero), max(abs(y0) - half_y, zero)
        fx, fy = abs(x0) + half_x, abs(y0) + half_y
        gap = out_of_reach(dx * dx + dy * dy, fx * fx + fy * fy, a, radius, per, reach)
        depth = given[_SURFACE + k] - a
        cut = abs(depth) < radius
        fall, rise = attenuated(mu, depth, ahead[k], ahead[BLOCK + k], cut, decay)
        square, dose = along(a, per, rise, given[_OUTPUT + k] * fall)
        solved[_X + k], solved[_Y + k] = x0, y0
        solved[_M0 + k], solved[_M1 + k], solved[_M2 + k], solved[_M3 + k] = square
        solved[_A0 + k], solved[_A1 + k], solved[_A2 + k], solved[_A3 + k] = dose
        # In a cell that the surface cuts, see `placed`.
        solved[_CUT + k] = depth if cut else np.float32(UNCUT)
        solved[_GAP + k] = gap


def _block_adder(cut):  # type: ignore[no-untyped-def]
    """What adds beams to a run of points: those that the surface cuts there cost a little more."""

    @njit(fastmath=True, error_model="numpy")
    def add(turned, n, solved, count, mu, row, table, sums, begin):  # type: ignore[no-untyped-def]
        zero, shift = np.float32(0.0), np.float32(SHIFT)
        to_x, to_y = np.int32(0), np.int32(turned.shape[1])
        to_w, to_sum = np.int32(2 * to_y), np.int32(begin)
        for k in range(count):
            surface = solved[_CUT + k]
            if solved[_GAP + k] <= zero and (surface != np.float32(UNCUT)) == cut:
                x0, y0 = solved[_X + k], solved[_Y + k]
                m0, m1 = solved[_M0 + k], solved[_M1 + k]
                m2, m3 = solved[_M2 + k], solved[_M3 + k]
                a0, a1 = solved[_A0 + k], solved[_A1 + k]
                a2, a3 = solved[_A2 + k], solved[_A3 + k]
                # Whole vectors only: a remainder would be computed point by point.
                for i in range(np.int32((n + LANES - 1) // LANES * LANES)):
                    x, y = at(turned, to_x, i) + x0, at(turned, to_y, i) + y0
                    w, q = at(turned, to_w, i), x * x + y * y
                    rho2 = q * (m0 + w * (m1 + w * (m2 + w * m3)))
                    bits = np.float32(rho2 + shift).view(np.int32)
                    profile = interpolated(look_up(table, row, cell_of(bits)), bits)
                    dose = (a0 + w * (a1 + w * (a2 + w * a3))) * profile
                    if cut:
                        dose *= shaded(mu * max(w - surface, zero))
                    add_to(sums, to_sum, i, dose)
            to_sum = np.int32(to_sum + sums.shape[1])

    return add


_add_uncut_beams, _add_cut_beams = _block_adder(False), _block_adder(True)


@njit(cache=True, fastmath=True, error_model="numpy")
def diagonal(half):  # type: ignore[no-untyped-def]
    """Half the diagonal of a box with half-sides."""
    return np.sqrt(half[0] * half[0] + half[1] * half[1] + half[2] * half[2])


@njit(cache=True, fastmath=True, error_model="numpy")
def _extent(half, axis):  # type: ignore[no-untyped-def]
    """How far a box with half-sides goes along an axis."""
    return half[0] * abs(axis[0]) + half[1] * abs(axis[1]) + half[2] * abs(axis[2])


@njit(cache=True, fastmath=True, error_model="numpy")
def _depths_ahead(extra, first, step, count, w, focus_w, span, ahead):  # type: ignore[no-untyped-def]
    """Write what is added to the depth of the beams ``first + step * k`` about a place."""
    for k in range(count):
        row = extra.table[first + step * k]
        ahead[k], ahead[BLOCK + k] = extra_about(row, extra, w - focus_w[k], span)


@njit(cache=True, fastmath=True, error_model="numpy")
def block_of(origin, beams, first, step, n_beams, count):  # type: ignore[no-untyped-def]
    """The beams ``first + step * k + j`` as a `Block`."""
    frames = np.empty((n_beams, 9), np.float32)
    given = np.zeros((n_beams, _GIVEN), np.float32)
    for j in range(n_beams):
        frame = frames[j]
        _frame_of(beams[3, first + j], beams[4, first + j], beams[5, first + j], frame)
        for k in range(count):
            b = first + step * k + j
            x, y, z = beams[0, b] - origin[0], beams[1, b] - origin[1], beams[2, b] - origin[2]
            given[j, _FOCUS_X + k] = x * frame[0] + y * frame[1] + z * frame[2]
            given[j, _FOCUS_Y + k] = x * frame[3] + y * frame[4] + z * frame[5]
            given[j, _FOCUS_W + k] = x * frame[6] + y * frame[7] + z * frame[8]
            given[j, _SURFACE + k], given[j, _OUTPUT + k] = beams[6, b], beams[9, b]
    return Block(frames, origin, given, first, step, count)


# fmt: off
@njit(cache=True, fastmath=True, error_model="numpy")
def add_block(points, n, middle, half, span, block, beams, profile, extra, reach, table, decay, scratch, sums, begin):  # type: ignore[no-untyped-def]
    # fmt: on
    """Add the dose of a block at n `points` to ``sums[k, begin:]``, times SCALE.

    `points` (3, whole vectors) are offsets from `middle`, within a box of the sides ``2 * half``;
    over `span` on either side of it what is added to the depth is taken to be linear.
    """
    radius = diagonal(half)
    x0, y0 = middle[0] - block.origin[0], middle[1] - block.origin[1]
    z0 = middle[2] - block.origin[2]
    turned, solved = scratch.turned, scratch.solved
    for j in range(block.frames.shape[0]):
        b, frame, given = block.first + j, block.frames[j], block.given[j]
        x = np.float32(x0 * frame[0] + y0 * frame[1] + z0 * frame[2])
        y = np.float32(x0 * frame[3] + y0 * frame[4] + z0 * frame[5])
        w = np.float32(x0 * frame[6] + y0 * frame[7] + z0 * frame[8])
        _turn(points, n, frame, turned)
        half_x, half_y = _extent(half, frame[:3]), _extent(half, frame[3:6])
        if extra.table.shape[1] > 1:
            _depths_ahead(
                extra, b, block.step, block.count, w, given[_FOCUS_W:], span, scratch.ahead
            )
        per, mu, row = np.float32(beams[7, b]), np.float32(beams[8, b]), row_of(profile[b])
        _solve(
            x, y, w, half_x, half_y, radius, per, mu, reach[profile[b]], given, scratch.ahead,
            decay, solved,
        )  # fmt: skip
        _add_uncut_beams(turned, n, solved, block.count, mu, row, table, sums, begin)
        _add_cut_beams(turned, n, solved, block.count, mu, row, table, sums, begin)
