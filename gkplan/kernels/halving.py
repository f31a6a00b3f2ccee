"""Points in space cut in halves, again and again: neighbours become neighbours in memory."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def _extent(points, order, first, last):  # type: ignore[no-untyped-def]
    """The longest side of the box about some points, and its axis."""
    longest, axis = -1.0, 0
    for c in range(3):
        low = high = points[order[first], c]
        for p in range(first + 1, last):
            low = min(low, points[order[p], c])
            high = max(high, points[order[p], c])
        if high - low > longest:
            longest, axis = high - low, c
    return longest, axis


@njit(cache=True)
def _select(points, order, first, last, middle, axis):  # type: ignore[no-untyped-def]
    """Order so that those before `middle` are not beyond those after it (quickselect)."""
    low, high = first, last - 1
    while low < high:
        pivot = points[order[(low + high) // 2], axis]
        i, j = low, high
        while i <= j:
            while points[order[i], axis] < pivot:
                i += 1
            while points[order[j], axis] > pivot:
                j -= 1
            if i <= j:
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            return


@njit(cache=True)
def halve(points, edge, most, finest):  # type: ignore[no-untyped-def]
    """Order of `points` (n, 3), and the end of each cell in it.

    A cell has at most `most` points and no side of its box longer than `edge`. Within a cell
    the halving goes on, so that each run of `finest` points is compact too.
    """
    n = points.shape[0]
    order = np.arange(n)
    ends = np.empty(n, np.int64)
    cells = 0
    stack = [(0, n, False)]
    while len(stack) > 0:
        first, last, in_cell = stack.pop()
        count = last - first
        longest, axis = _extent(points, order, first, last)
        if not in_cell and count <= most and longest <= edge:
            in_cell = True
            ends[cells] = last
            cells += 1
        size = finest if in_cell else most
        parts = (count + size - 1) // size
        if in_cell:
            if parts < 2:
                continue
            middle = first + parts // 2 * size
        else:
            middle = first + (count * (parts // 2) // parts if parts > 1 else count // 2)
        _select(points, order, first, last, middle, axis)
        stack.append((middle, last, in_cell))
        stack.append((first, middle, in_cell))
    return order, ends[:cells]
