"""What the planner's score counts: points, levels and weights."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.planner.aim import Aim

# Soft, but so strong that an isodose outside the bounds is never worth it.
_HOT_WEIGHT, _PEAK_WEIGHT = 100.0, 10.0
# A maximum is a goal for many points, a mean is one goal.
_OF_MANY = 0.01
# Scaling a whole plan down costs no more than its target and peak goals are worth: missing a hard
# limit at one point costs so many times that, so that no optimum misses it.
_HARD = 2.0


class Kind(IntEnum):
    """What a goal is about."""

    TARGET = 0
    HOT = 1
    PEAK = 2
    INNER = 3
    OUTER = 4
    MAXIMUM = 5
    MEAN = 6
    HARD = 7


@dataclass(frozen=True, slots=True, eq=False)
class HotVolume:
    """Goals (numbers) of one limit of which the hottest `free_mm3` are exempt.

    `heat` says which points are expected to be the hottest, before there is a dose.
    """

    goals: NDArray[np.int64]
    volume_mm3: Array
    heat: Array
    free_mm3: float


@dataclass(frozen=True, slots=True, eq=False)
class Goals:
    """Points (n, 3), and for each of r goals the point it is about.

    A goal is missed by ``sign (dose - level)`` where that is positive. `share` is what it counts
    within its `kind`; `mean_of` groups points whose average is one goal (a mean-dose limit):
    these goals come last. `hot_volumes` are those of the limits of a volume.
    """

    points: Array
    point_of_goal: NDArray[np.int64]
    level: Array
    sign: Array
    kind: NDArray[np.int64]
    share: Array
    mean_of: tuple[NDArray[np.int64], ...]
    hot_volumes: tuple[HotVolume, ...] = ()

    def exempt(self, dose: Array | None = None) -> NDArray[np.bool_]:
        """Which goals (r,) do not count: the hottest points of organs with limits of a volume.

        `dose` (points,) says which they are; without it, where they are expected.
        """
        exempt = np.zeros(len(self.level), dtype=np.bool_)
        for hot in self.hot_volumes:
            heat = hot.heat if dose is None else dose[self.point_of_goal[hot.goals]]
            order = np.argsort(heat)[::-1]
            first = np.cumsum(hot.volume_mm3[order]) < hot.free_mm3
            exempt[hot.goals[order[first]]] = True
        return exempt

    def weights(self, aim: Aim, dose: Array | None = None) -> Array:
        """The weight (r,) of each goal in the score; `dose` as for `exempt`."""
        of_kind = {
            Kind.TARGET: aim.target,
            Kind.HOT: _HOT_WEIGHT,
            Kind.PEAK: _PEAK_WEIGHT,
            Kind.INNER: aim.selectivity,
            Kind.OUTER: aim.gradient,
            Kind.MAXIMUM: aim.limits * _OF_MANY,
            Kind.MEAN: aim.limits,
            Kind.HARD: _HARD * (aim.target + _PEAK_WEIGHT),
        }
        weight = np.array([of_kind[k] for k in Kind])[self.kind] * self.share
        return np.where(self.exempt(dose), 0.0, weight)

    def functionals(self, block: NDArray[np.float32], chosen: NDArray[np.int64]) -> Array:
        """What each chosen goal sees of each dose pattern: (n, points) to (n, chosen)."""
        single = len(self.point_of_goal)
        seen = np.empty((len(block), len(chosen)))
        is_point = chosen < single
        seen[:, is_point] = block[:, self.point_of_goal[chosen[is_point]]]
        for k in np.flatnonzero(~is_point):
            seen[:, k] = block[:, self.mean_of[chosen[k] - single]].mean(axis=1)
        return seen

    def missed_by(self, dose: Array) -> Array:
        """Signed violation (r,) of each goal by a dose at all points, before the weight."""
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
