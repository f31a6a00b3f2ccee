"""How much matter rays cross on a grid of voxels: exact lengths, from voxel to voxel."""

from __future__ import annotations

import numpy as np
from numba import njit, prange


@njit(cache=True, parallel=True, error_model="numpy")
def matter_ahead(density, affine, origins, directions, high, step, out):  # type: ignore[no-untyped-def]
    """Write density times length of each ray beyond ``t = high - n * step`` to ``out[ray, n]``.

    ``affine`` (3, 4) gives the fractional index k, j, i of a point; voxel centres are whole
    numbers. The ray is followed from its far end back to the last node, one voxel after the
    other (Amanatides and Woo 1987). Behind the last matter on it every mm counts with density 1.
    """
    count = out.shape[1]
    for ray in prange(out.shape[0]):
        # By axis: index at t = 0 (voxel n from n to n + 1), its slope, the voxel, the t of the
        # next border on the way back and from border to border.
        start, slope = np.empty(3), np.empty(3)
        cell, turn = np.empty(3, np.int64), np.empty(3, np.int64)
        border, apart = np.empty(3), np.empty(3)
        first, last = -np.inf, np.inf
        for axis in range(3):
            start[axis], slope[axis] = affine[axis, 3] + 0.5, 0.0
            for c in range(3):
                start[axis] += affine[axis, c] * origins[ray, c]
                slope[axis] += affine[axis, c] * directions[ray, c]
            size = density.shape[axis]
            if slope[axis] == 0.0:
                if not 0.0 <= start[axis] < size:
                    first, last = np.inf, -np.inf
                continue
            a, b = -start[axis] / slope[axis], (size - start[axis]) / slope[axis]
            first, last = max(first, min(a, b)), min(last, max(a, b))
        for axis in range(3):
            place = start[axis] + last * slope[axis] if first < last else 0.0
            # A little inside, where the ray enters through a face of the grid.
            place -= 1e-9 * np.sign(slope[axis])
            cell[axis] = min(max(int(np.floor(place)), 0), density.shape[axis] - 1)
            turn[axis] = -1 if slope[axis] > 0.0 else 1
            border[axis], apart[axis] = -np.inf, 0.0
            if slope[axis] != 0.0:
                face = cell[axis] if slope[axis] > 0.0 else cell[axis] + 1
                border[axis] = (face - start[axis]) / slope[axis]
                apart[axis] = 1.0 / abs(slope[axis])
        t, end, total, node = last, last, 0.0, 0
        while node < count and (high - node * step >= t or first >= last):
            out[ray, node] = 0.0
            node += 1
        # In a gap the ray goes on past the last node: it may yet enter matter again.
        while t > first and (node < count or end > t):
            axis = 0 if border[0] > border[1] else 1
            axis = axis if border[axis] > border[2] else 2
            here = density[cell[0], cell[1], cell[2]]
            ahead = min(border[axis], t)
            while node < count and high - node * step >= ahead:
                out[ray, node] = total + here * (t - (high - node * step))
                node += 1
            total += here * (t - ahead)
            t = ahead
            if here > 0.0:
                end = t
            border[axis] -= apart[axis]
            cell[axis] += turn[axis]
            if not 0 <= cell[axis] < density.shape[axis]:
                break
        while node < count:
            out[ray, node] = total
            node += 1
        if total > 0.0:
            for n in range(count):
                out[ray, n] += max(end - (high - n * step), 0.0)
