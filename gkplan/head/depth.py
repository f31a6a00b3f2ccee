"""How deep a point lies below the surface, seen along a beam."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from gkplan.errors import PlanError
from gkplan.frames import Array
from gkplan.solids import Solid
from gkplan.solids.intervals import last_end, length_ahead, parts

# What counts as depth: every mm of head like water, or by what it attenuates.
DepthRule = Literal["geometric", "radiological"]
DEPTHS: tuple[DepthRule, ...] = get_args(DepthRule)


def depth_rule(name: object, what: str = "depth") -> DepthRule:
    """The rule of that name.

    Raises
    ------
    PlanError
        For another name; `what` says where it stands.
    """
    for known in DEPTHS:
        if name == known:
            return known
    raise PlanError(f"{what}: expected {' or '.join(DEPTHS)}, got {name!r}")


def surface_distances(surface: Solid, origins_mm: Array, directions: Array) -> Array:
    """Distance t from each origin to where its beam enters the head, along the beam's axis.

    Parameters
    ----------
    surface : outer surface of the head
    origins_mm : (n, 3) or (3,) Leksell points, the isocentres
    directions : (n, 3) unit vectors toward the sources, Leksell axes

    Returns
    -------
    (n,) float, mm. A point of the axis at signed distance a toward the source then has the
    depth ``t - a``.

    Notes
    -----
    The rule, the same for every kind of surface (docs/depth.md):

    - The ray from the origin toward the source is followed to its end. Where it leaves the head
      and enters it again (nose, ear, chin), the air between does not count: t is the length
      inside the surface, and what is inside counts as water, sinuses and bone too.
    - So the depth is exact at the origin. On the source's side of such a gap it is less than the
      matter above by the width of the gap, and at least 0; beyond the origin every mm counts.
    - From an origin outside the head the same holds if the ray enters the head ahead. If it does
      not, t is the (negative) place where the axis last leaves the head.
    - A beam whose axis misses the head has t = -inf and gives no dose.
    """
    origins = np.broadcast_to(np.asarray(origins_mm, dtype=np.float64), directions.shape)
    distance = np.empty(len(directions))
    for part in parts(len(directions)):
        inside = surface.intervals(origins[part], directions[part])
        ahead = length_ahead(inside)
        distance[part] = np.where(ahead > 0.0, ahead, last_end(inside))
    return distance


def distance_to_surface(surface: Solid, points_mm: Array) -> Array:
    """Distance (n,) from Leksell points (n, 3) to the nearest surface, mm; negative outside.

    Notes
    -----
    The nearest crossing of 600 rays in all directions: at most 1 % too far inside a head.
    """
    toward = _all_directions(600)
    n, rays = len(points_mm), len(toward)
    crossings = surface.intervals(np.repeat(points_mm, rays, axis=0), np.tile(toward, (n, 1)))
    ahead = np.where(crossings > 0.0, crossings, np.inf).reshape(n, -1).min(axis=1)
    return np.asarray(np.where(surface.contains(points_mm), ahead, -ahead))


def _all_directions(count: int) -> Array:
    """Unit vectors (count, 3), evenly spread (Fibonacci lattice)."""
    number = np.arange(count) + 0.5
    z = 1.0 - 2.0 * number / count
    around = np.pi * (1.0 + np.sqrt(5.0)) * number
    across = np.sqrt(1.0 - z * z)
    return np.stack([across * np.cos(around), across * np.sin(around), z], axis=1)
