"""Contours of a solid in planes of constant z."""

from __future__ import annotations

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.solids import Solid

_SAMPLES_ACROSS = 60
_MOST_SAMPLES = 400
_COARSEST_MM = 2.0
_BISECTIONS = 12
# In explicit VR a decimal string element ends at 65534 bytes, about 2400 points.
_MOST_POINTS = 2000


def trace(solid: Solid, heights_mm: Array, limits_mm: Array) -> list[list[Array]]:
    """Closed rings where planes cut the solid, in the frame of the solid.

    Parameters
    ----------
    heights_mm : (n,) z of the planes
    limits_mm : (2, 3) box beyond which nothing is traced

    Returns
    -------
    list of list of (m, 3) float
        For each plane its rings, holes included, without repeating the first point.

    Notes
    -----
    Marching squares on the inside-ness at the nodes of a lattice puts every vertex in the middle
    of a lattice edge that crosses the surface. Bisection then slides each vertex along its edge
    onto the surface, so the lattice decides how many points a ring has but not where they lie.
    Points that a straight line replaces within 1/50 of the lattice step are left out.
    """
    low = np.maximum(solid.bounds[0], limits_mm[0])
    high = np.minimum(solid.bounds[1], limits_mm[1])
    span = np.maximum(high - low, 1e-3)
    step = float(min(span.min() / _SAMPLES_ACROSS, _COARSEST_MM))
    step = max(step, float(span[:2].max()) / _MOST_SAMPLES)
    # Two nodes more on each side close the rings.
    x, y = (
        np.arange(a - 2 * step, b + 2.5 * step, step)
        for a, b in zip(low[:2], high[:2], strict=True)
    )
    return [
        _rings(solid, x, y, float(z), step) if low[2] <= z <= high[2] else [] for z in heights_mm
    ]


def _rings(solid: Solid, x: Array, y: Array, z: float, step: float) -> list[Array]:
    yy, xx = np.meshgrid(y, x, indexing="ij")
    nodes = np.stack([xx.ravel(), yy.ravel(), np.full(xx.size, z)], axis=1)
    inside = solid.contains(nodes).reshape(xx.shape)
    inside[[0, -1], :] = inside[:, [0, -1]] = False
    if not inside.any():
        return []
    lines = contour_generator(z=inside.astype(np.float64), name="serial").lines(0.5)
    # In index space; the last point of a closed line repeats the first.
    loops = [np.asarray(line)[:-1] for line in lines]
    points = np.concatenate(loops)
    on_surface = _slide(solid, points, inside, (np.array([x[0], y[0], z]), step))
    rings = []
    for ring in np.split(on_surface, np.cumsum([len(loop) for loop in loops])[:-1]):
        thin = _thinned(ring, step / 50)
        if len(thin) >= 3:
            rings.append(thin)
    return rings


def _slide(
    solid: Solid, points: Array, inside: NDArray[np.bool_], lattice: tuple[Array, float]
) -> Array:
    """Each mid-point of a lattice edge (index space), moved to where the edge is cut; mm.

    `lattice` is its first node (3,) and its step.
    """
    start, step = lattice
    a, b = np.floor(points).astype(int), np.ceil(points).astype(int)
    a_is_in = inside[a[:, 1], a[:, 0]][:, None]

    def placed(index: NDArray[np.int64]) -> Array:
        return start + step * np.column_stack([index, np.zeros(len(index))])

    within, beyond = placed(np.where(a_is_in, a, b)), placed(np.where(a_is_in, b, a))
    for _ in range(_BISECTIONS):
        middle = (within + beyond) / 2
        is_in = solid.contains(middle)[:, None]
        within, beyond = np.where(is_in, middle, within), np.where(is_in, beyond, middle)
    return np.asarray((within + beyond) / 2)


def _thinned(ring: Array, tolerance_mm: float) -> Array:
    """Drop, again and again, every other point that lies on the line between its neighbours."""
    idle = 0
    while idle < 2:
        before, after = np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0)
        chord, arm = (after - before)[:, :2], (ring - before)[:, :2]
        doubled_area = np.abs(chord[:, 0] * arm[:, 1] - chord[:, 1] * arm[:, 0])
        keep = doubled_area > tolerance_mm * np.maximum(np.hypot(*chord.T), 1e-9)
        keep[0::2] = True
        idle = idle + 1 if keep.all() or keep.sum() < 8 else 0
        ring = np.roll(ring if idle else ring[keep], 1, axis=0)
        if idle == 2 and len(ring) > _MOST_POINTS:
            tolerance_mm, idle = 2 * tolerance_mm, 0
    return ring
