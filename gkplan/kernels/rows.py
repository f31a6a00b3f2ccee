"""Which voxels of a grid lie between two ends of their row."""

from __future__ import annotations

from numba import njit, prange


@njit(cache=True, parallel=True)
def fill_rows(x, ends, inside):  # type: ignore[no-untyped-def]
    """Set ``inside[row, i]`` where ``x[i]`` lies in one of ``ends[row]`` ((k, 2), mm)."""
    for row in prange(inside.shape[0]):
        inside[row, :] = False
        for k in range(ends.shape[1]):
            for i in range(x.size):
                inside[row, i] |= ends[row, k, 0] <= x[i] <= ends[row, k, 1]
