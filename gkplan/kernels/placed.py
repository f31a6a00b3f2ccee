"""Beams about a place: which of them come near, and what they are like there.

From far a brick finds the beams that reach it (`place_beams`), near each of its cells the
coefficients about its centre (`settle_beams`). Kernels of other files call these: after a change
here, clear numba's cache.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from gkplan.kernels.lookup import FARTHEST_MM, row_of
from gkplan.kernels.series import along, attenuated

# Points of a cell come in vectors of so many, and are at most so many.
LANES, MOST_POINTS = 8, 256
# Beams as they come in (float64). `output` includes exp(mu * calibration depth).
BEAM_COLUMNS = ("fx", "fy", "fz", "ux", "uy", "uz", "surface", "per_distance", "mu", "output")
# Beams seen from a place (float32): direction, distance along, vector from the axis, the rest,
# how far they reach at the focus, and room for whether they reach a place nearby.
PLACED = 13
# Coefficients of a beam about the centre of a cell.
COEFFICIENTS = 17
# Where along a beam the surface lies that does not cut the cell, mm.
UNCUT = np.float32(1e6)


@njit(cache=True, fastmath=True, error_model="numpy")
def place_beams(center, radius, beams, profile, reach, placed, chosen):  # type: ignore[no-untyped-def]
    """Write the beams that come within `reach` of the sphere about `center`; their number."""
    n = 0
    for b in range(profile.size):
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
            placed[11, n] = reach[profile[b]]
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
def extra_about(row, extra, along, span):  # type: ignore[no-untyped-def]
    """Extra depth over `span` on either side of a place, and how fast it grows toward the source."""
    two = np.float32(2.0)
    above, below = _extra_at(row, extra, along + span), _extra_at(row, extra, along - span)
    return (above + below) / two, (above - below) / (two * span)


@njit(cache=True, fastmath=True, error_model="numpy")
def out_of_reach(near2, far2, along, radius, per, reach):  # type: ignore[no-untyped-def]
    """Above 0 for a beam that does not reach a cell, or whose tables or series do not.

    The cell's points lie from sqrt(near2) to sqrt(far2) from the axis, within `radius` of `along`.
    Off-axis distances count at the focus: the source's side of the cell sees them larger. Near the
    virtual source, where no head is, neither series nor tables hold.
    """
    one = np.float32(1.0)
    here, ahead = one - along * per, one - (along + radius) * per
    limit, last = reach * (here + radius * per), np.float32(FARTHEST_MM) * ahead
    series = max(np.float32(0.5) * here, np.float32(0.1)) - ahead
    return max(near2 - limit * limit, far2 - last * last, series)


@njit(cache=True, fastmath=True, error_model="numpy")
def _find_gaps(x, y, z, radius, placed, count, gaps):  # type: ignore[no-untyped-def]
    """Write what is above 0 for beams that do not reach the sphere about (x, y, z).

    Apart from what is done with those that do: so the compiler takes a vector of beams at a time.
    """
    ux, uy, uz, along, per = placed[0], placed[1], placed[2], placed[3], placed[8]
    rx, ry, rz, reach = placed[4], placed[5], placed[6], placed[11]
    for b in range(count):
        w = x * ux[b] + y * uy[b] + z * uz[b]
        dx, dy, dz = rx[b] + x - w * ux[b], ry[b] + y - w * uy[b], rz[b] + z - w * uz[b]
        distance = np.sqrt(dx * dx + dy * dy + dz * dz)
        near, far = max(distance - radius, np.float32(0.0)), distance + radius
        gaps[b] = out_of_reach(near * near, far * far, along[b] + w, radius, per[b], reach[b])


@njit(cache=True, fastmath=True, error_model="numpy")
def settle_beams(shift, radius, placed, chosen, count, extra, decay, near, rows):  # type: ignore[no-untyped-def]
    """Coefficients about the point at `shift` from where the beams were placed; how many reach it.

    `extra` (`ExtraDepth` of the engine) is added to the depth, and taken to be linear over
    `span_of` the cell on either side. `decay` holds the polynomial that stands for exp(-s) over
    the depths in question.
    """
    zero, two, span = np.float32(0.0), np.float32(2.0), span_of(radius)
    x, y, z = shift[0], shift[1], shift[2]
    _find_gaps(x, y, z, radius, placed, count, placed[12])
    n = 0
    for b in range(count):
        if placed[12, b] <= zero:
            ux, uy, uz = placed[0, b], placed[1, b], placed[2, b]
            w = x * ux + y * uy + z * uz
            a, per = placed[3, b] + w, placed[8, b]
            rx, ry = placed[4, b] + x - w * ux, placed[5, b] + y - w * uy
            rz = placed[6, b] + z - w * uz
            near[0, n], near[1, n], near[2, n] = ux, uy, uz
            near[3, n], near[4, n], near[5, n] = two * rx, two * ry, two * rz
            near[6, n] = rx * rx + ry * ry + rz * rz
            near[7, n], near[8, n], near[9, n], near[10, n] = a, per, placed[7, b], placed[9, b]
            near[11, n], near[12, n], near[13, n] = placed[10, b], zero, zero
            if extra.table.shape[1] > 1:
                near[12, n], near[13, n] = extra_about(extra.table[chosen[1, b]], extra, a, span)
            rows[n] = row_of(chosen[0, b])
            n += 1
    for b in range(n):
        a, mu = near[7, b], near[10, b]
        # In a cell that the surface cuts, the series goes on beyond as if it did not, and
        # `_add_cut_beam` takes back what that gives too much.
        depth = near[9, b] - a
        cut = abs(depth) < radius
        fall, rise = attenuated(mu, depth, near[12, b], near[13, b], cut, decay)
        square, dose = along(a, near[8, b], rise, near[11, b] * fall)
        near[7, b], near[8, b], near[9, b], near[10, b] = square
        near[11, b], near[12, b], near[13, b], near[14, b] = dose
        near[15, b], near[16, b] = depth if cut else UNCUT, mu
    return n
