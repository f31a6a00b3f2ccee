"""Better times, and if wanted better places, for shots that are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.errors import PlanError
from gkplan.frames import Array
from gkplan.planner.aim import Aim
from gkplan.planner.clock import Report
from gkplan.planner.delivery import delivered
from gkplan.planner.excess import excess
from gkplan.planner.goals import Goals
from gkplan.planner.inverse import FINE_POINTS, GAP
from gkplan.planner.nearby import with_neighbors
from gkplan.planner.normalise import nearest_targets, normalised
from gkplan.planner.order import in_order
from gkplan.planner.pool import pooled
from gkplan.planner.programme import Programme
from gkplan.planner.search import cost_of_minute
from gkplan.planner.wishes import planning_goals
from gkplan.shot import Shot

# Of the score: less than that is not worth another round, nor a change of the plan.
ENOUGH = 1e-3
_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class Polished:
    """Shots, and the planner's score (smaller is better) of those given and of these.

    The scores count transit if the engine does. Where nothing better was found the shots are
    those given and the scores are equal.
    """

    shots: tuple[Shot, ...]
    before: float
    after: float

    @property
    def gain(self) -> float:
        """The part of the score that is gone."""
        return 1.0 - self.after / self.before


def polish_shots(
    case: Case,
    engine: TmrEngine,
    aim: Aim,
    shots: Sequence[Shot],
    positions: bool = False,
    report: Report = lambda _: None,
) -> Polished:
    """Shots that score at least 0.1 % better than those given, or those given.

    Parameters
    ----------
    shots : each keeps its gamma angle; without `positions` also its isocentre and sectors, and
        their order. One that adds nothing, or would be too short to be delivered, is left out
    positions : isocentres may move by small steps, and sectors change. There are never more
        shots or isocentres than before; the budgets of the aim are not looked at

    Raises
    ------
    PlanError
        If a dose is prescribed to the maximum, or a target has no shot.

    Notes
    -----
    A round is a linear programme over the shots, or over those that pay at the isocentres and
    their neighbours, then `delivered` within the number of shots that there was, and the scaling
    of the times to the aim's coverage. The rounds go on while each gains 0.1 %. Where all limits
    were kept they stay kept; where one was not, the worst excess does not grow.
    """
    given = _owned(case, shots)
    problem = _Problem.of(case, engine, aim)
    before = problem.score(given)
    worst = max(1.0, excess(case, given, engine))
    budget = replace(aim, loss=0.0, shots=len(given), isocenters=_n_isocenters(given))
    best, least = tuple(shots), before
    now = normalised(case, given, engine, aim.coverage)
    for n in range(_ROUNDS if positions else 1):
        report(f"polishing {len(now)} shots, round {n + 1}")
        found = problem.round(budget, now, positions, report)
        now = normalised(case, found, engine, aim.coverage)
        score = problem.score(now)
        if score > least * (1.0 - ENOUGH) or excess(case, now, engine) > worst:
            break
        best, least = in_order(now) if positions else now, score
    return Polished(best, before, least)


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """A case with what its plans are scored by."""

    case: Case
    engine: TmrEngine
    goals: Goals
    weights: Array
    cost: float

    @classmethod
    def of(cls, case: Case, engine: TmrEngine, aim: Aim) -> _Problem:
        goals = planning_goals(case, FINE_POINTS)
        return cls(case, engine, goals, goals.weights(aim), cost_of_minute(aim, engine))

    def score(self, shots: Sequence[Shot]) -> float:
        """That of the programme, with the dose of the engine: transit is in it."""
        missed = self.goals.missed_by(self.engine.dose(self.goals.points, shots))
        minutes = sum(shot.time_min for shot in shots)
        return float(self.weights @ np.maximum(missed, 0.0) + self.cost * minutes)

    def round(
        self, budget: Aim, shots: tuple[Shot, ...], positions: bool, report: Report
    ) -> tuple[Shot, ...]:
        """The best deliverable shots from one linear programme."""
        pool, indexed, times = pooled(shots, self.engine.unit)
        influence = pool.influence(self.engine, self.goals.points)
        programme = Programme(self.goals, self.weights, influence, self.cost)
        programme.start_from(indexed, times)
        if positions:
            solution = programme.solve(GAP)
            pool, solution = with_neighbors(
                self.case, self.engine, self.goals, programme, pool, solution, self.cost, report
            )
        else:
            solution = programme.solve_allowed()
        programme, solution = programme.narrowed(solution)
        delivery = delivered(programme, solution, budget, self.engine.unit, report)
        kept = programme.shots.at(delivery.kept)
        return pool.listed(kept, delivery.times[delivery.kept], self.engine.unit)


def _n_isocenters(shots: Sequence[Shot]) -> int:
    return len({(s.gamma_angle_deg, s.target, s.isocenter_mm) for s in shots})


def _owned(case: Case, shots: Sequence[Shot]) -> tuple[Shot, ...]:
    """The shots, each with a target: the nearest one where it names none."""
    names = [t.name for t in case.targets]
    for prescription in case.prescriptions:
        if prescription.is_maximum:
            raise PlanError(
                f"polish: the dose of {prescription.target!r} is prescribed to the maximum; use "
                f"gkplan shots normalise"
            )
    if not names:
        raise PlanError(f"polish: {case.path} has no target")
    near = nearest_targets(case, np.array([s.isocenter_mm for s in shots]))
    owned = tuple(
        shot if shot.target in names else replace(shot, target=name)
        for shot, name in zip(shots, near, strict=True)
    )
    if bare := [name for name in names if name not in {s.target for s in owned}]:
        raise PlanError(f"polish: target {bare[0]!r} has no shot; add one for it")
    return owned
