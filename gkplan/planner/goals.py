"""The points that inverse planning looks at, and what it wants of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gkplan.case import Case
from gkplan.frames import Array
from gkplan.solids import sample_about
from gkplan.solids.base import lattice

# Weights per target volume and prescription dose, chosen on the shipped phantoms and real cases
# a target weight that is too low costs conformity).
TARGET_WEIGHT, INNER_WEIGHT, OUTER_WEIGHT, LIMIT_WEIGHT, HOT_WEIGHT = 200.0, 6.0, 1.0, 30.0, 100.0
PEAK_WEIGHT = 10.0
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
        return worth


def planning_goals(case: Case, coarser: float = 1.0) -> Goals:
    """Target, inner ring, outer ring and organ goals of a case with volume prescriptions.

    `coarser` divides the number of points; the weights then stand for more volume each.
    """
    from scipy.spatial import cKDTree

    points: list[Array] = []
    goals: list[tuple[NDArray[np.int64], Array, float, Array]] = []
    count = 0
    targets = case.targets
    per_target = max(int(_POINTS_PER_TARGET / np.sqrt(len(targets))), 600) / coarser
    trees: list[Any] = []
    spacings = []
    volumes = []
    for target in targets:
        inside, spacing = sample_about(target.solid, int(per_target), coarsest_mm=1.5 * coarser ** (1 / 3))
        dose = case.prescription(target.name)
        volume = len(inside) * spacing**3
        weight = np.full(len(inside), TARGET_WEIGHT / len(inside) / dose.dose_gy)
        index = count + np.arange(len(inside))
        goals.append((index, np.full(len(inside), dose.dose_gy * 1.005), -1.0, weight))
        hottest = np.full(len(inside), HOT_MARGIN * dose.dose_gy / dose.isodose[0])
        goals.append((index, hottest, 1.0, weight * HOT_WEIGHT / TARGET_WEIGHT))
        # Somewhere deep inside the dose must reach the highest isodose that is wanted.
        deepest = np.argmin(np.linalg.norm(inside - inside.mean(axis=0), axis=1))
        peak = np.array([dose.dose_gy / dose.isodose[1]])
        goals.append((index[[deepest]], peak, -1.0, np.array([PEAK_WEIGHT / dose.dose_gy])))
        points.append(inside)
        count += len(inside)
        trees.append(cKDTree(inside))
        spacings.append(spacing)
        volumes.append(volume)
    for n, target in enumerate(targets):
        dose_gy = case.prescription(target.name).dose_gy
        ring, distance, ring_mm3 = _ring(case, target.solid.bounds, trees, n, spacings[n], coarser ** (1 / 3))
        index = count + np.arange(len(ring))
        scale = ring_mm3 / volumes[n] / dose_gy
        inner = distance <= INNER_MM
        goals.append(
            (index[inner], np.full(inner.sum(), dose_gy), 1.0, INNER_WEIGHT * scale[inner])
        )
        goals.append((index, np.full(len(ring), dose_gy / 2), 1.0, OUTER_WEIGHT * scale))
        points.append(ring)
        count += len(ring)
    means: list[tuple[NDArray[np.int64], float]] = []
    top_dose = max(p.dose_gy for p in case.prescriptions)
    for limit in case.limits:
        solid = case.structure(limit.structure).solid
        inside, _ = sample_about(solid, int(800 / coarser), coarsest_mm=1.5 * coarser ** (1 / 3))
        index = count + np.arange(len(inside))
        if limit.kind == "mean":
            means.append((index, limit.dose_gy * 0.96))
        else:
            near = np.min(np.array([tree.query(inside)[0] for tree in trees]), axis=0) < 25.0
            inside, index = inside[near], count + np.arange(int(near.sum()))
            level = np.full(len(inside), limit.dose_gy * 0.94)
            weight = np.full(len(inside), LIMIT_WEIGHT / 100 / top_dose)
            goals.append((index, level, 1.0, weight))
        points.append(inside)
        count += len(inside)
    return Goals(
        points=np.concatenate(points),
        point_of_goal=np.concatenate([g[0] for g in goals]),
        level=np.concatenate([*(g[1] for g in goals), [level for _, level in means]]),
        sign=np.concatenate([*(np.full(len(g[0]), g[2]) for g in goals), np.ones(len(means))]),
        weight=np.concatenate(
            [*(g[3] for g in goals), np.full(len(means), LIMIT_WEIGHT / top_dose)]
        ),
        mean_of=tuple(index for index, _ in means),
    )


def _ring(
    case: Case, bounds: Array, trees: list[Any], n: int, spacing_mm: float, stretch: float
) -> tuple[Array, Array, Array]:
    """Points around target n within 10 mm, their distance (mm) and volume (mm3).

    Fine where the dose falls off (within 3 mm), coarser beyond; points nearer to another
    target are that one's.
    """
    parts = []
    step = float(np.clip(spacing_mm, 0.8 * stretch, 1.5 * stretch))
    for spacing, nearest, farthest in ((step, 0.0, NEAR_MM), (2 * step, NEAR_MM, OUTER_MM)):
        box = np.array([bounds[0] - farthest, bounds[1] + farthest])
        points = lattice(box, spacing)
        distance = np.array([t.query(points)[0] for t in trees])
        mine = (distance.argmin(axis=0) == n) & (distance[n] > nearest)
        mine &= (distance[n] <= farthest) & case.head.contains(points)
        for target in case.targets:
            mine &= ~target.solid.contains(points)
        parts.append((points[mine], distance[n][mine], np.full(int(mine.sum()), spacing**3)))
    points, distance, volume = (np.concatenate(p) for p in zip(*parts, strict=True))
    return points, distance, volume
