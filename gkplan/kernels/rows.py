"""Voxels of a grid: which lie between two ends of their row, and which boxes hold them."""

from __future__ import annotations

import numpy as np
from numba import njit, prange


@njit(cache=True, parallel=True)
def fill_rows(x, ends, inside):  # type: ignore[no-untyped-def]
    """Set ``inside[row, i]`` where ``x[i]`` lies in one of ``ends[row]`` ((k, 2), mm)."""
    for row in prange(inside.shape[0]):
        inside[row, :] = False
        for k in range(ends.shape[1]):
            for i in range(x.size):
                inside[row, i] |= ends[row, k, 0] <= x[i] <= ends[row, k, 1]


@njit(cache=True, parallel=True)
def any_in_box(flags, first_k, number_j, number_i, counts):  # type: ignore[no-untyped-def]
    """Which boxes (counts) hold a set flag of a grid (nk, nj, ni).

    Box b along the first axis begins at plane ``first_k[b]``; along the others ``number_j[j]``
    and ``number_i[i]`` say in which box a voxel lies, in ascending order.
    """
    boxes = np.zeros(counts, np.bool_)
    for b in prange(counts[0]):
        row = np.empty(flags.shape[2], np.bool_)
        j = 0
        while j < flags.shape[1]:
            box = number_j[j]
            row[:] = False
            # Whole rows first: a vector of voxels at a time.
            while j < flags.shape[1] and number_j[j] == box:
                for k in range(first_k[b], first_k[b + 1]):
                    line = flags[k, j]
                    for i in range(row.size):
                        row[i] |= line[i]
                j += 1
            for i in range(row.size):
                boxes[b, box, number_i[i]] |= row[i]
    return boxes
