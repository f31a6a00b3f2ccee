"""How deep a point lies below the surface, seen along a beam."""

from __future__ import annotations

import numpy as np

from gkplan.frames import Array
from gkplan.solids import Solid


def surface_distances(surface: Solid, origin_mm: Array, directions: Array) -> Array:
    """Distance t from `origin_mm` to where each beam enters the head, along its axis.

    Parameters
    ----------
    surface : outer surface of the head
    origin_mm : (3,) Leksell point, the isocentre
    directions : (n, 3) unit vectors toward the sources, Leksell axes

    Returns
    -------
    (n,) float, mm. A point of the axis at signed distance a toward the source then has the
    depth ``t - a``.

    Notes
    -----
    The ray from the origin toward the source is followed to its end. Where it leaves the head
    and enters it again (nose, ear, chin), the air between does not count: t is the length
    inside the surface. From an isocentre outside the head whose ray toward the source stays
    outside, t is the (negative) place where the axis last leaves the head. A beam that misses
    the head has t = -inf.
    """
    t = surface.crossings(origin_mm, directions)
    t = np.sort(np.concatenate([t, np.zeros((len(t), 1))], axis=1), axis=1)
    with np.errstate(invalid="ignore"):
        middle = (t[:, 1:] + t[:, :-1]) / 2
        length = t[:, 1:] - t[:, :-1]
    known = np.isfinite(middle)
    points = origin_mm + np.where(known, middle, 0.0)[..., None] * directions[:, None, :]
    inside = surface.contains(points.reshape(-1, 3)).reshape(middle.shape) & known
    toward_source = inside & (t[:, :-1] >= 0.0)
    distance = np.where(toward_source, length, 0.0).sum(axis=1)
    last_exit = np.where(inside, t[:, 1:], -np.inf).max(axis=1)
    return np.asarray(np.where(toward_source.any(axis=1), distance, last_exit))
