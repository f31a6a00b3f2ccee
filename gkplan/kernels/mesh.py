"""Rays through a closed triangle mesh, watertight: no ray slips through an edge or a vertex.

A triangle is projected along the ray (sheared, so that the ray becomes the axis of projection),
and its corners are rounded to whole units of 2**-16 mm: then the edge functions, which say on
which side of an edge the ray passes, are exact in float64 and the two triangles of an edge
always agree. A ray that meets an edge or a vertex is treated as if it ran beside it by an
infinitesimal step, the same one for all triangles (simulation of simplicity, Edelsbrunner and
Muecke 1990), so it hits exactly as many triangles as its neighbours do. The shear is that of
Woop, Benthin and Wald 2013 (Journal of Computer Graphics Techniques 2, 65).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

LEAF = 4  # triangles in a leaf of the tree
_UNITS = 65536.0  # per mm; exact while a mesh and a ray's origin are within 512 mm
_STACK = 64


@njit(cache=True, error_model="numpy")
def _side(ax, ay, bx, by):  # type: ignore[no-untyped-def]
    """1 where the axis passes left of the edge a to b, -1 right; and the edge function."""
    e = ax * by - ay * bx
    decides = e
    if decides == 0.0:
        decides = ay - by
    if decides == 0.0:
        decides = bx - ax
    if decides > 0.0:
        return 1, e
    return (-1, e) if decides < 0.0 else (0, e)


@njit(cache=True, error_model="numpy")
def _meets(origin, direction, box, begin):  # type: ignore[no-untyped-def]
    """Whether the ray meets a box (low x, y, z, high x, y, z) at t >= begin."""
    first, last = begin, np.inf
    for axis in range(3):
        low, high = box[axis] - origin[axis], box[axis + 3] - origin[axis]
        slope = direction[axis]
        if slope == 0.0:
            if low > 0.0 or high < 0.0:
                return False
        else:
            a, b = low / slope, high / slope
            first, last = max(first, min(a, b)), min(last, max(a, b))
    return first <= last


@njit(cache=True, error_model="numpy")
def _trace(origin, direction, corners, boxes, begin, t_out, side_out):  # type: ignore[no-untyped-def]
    """Number of hits, and the winding number seen ahead: leavings less enterings at t > 0.

    The hits that fit go to `t_out` (ray parameter) and `side_out` (1 enters, -1 leaves). Boxes
    that end before `begin` are left out.
    """
    z = int(np.argmax(np.abs(direction)))
    x, y = (z + 1) % 3, (z + 2) % 3
    sx, sy = direction[x] / direction[z], direction[y] / direction[z]
    leaves = boxes.shape[0] // 2
    stack = np.empty(_STACK, dtype=np.int64)
    stack[0] = 1
    waiting = 1
    hits = 0
    winding = 0
    px, py, pz = np.empty(3), np.empty(3), np.empty(3)
    while waiting > 0:
        waiting -= 1
        node = stack[waiting]
        if not _meets(origin, direction, boxes[node], begin):
            continue
        if node < leaves:
            stack[waiting], stack[waiting + 1] = 2 * node, 2 * node + 1
            waiting += 2
            continue
        for face in range((node - leaves) * LEAF, (node - leaves + 1) * LEAF):
            for c in range(3):
                pz[c] = corners[face, c, z] - origin[z]
                px[c] = math.floor((corners[face, c, x] - origin[x] - sx * pz[c]) * _UNITS + 0.5)
                py[c] = math.floor((corners[face, c, y] - origin[y] - sy * pz[c]) * _UNITS + 0.5)
            side, c_weight = _side(px[0], py[0], px[1], py[1])
            second, a_weight = _side(px[1], py[1], px[2], py[2])
            third, b_weight = _side(px[2], py[2], px[0], py[0])
            if side == 0 or second != side or third != side:
                continue
            depth = a_weight * pz[0] + b_weight * pz[1] + c_weight * pz[2]
            t = depth / (a_weight + b_weight + c_weight) / direction[z]
            # Counter-clockwise seen from ahead means that the outward normal points ahead.
            outward = side if direction[z] > 0.0 else -side
            if hits < t_out.size:
                t_out[hits], side_out[hits] = t, -outward
            hits += 1
            if t > 0.0:
                winding += outward
    return hits, winding


@njit(cache=True, parallel=True, error_model="numpy")
def mesh_hits(corners, boxes, origins, directions, t, side):  # type: ignore[no-untyped-def]
    """Fill `t` (n, k) and `side` (n, k, int8: 1 enters, -1 leaves), unsorted; return the counts.

    `corners` (leaves * LEAF, 3, 3) are those of the faces in the order of the leaves, `boxes`
    (2 * leaves, 6) the tree: children of node m are 2 m and 2 m + 1, the leaves come last.
    """
    counts = np.empty(directions.shape[0], dtype=np.int64)
    for ray in prange(directions.shape[0]):
        counts[ray], _ = _trace(
            origins[ray], directions[ray], corners, boxes, -np.inf, t[ray], side[ray]
        )
    return counts


@njit(cache=True, parallel=True, error_model="numpy")
def mesh_winding(corners, boxes, points, direction):  # type: ignore[no-untyped-def]
    """Winding number (n,) of the mesh around points (n, 3), by a ray along `direction`."""
    out = np.empty(points.shape[0], dtype=np.int64)
    for p in prange(points.shape[0]):
        t, side = np.empty(0), np.empty(0, dtype=np.int8)
        _, out[p] = _trace(points[p], direction, corners, boxes, 0.0, t, side)
    return out
