"""Grassfire isocentres: where fires lit at the surface of a target, and of what is taken, meet."""

from __future__ import annotations

import numpy as np

from gkplan.case import Case
from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.solids import Solid, sample_about
from gkplan.solids.base import inside_lattice, lattice_around
from gkplan.unit import RadiationUnit

# As many isocentres in 1 cc, and never more; fewer in less, as its diameter. Chosen here: the
# publications do not say how many.
MOST, FULL_MM3 = 16, 1000.0
_CELLS, _FINEST_MM, _COARSEST_MM = 20_000, 0.1, 1.0


def grassfire_isocenters(case: Case, unit: RadiationUnit) -> Array:
    """Isocentres (n, 3), Leksell mm, of all targets.

    Raises
    ------
    CaseError
        If the unit reaches no point of a target.
    """
    places = []
    for target in case.targets:
        points, spacing = sample_about(target.solid, _CELLS, _COARSEST_MM, _FINEST_MM)
        volume_mm3 = len(points) * spacing**3
        count = max(round(MOST * min(volume_mm3 / FULL_MM3, 1.0) ** (1 / 3)), 1)
        found = grassfire_points(target.solid, count)
        found = found[unit.reaches(found)]
        if len(found) == 0:
            raise CaseError(
                f"{case.path}: target {target.name!r} is outside the reach of {unit.name}"
            )
        places.append(found)
    return np.concatenate(places)


def grassfire_points(solid: Solid, count: int) -> Array:
    """At most `count` points (n, 3) of a solid, the deepest first.

    Notes
    -----
    After Ghobadi, Ghaffari, Aleman, Jaffray and Ruschin 2012, Med Phys 39(6):3134 (reference
    unverified): a fire burns from the surface inward; the place that burns last becomes an
    isocentre, a ball about it is taken out, and the rest is lit again. Of places equally deep the
    nearest to their common middle is taken. Here the balls are equal: `count` of them have the
    volume of the solid.
    """
    from scipy.ndimage import distance_transform_edt

    _, spacing = sample_about(solid, _CELLS, _COARSEST_MM, _FINEST_MM)
    points = lattice_around(solid, spacing, spacing)
    left = inside_lattice(solid, points)
    radius = (3.0 * left.sum() / (4.0 * np.pi * count)) ** (1 / 3) * spacing
    chosen: list[Array] = []
    while len(chosen) < count and left.any():
        depth = distance_transform_edt(left)
        last = points[depth >= depth.max() - 1e-9]
        place = last[np.linalg.norm(last - last.mean(axis=0), axis=1).argmin()]
        chosen.append(place)
        left &= np.linalg.norm(points - place, axis=-1) > radius
    return np.array(chosen)
