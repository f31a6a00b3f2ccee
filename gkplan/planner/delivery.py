"""Fewer shots, all long enough for the machine, for a small part of the score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gkplan.frames import Array
from gkplan.planner.aim import Aim
from gkplan.planner.clock import Report
from gkplan.planner.model import Index
from gkplan.planner.programme import Mask, Programme, Solution
from gkplan.unit import RadiationUnit

_AT_ONCE = 0.2  # of the shots may be dropped in one step at first
_TRIALS = 4  # of the shortest shots, the one that is missed least is dropped


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """Which of the programme's shots, for how many minutes (zero for the others), their score."""

    kept: Mask
    times: Array
    score: float

    @property
    def count(self) -> int:
        return int(self.kept.sum())


def minimum_times(states: Index, unit: RadiationUnit) -> Array:
    """The shortest time (min) of shots (n, sectors) of collimator numbers, -1 for blocked."""
    shortest = np.array([0.0, *(c.minimum_time_min for c in unit.collimators)])
    return np.asarray(shortest[states + 1].max(axis=1))


def delivered(
    programme: Programme,
    solution: Solution,
    aim: Aim,
    unit: RadiationUnit,
    report: Report,
    owner: Index | None = None,
) -> Delivery:
    """The shots of a solution, dropped one after the other while the score allows it.

    The score may rise to (1 + aim.loss) times the solution's bound; further only where the
    budgets, or the shortest times of the machine, ask for it. `owner` is the number of each
    shot's target, if there are several: each that has shots keeps one.
    """
    owner = np.zeros(len(solution.times), dtype=np.int64) if owner is None else owner
    limit = solution.bound * (1.0 + aim.loss)
    shortest = minimum_times(programme.shots.state, unit)
    best = _deliverable(programme, solution.times > 0.0, shortest, owner)
    at_once = _AT_ONCE
    while best.count > 1:
        report(f"fewer shots: {best.count}")
        fits = _fits(programme, best, aim)
        if fits and best.score > limit:
            break
        several = int(at_once * best.count)
        order = np.flatnonzero(best.kept)[np.argsort(best.times[best.kept])]
        spare = order[~_longest(best.kept, best.times, owner)[order]]
        single = order[np.bincount(owner[order])[owner[order]] > 1]
        trials = [spare[:several]] if several > 1 else [single[n : n + 1] for n in range(_TRIALS)]
        fewer = [
            _deliverable(programme, _without(best.kept, gone), shortest, owner)
            for gone in trials
            if len(gone)
        ]
        if not fewer:
            break
        least = min(fewer, key=lambda delivery: delivery.score)
        if not fits or least.score <= limit:
            best = least
        elif several > 1:
            at_once /= 2
        else:
            break
    programme.allow(np.ones(len(best.kept), dtype=bool))
    return best


def _without(kept: Mask, gone: Index) -> Mask:
    fewer = kept.copy()
    fewer[gone] = False
    return fewer


def _longest(kept: Mask, times: Array, owner: Index) -> Mask:
    """Which of the kept shots is the longest of its owner."""
    order = np.flatnonzero(kept)[np.argsort(times[kept])]
    last = np.full(int(owner.max(initial=0)) + 1, -1)
    last[owner[order]] = order
    longest = np.zeros(len(kept), dtype=bool)
    longest[last[last >= 0]] = True
    return longest


def _deliverable(programme: Programme, kept: Mask, shortest: Array, owner: Index) -> Delivery:
    """The best times of the shots, without those that would be too short for the machine."""
    while True:
        programme.allow(kept)
        now = programme.solve_allowed()
        short = kept & (now.times < shortest)
        if not short.any():
            return Delivery(kept, now.times, now.objective)
        gone = short & ~_longest(kept, now.times, owner)
        if not gone.any():
            # Each is the last of its target: it is stretched.
            times = np.where(short, shortest, now.times)
            return Delivery(kept, times, programme.score(times))
        kept = kept & ~(gone & (now.times <= np.median(now.times[gone])))


def _fits(programme: Programme, delivery: Delivery, aim: Aim) -> bool:
    """Whether the delivery keeps to the budgets of shots and isocentres."""
    places = len(np.unique(programme.shots.isocenter[delivery.kept]))
    return (aim.shots is None or delivery.count <= aim.shots) and (
        aim.isocenters is None or places <= aim.isocenters
    )
