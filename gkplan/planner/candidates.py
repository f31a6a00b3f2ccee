"""Where isocentres may lie: a lattice in the targets, then steps away from the good ones."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from gkplan.case import Case
from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.solids import sample, sample_about
from gkplan.structures import Structure
from gkplan.unit import RadiationUnit

_MOST = 160
_FINEST_MM, _COARSEST_MM = 1.5, 4.0


def lattice_candidates(case: Case, unit: RadiationUnit) -> Array:
    """Lattice points (n, 3) inside the targets, and the targets' centroids, in reach.

    Raises
    ------
    CaseError
        If a target has no point that the unit can reach.
    """
    places = []
    for target in case.targets:
        points, spacing = sample_about(target.solid, 2000, coarsest_mm=1.5)
        volume = len(points) * spacing**3
        step = (volume / (_MOST / len(case.targets))) ** (1 / 3)
        step = float(np.clip(step, _FINEST_MM, _COARSEST_MM))
        inside = np.concatenate([sample(target.solid, step), points.mean(axis=0)[None]])
        inside = inside[unit.reaches(inside)]
        if len(inside) == 0:
            raise CaseError(
                f"{case.path}: target {target.name!r} is outside the reach of {unit.name}: "
                f"isocentres may lie at {unit.reach_text}, its box is {_box(target)}"
            )
        places.append(np.round(inside, 1))
    return np.concatenate(places)


def _box(target: Structure) -> str:
    low, high = target.solid.bounds
    axes = (f"{n} {a:.0f} to {b:.0f}" for n, a, b in zip("xyz", low, high, strict=True))
    return f"{', '.join(axes)} mm"


def neighbors(places: Array, step_mm: float, known: Array, unit: RadiationUnit) -> Array:
    """Points `step_mm` from `places` along and across the axes, none close to a `known` one."""
    from scipy.spatial import cKDTree

    moves = np.array(list(itertools.product((-1, 0, 1), repeat=3)), dtype=float)
    moves = moves[np.abs(moves).sum(axis=1) == 1]
    moves *= step_mm / np.linalg.norm(moves, axis=1)[:, None]
    new = np.round((places[:, None] + moves[None]).reshape(-1, 3), 1)
    new = np.unique(new[unit.reaches(new)], axis=0)
    distance, _ = cKDTree(known).query(new)
    return new[distance > 0.3 * step_mm]


def spread(points: Array, count: int) -> NDArray[np.int64]:
    """Numbers of `count` points far from each other (greedy k-centre), from the middle out."""
    first = int(np.linalg.norm(points - points.mean(axis=0), axis=1).argmin())
    chosen = [first]
    distance = np.linalg.norm(points - points[first], axis=1)
    while len(chosen) < min(count, len(points)):
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return np.array(chosen)
