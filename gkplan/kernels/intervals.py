"""Sets of intervals, ray by ray: through an ellipsoid, and where they overlap."""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def _roots(a, b, c):  # type: ignore[no-untyped-def]
    """Where ``a t^2 + 2 b t + c <= 0`` (a >= 0) begins and ends; (inf, -inf) if nowhere."""
    if a <= 1e-14:
        return (-math.inf, math.inf) if c <= 0.0 else (math.inf, -math.inf)
    square = b * b - a * c
    if not square > 0.0:
        return math.inf, -math.inf
    root = math.sqrt(square)
    return (-b - root) / a, (-b + root) / a


@njit(cache=True, error_model="numpy")
def in_ellipsoid(origins, directions, center, to_sphere):  # type: ignore[no-untyped-def]
    """The interval (n, 1, 2) of each ray within an ellipsoid; [inf, inf] where there is none.

    `to_sphere` (3, 3) makes of offsets from the center those of a sphere of radius 1.
    """
    result = np.full((len(directions), 1, 2), np.inf)
    m = to_sphere
    for ray in range(len(directions)):
        x, y, z = directions[ray, 0], directions[ray, 1], directions[ray, 2]
        u, v = origins[ray, 0] - center[0], origins[ray, 1] - center[1]
        w = origins[ray, 2] - center[2]
        a, b, c = 0.0, 0.0, -1.0
        for k in range(3):
            d = m[k, 0] * x + m[k, 1] * y + m[k, 2] * z
            p = m[k, 0] * u + m[k, 1] * v + m[k, 2] * w
            a, b, c = a + d * d, b + d * p, c + p * p
        start, end = _roots(a, b, c)
        if start < end:
            result[ray, 0, 0], result[ray, 0, 1] = start, end
    return result


@njit(cache=True, error_model="numpy")
def in_capsule(origins, directions, first, last, radius):  # type: ignore[no-untyped-def]
    """The interval (n, 1, 2) of each ray within `radius` of the segment from `first` to `last`."""
    result = np.full((len(directions), 1, 2), np.inf)
    axis = last - first
    length = math.sqrt((axis * axis).sum())
    axis /= length
    for ray in range(len(directions)):
        dd = pp = dp = da = pa = 0.0
        for k in range(3):
            d, p = directions[ray, k], origins[ray, k] - first[k]
            dd, pp, dp = dd + d * d, pp + p * p, dp + d * p
            da, pa = da + d * axis[k], pa + p * axis[k]
        r2 = radius * radius
        start, end = _roots(dd - da * da, dp - da * pa, pp - pa * pa - r2)
        # Between the planes through the two ends.
        if da != 0.0:
            one, other = -pa / da, (length - pa) / da
            start, end = max(start, min(one, other)), min(end, max(one, other))
        elif not 0.0 <= pa <= length:
            start, end = math.inf, -math.inf
        if not start < end:
            start, end = math.inf, -math.inf
        # A capsule is convex: its pieces join to one interval.
        for ball in range(2):
            at = ball * length
            low, high = _roots(dd, dp - at * da, pp - 2.0 * at * pa + at * at - r2)
            start, end = min(start, low), max(end, high)
        if start < end:
            result[ray, 0, 0], result[ray, 0, 1] = start, end
    return result


@njit(cache=True)
def covered(intervals, need):  # type: ignore[no-untyped-def]
    """What lies in at least `need` of the intervals (n, k, 2) of each ray, in order.

    An interval is empty unless it starts before it ends; empty ones, [inf, inf], stand last.
    Columns that are empty for every ray, but the first, are left out.
    """
    n, k, _ = intervals.shape
    result = np.full((n, max(k, 1), 2), np.inf)
    start, end = np.empty(k), np.empty(k)
    most = 1
    for ray in range(n):
        count = 0
        for i in range(k):
            first, last = intervals[ray, i, 0], intervals[ray, i, 1]
            if first < last:
                s = e = count
                while s > 0 and start[s - 1] > first:
                    start[s] = start[s - 1]
                    s -= 1
                while e > 0 and end[e - 1] > last:
                    end[e] = end[e - 1]
                    e -= 1
                start[s], end[e] = first, last
                count += 1
        # Where one ends and another starts there is no gap.
        found = depth = begun = 0
        opened = 0.0
        for ended in range(count):
            while begun < count and start[begun] <= end[ended]:
                depth += 1
                if depth == need:
                    opened = start[begun]
                begun += 1
            if depth == need and opened < end[ended]:
                result[ray, found, 0], result[ray, found, 1] = opened, end[ended]
                found += 1
            depth -= 1
        most = max(most, found)
    return result[:, :most]
