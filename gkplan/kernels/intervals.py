"""Where sets of intervals overlap, ray by ray."""

from __future__ import annotations

import numpy as np
from numba import njit


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
