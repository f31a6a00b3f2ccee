"""Signed distance to closed polygons, the even-odd rule deciding what is inside."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange


@njit(cache=True)
def _signed_distance(x, y, vertices, starts):  # type: ignore[no-untyped-def]
    """Distance to the nearest edge of all rings, negative where an odd number encloses (x, y)."""
    nearest = np.inf
    inside = False
    for ring in range(starts.size - 1):
        first, end = starts[ring], starts[ring + 1]
        xa, ya = vertices[end - 1, 0], vertices[end - 1, 1]
        for v in range(first, end):
            xb, yb = vertices[v, 0], vertices[v, 1]
            dx, dy = xb - xa, yb - ya
            length2 = dx * dx + dy * dy
            t = 0.0
            if length2 > 0.0:
                t = min(1.0, max(0.0, ((x - xa) * dx + (y - ya) * dy) / length2))
            gx, gy = x - xa - t * dx, y - ya - t * dy
            nearest = min(nearest, gx * gx + gy * gy)
            if (ya > y) != (yb > y) and x < xa + (y - ya) / dy * dx:
                inside = not inside
            xa, ya = xb, yb
    distance = math.sqrt(nearest)
    return -distance if inside else distance


@njit(cache=True, parallel=True)
def signed_distance_image(vertices, starts, xs, ys):  # type: ignore[no-untyped-def]
    """Signed distance, (len(ys), len(xs)) float32, to the rings of one slice.

    Ring r has the vertices ``starts[r]`` to ``starts[r + 1]`` of `vertices` (n, 2).
    """
    out = np.empty((ys.size, xs.size), dtype=np.float32)
    for j in prange(ys.size):
        for i in range(xs.size):
            out[j, i] = _signed_distance(xs[i], ys[j], vertices, starts)
    return out
