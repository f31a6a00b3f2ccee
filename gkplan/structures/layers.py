"""Contours sorted by how deep they lie in one another, and the signed distances put together."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from gkplan.frames import Array

# Corners of a ring that are asked whether another ring encloses them.
_ASKED = 7


def layers_of(slices: Sequence[Sequence[Array]]) -> list[list[list[Array]]]:
    """The rings of each slice by the number of rings of that slice that enclose them.

    Parameters
    ----------
    slices : for each slice its rings (n, >= 2), x and y first

    Returns
    -------
    For each depth, outlines first and their holes next, the rings of each slice.
    """
    depths = [
        [sum(_lies_in(r, other) for other in rings if other is not r) for r in rings]
        for rings in slices
    ]
    return [
        [
            [r for r, d in zip(rings, depth, strict=True) if d == level]
            for rings, depth in zip(slices, depths, strict=True)
        ]
        for level in range(1 + max(d for depth in depths for d in depth))
    ]


def cut_out(layers: Sequence[Array]) -> Array:
    """Signed distances of an outline without its holes, but for what lies in these, and so on.

    Not what lies in an odd number of layers: beyond its last slice an outline may shrink into its
    hole, which is no solid then.
    """
    return functools.reduce(lambda inner, outer: np.maximum(outer, -inner), reversed(layers))


def _lies_in(ring: Array, other: Array) -> bool:
    """Whether `other` encloses most corners of `ring`."""
    if (ring.min(axis=0) < other.min(axis=0))[:2].any():
        return False
    if (ring.max(axis=0) > other.max(axis=0))[:2].any():
        return False
    from gkplan.kernels.contour import signed_distance_image

    vertices, starts = np.ascontiguousarray(other[:, :2]), np.array([0, len(other)])
    corners = ring[np.linspace(0, len(ring) - 1, _ASKED).astype(int), :2]
    enclosed = [signed_distance_image(vertices, starts, c[:1], c[1:])[0, 0] < 0 for c in corners]
    return 2 * sum(map(bool, enclosed)) > len(enclosed)
