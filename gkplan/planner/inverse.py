"""Inverse planning: isocentres, linear programme with proof, fewer shots, normalisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gkplan.case import Case
from gkplan.certificate import Certificate
from gkplan.dose import TmrEngine
from gkplan.frames import Array
from gkplan.planner.aim import Aim
from gkplan.planner.clock import Clock, Report
from gkplan.planner.delivery import delivered
from gkplan.planner.excess import excesses, organ_doses
from gkplan.planner.exempt import with_hottest_exempt
from gkplan.planner.goals import Goals
from gkplan.planner.made import MadeShots
from gkplan.planner.model import Index
from gkplan.planner.normalise import nearest_targets, normalised, within_hard_limits
from gkplan.planner.order import in_order
from gkplan.planner.pool import Pool
from gkplan.planner.pricing import worth_of_places
from gkplan.planner.programme import Programme, Shots, Solution
from gkplan.planner.search import Found, cost_of_minute, search
from gkplan.planner.tighten import tightened
from gkplan.planner.wishes import planning_goals
from gkplan.shot import Shot

# Points near the surface of a target that the plan is optimised on.
FINE_POINTS = 5500
GAP = 1e-3
_PROOF_ROUNDS = 4
_REPLANS = 2
# An isocentre worth this part of its cost is taken in with those that pay: it often does at the
# next prices, and the round that would find it costs more than its dose.
_ALMOST = 0.97


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """The programme of a case at its optimum: isocentres (n, 3) of its pool, goals, solution."""

    places: Array
    goals: Goals
    programme: Programme
    solution: Solution
    candidates: int


def plan_volume(case: Case, engine: TmrEngine, aim: Aim, report: Report) -> MadeShots:
    """Shots for prescriptions to a volume.

    Raises
    ------
    CaseError
        If a target has no point that the unit can reach.
    """
    clock = Clock()
    found = search(case, engine, (aim,), clock, report)
    best = optimum(case, engine, aim, found, clock, report)
    made = finished(case, engine, aim, best, clock, report)
    stricter, over = case, excesses(case.limits, organ_doses(case, case.limits, made.shots, engine))
    least = max(over, default=0.0)
    for _ in range(_REPLANS):
        before, stricter = stricter, tightened(stricter, over)
        if stricter is before:
            break
        report("once more, with limits that the scaling keeps")
        best = optimum(stricter, engine, aim, found, clock, report)
        again = finished(stricter, engine, aim, best, clock, report)
        over = excesses(case.limits, organ_doses(case, case.limits, again.shots, engine))
        if max(over) < least:
            made, least = again, max(over)
    return made


def finished(
    case: Case,
    engine: TmrEngine,
    aim: Aim,
    best: Optimum,
    clock: Clock,
    report: Report,
    points_of: Mapping[str, Array] | None = None,
) -> MadeShots:
    """Deliverable shots of an optimum, scaled to the coverage, in order, and their certificate.

    `points_of` are the `coverage_points`, if they are at hand.
    """
    with clock("delivery"):
        programme, solution = best.programme.narrowed(best.solution)
        owner = _owners(case, best.places)[programme.shots.isocenter]
        delivery = delivered(programme, solution, aim, engine.unit, report, owner)
    with clock("scaling"):
        kept = programme.shots.at(delivery.kept)
        times = delivery.times[delivery.kept]
        before = shots_of(case, engine, best.places, kept, times)
        shots = normalised(case, before, engine, aim.coverage, points_of)
        shots = within_hard_limits(case, shots, engine)
    final = np.zeros(len(delivery.times))
    final[delivery.kept] = [shot.time_min for shot in shots]
    certificate = Certificate(
        bound=best.solution.bound,
        optimum=best.solution.objective,
        delivered=delivery.score,
        rescaled=programme.score(final),
        isocenters=best.candidates,
        points=len(best.goals.points),
    )
    # Only now: the certificate takes the shots in the order of the programme.
    return MadeShots(in_order(shots), certificate, dict(clock.seconds))


def optimum(
    case: Case,
    engine: TmrEngine,
    aim: Aim,
    found: Found,
    clock: Clock,
    report: Report,
) -> Optimum:
    """The optimum on all points, over all isocentres that were found.

    The programme holds the isocentres that pay; the others are looked at one block after the
    other, at the optimum's prices, and those that pay are taken in until none does.
    """
    cost = cost_of_minute(aim, engine)
    with clock("kernels"):
        lit = found.times > 0.0
        coarse = shots_of(case, engine, found.places, found.shots.at(lit), found.times[lit])
        goals = planning_goals(case, FINE_POINTS, lambda places: engine.dose(places, coarse))
        used = np.unique(found.shots.isocenter)
        influence = engine.influence(goals.points, found.places[used], case.gamma_angle_deg)
    report(f"linear programme on {len(goals.points)} points, {len(used)} isocentres")
    with clock("programme"):
        programme = Programme(goals, goals.weights(aim), influence, cost)
        renumbered = Shots(np.searchsorted(used, found.shots.isocenter), found.shots.state)
        programme.start_from(renumbered, found.times)
        solution = programme.solve(GAP)
        solution = with_hottest_exempt(programme, goals, aim, solution, GAP)
    places, bound = found.places[used], -np.inf
    others = np.delete(np.arange(len(found.places)), used)
    for _ in range(_PROOF_ROUNDS):
        report(f"proof over {len(found.places)} isocentres")
        with clock("proof"):
            worth = worth_of_places(
                engine, found.places[others], case.gamma_angle_deg, goals.points, solution.price
            )
            most = max(float(worth.max(initial=0.0)) / cost, 1.0)
            bound = max(bound, solution.bound / most)
        if solution.objective - bound <= GAP * abs(solution.objective) or most == 1.0:
            break
        pays = worth > _ALMOST * cost
        with clock("kernels"):
            more = engine.influence(goals.points, found.places[others[pays]], case.gamma_angle_deg)
        with clock("programme"):
            places = np.concatenate([places, found.places[others[pays]]])
            others = others[~pays]
            programme.extend(more)
            solution = programme.solve(GAP)
    solution = Solution(solution.times, solution.objective, bound, solution.price)
    return Optimum(places, goals, programme, solution, len(found.places))


def _owners(case: Case, places: Array) -> Index:
    """Number of the nearest target of each place (n, 3)."""
    numbers = {target.name: n for n, target in enumerate(case.targets)}
    return np.array([numbers[name] for name in nearest_targets(case, places)])


def shots_of(
    case: Case, engine: TmrEngine, places: Array, shots: Shots, times: Array
) -> tuple[Shot, ...]:
    """The shots (m) of a programme at its `places` with `times` (m,) in min, each for a target."""
    pool = Pool.of(places, case.gamma_angle_deg, nearest_targets(case, places))
    return pool.listed(shots, times, engine.unit)
