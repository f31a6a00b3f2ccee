"""The points that inverse planning looks at, and what it wants of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gkplan.case import Case
from gkplan.frames import Array
from gkplan.prescription import Limit
from gkplan.solids import Solid, sample_about
from gkplan.solids.base import lattice
from gkplan.structures import Structure

# Weights per target volume and prescription dose, chosen on the shipped phantoms and some real
# cases: a target weight that is too low costs conformity.
TARGET_WEIGHT, INNER_WEIGHT, OUTER_WEIGHT, LIMIT_WEIGHT, HOT_WEIGHT = 200.0, 6.0, 1.0, 30.0, 100.0
PEAK_WEIGHT = 10.0
# Aiming a little above the dose leaves fewer points below it.
TARGET_LEVEL = 1.02
# The final scaling to the coverage raises the maximum by so much.
HOT_MARGIN = 0.96
INNER_MM, OUTER_MM, NEAR_MM = 6.0, 10.0, 3.0
_POINTS_PER_TARGET = 1500


@dataclass(frozen=True, slots=True, eq=False)
class Goals:
    """Points (n, 3), and for each goal the point it is about.

    `mean_of` groups points whose average is one goal (a mean-dose limit).
    """

    points: Array
    point_of_goal: NDArray[np.int64]
    level: Array
    sign: Array
    weight: Array
    mean_of: tuple[NDArray[np.int64], ...]

    def functionals(self, block: NDArray[np.float32], chosen: NDArray[np.int64]) -> Array:
        """What each chosen goal sees of each dose pattern: (n, points) to (n, chosen)."""
        single = len(self.point_of_goal)
        seen = np.empty((len(block), len(chosen)))
        is_point = chosen < single
        seen[:, is_point] = block[:, self.point_of_goal[chosen[is_point]]]
        for k in np.flatnonzero(~is_point):
            seen[:, k] = block[:, self.mean_of[chosen[k] - single]].mean(axis=1)
        return seen

    def hinge(self, dose: Array) -> Array:
        """Signed violation (n,) of each goal by a dose at all points, before the weight."""
        means = [dose[group].mean() for group in self.mean_of]
        seen = np.concatenate([dose[self.point_of_goal], means])
        return np.asarray(self.sign * (seen - self.level))

    def price(self, duals: Array) -> Array:
        """Worth of dose at each point when goal r has the dual value ``duals[r]``."""
        single = len(self.point_of_goal)
        force = -duals * self.sign
        worth = np.bincount(self.point_of_goal, force[:single], minlength=len(self.points))
        for value, group in zip(force[single:], self.mean_of, strict=True):
            worth[group] += value / len(group)
        return np.asarray(worth, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Points of one region and its goals: (which points, level, sign, weight) each.

    With `mean_level` the region has one more goal, about the mean of all its points.
    """

    points: Array
    goals: list[tuple[NDArray[np.int64], Array, float, Array]]
    mean_level: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Target:
    """A sampled target: what its own goals and those of its ring need."""

    solid: Solid
    dose_gy: float
    isodose: tuple[float, float]
    points: Array
    spacing_mm: float
    tree: Any

    @property
    def volume_mm3(self) -> float:
        return len(self.points) * self.spacing_mm**3


def planning_goals(case: Case, coarser: float = 1.0) -> Goals:
    """Target, inner ring, outer ring and organ goals of a case with volume prescriptions.

    `coarser` divides the number of points; the weights then stand for more volume each.
    """
    stretch = coarser ** (1 / 3)
    count = int(max(_POINTS_PER_TARGET / np.sqrt(len(case.targets)), 600) / coarser)
    targets = [_sampled(case, target, count, 1.5 * stretch) for target in case.targets]
    top_dose = max(t.dose_gy for t in targets)
    parts = [_target_part(target) for target in targets]
    parts += [_ring_part(case, targets, n, stretch) for n in range(len(targets))]
    parts += [_limit_part(case, limit, targets, stretch) for limit in case.limits]
    starts = np.cumsum([0, *(len(part.points) for part in parts)])
    goals = [
        (start + index, level, np.full(len(index), sign), weight)
        for start, part in zip(starts, parts, strict=False)
        for index, level, sign, weight in part.goals
    ]
    means = [
        (np.arange(start, start + len(part.points)), part.mean_level)
        for start, part in zip(starts, parts, strict=False)
        if part.mean_level is not None
    ]
    return Goals(
        points=np.concatenate([part.points for part in parts]),
        point_of_goal=np.concatenate([index for index, *_ in goals]),
        level=np.concatenate([*(level for _, level, *_ in goals), [level for _, level in means]]),
        sign=np.concatenate([*(sign for _, _, sign, _ in goals), np.ones(len(means))]),
        weight=np.concatenate(
            [*(weight for *_, weight in goals), np.full(len(means), LIMIT_WEIGHT / top_dose)]
        ),
        mean_of=tuple(index for index, _ in means),
    )


def _sampled(case: Case, target: Structure, count: int, coarsest_mm: float) -> _Target:
    from scipy.spatial import cKDTree

    points, spacing = sample_about(target.solid, count, coarsest_mm)
    prescription = case.prescription(target.name)
    return _Target(
        target.solid, prescription.dose_gy, prescription.isodose, points, spacing, cKDTree(points)
    )


def _target_part(target: _Target) -> _Part:
    """Enough dose everywhere, and a maximum between the isodoses that are wanted."""
    n, dose = len(target.points), target.dose_gy
    lowest, highest = target.isodose
    every = np.arange(n)
    weight = np.full(n, TARGET_WEIGHT / n / dose)
    hottest = np.full(n, HOT_MARGIN * dose / lowest)
    # Somewhere deep inside the dose must reach the highest isodose that is wanted.
    from_middle = np.linalg.norm(target.points - target.points.mean(axis=0), axis=1)
    deepest = np.array([from_middle.argmin()])
    return _Part(
        target.points,
        [
            (every, np.full(n, TARGET_LEVEL * dose), -1.0, weight),
            (every, hottest, 1.0, weight * HOT_WEIGHT / TARGET_WEIGHT),
            (deepest, np.array([dose / highest]), -1.0, np.array([PEAK_WEIGHT / dose])),
        ],
    )


def _ring_part(case: Case, targets: list[_Target], n: int, stretch: float) -> _Part:
    """Less than the dose within 6 mm of target n, less than half of it within 10 mm."""
    target = targets[n]
    points, distance, volume = _ring(case, targets, n, stretch)
    weight = volume / target.volume_mm3 / target.dose_gy
    inner = np.flatnonzero(distance <= INNER_MM)
    dose = np.full(len(points), target.dose_gy)
    return _Part(
        points,
        [
            (inner, dose[inner], 1.0, INNER_WEIGHT * weight[inner]),
            (np.arange(len(points)), dose / 2, 1.0, OUTER_WEIGHT * weight),
        ],
    )


def _limit_part(case: Case, limit: Limit, targets: list[_Target], stretch: float) -> _Part:
    solid = case.structure(limit.structure).solid
    points, _ = sample_about(solid, int(800 / stretch**3), coarsest_mm=1.5 * stretch)
    if limit.kind == "mean":
        return _Part(points, [], mean_level=limit.dose_gy * 0.96)
    near = np.min([t.tree.query(points)[0] for t in targets], axis=0) < 25.0
    points = points[near]
    every = np.arange(len(points))
    top_dose = max(t.dose_gy for t in targets)
    level = np.full(len(points), limit.dose_gy * 0.94)
    return _Part(points, [(every, level, 1.0, np.full(len(points), LIMIT_WEIGHT / 100 / top_dose))])


def _ring(case: Case, targets: list[_Target], n: int, stretch: float) -> tuple[Array, Array, Array]:
    """Points around target n within 10 mm, their distance (mm) and volume (mm3).

    Fine where the dose falls off (within 3 mm), coarser beyond; points nearer to another
    target are that one's.
    """
    low, high = targets[n].solid.bounds
    parts = []
    step = float(np.clip(targets[n].spacing_mm, 0.8 * stretch, 1.5 * stretch))
    for spacing, nearest, farthest in ((step, 0.0, NEAR_MM), (2 * step, NEAR_MM, OUTER_MM)):
        points = lattice(np.array([low - farthest, high + farthest]), spacing)
        distance = np.array([t.tree.query(points)[0] for t in targets])
        mine = (distance.argmin(axis=0) == n) & (distance[n] > nearest)
        mine &= (distance[n] <= farthest) & case.head.contains(points)
        for target in targets:
            mine &= ~target.solid.contains(points)
        parts.append((points[mine], distance[n][mine], np.full(int(mine.sum()), spacing**3)))
    points, distance, volume = (np.concatenate(p) for p in zip(*parts, strict=True))
    return points, distance, volume
