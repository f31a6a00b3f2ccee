"""How deep a point lies below the surface, seen along a beam."""

from __future__ import annotations

import numpy as np

from gkplan.frames import Array
from gkplan.solids import Solid
from gkplan.solids.intervals import last_end, length_ahead


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
    The ray from the origin toward the source is followed to its end. Where it leaves the head
    and enters it again (nose, ear, chin), the air between does not count: t is the length
    inside the surface. From an isocentre outside the head whose ray toward the source stays
    outside, t is the (negative) place where the axis last leaves the head. A beam that misses
    the head has t = -inf.
    """
    inside = surface.intervals(np.asarray(origins_mm, dtype=np.float64), directions)
    ahead = length_ahead(inside)
    return np.asarray(np.where(ahead > 0.0, ahead, last_end(inside)))
