"""Which isocentres are worth having: a lattice, then places between, on a coarse sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.frames import Array
from gkplan.plan import DEFAULT_RATE_GY_PER_MIN
from gkplan.planner.aim import Aim
from gkplan.planner.candidates import lattice_candidates, neighbors, spread
from gkplan.planner.clock import Clock, Report
from gkplan.planner.goals import planning_goals
from gkplan.planner.programme import Programme, Shots, best_shots

USED_MIN = 1e-3
# The isocentres are chosen on so many points near the surface of a target.
_COARSE_POINTS = 1200
_COARSE_GAP = 3e-3
_START = 16  # isocentres to begin with
_STEPS_MM = (1.0, 0.6)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """All isocentres (n, 3) that were looked at, and the shots of the coarse optimum."""

    places: Array
    shots: Shots
    times: Array


def cost_of_minute(aim: Aim, engine: TmrEngine) -> float:
    """What a minute costs at the engine's rate: a weak source shall not make other plans."""
    return aim.minute * engine.rate_gy_per_min / DEFAULT_RATE_GY_PER_MIN


def search(
    case: Case,
    engine: TmrEngine,
    aim: Aim,
    clock: Clock,
    report: Report,
) -> Found:
    """Isocentres and shots that are best on a coarse sample of the case.

    Raises
    ------
    CaseError
        If a target has no point that the unit can reach.
    """
    cost = cost_of_minute(aim, engine)
    places = lattice_candidates(case, engine.unit)
    report(f"dose of {len(places)} candidate isocentres")
    with clock("kernels"):
        goals = planning_goals(case, _COARSE_POINTS)
        influence = engine.influence(goals.points, places, case.gamma_angle_deg)
    report(f"linear programme over {len(places)} candidates")
    with clock("programme"):
        programme = Programme(goals, goals.weights(aim), influence, cost)
        programme.start(spread(places, _START))
        solution = programme.solve(_COARSE_GAP)
    for step in _STEPS_MM:
        used = np.unique(programme.shots.isocenter[solution.times > USED_MIN])
        near = neighbors(places[used], step, places, engine.unit)
        report(f"{len(near)} places between the candidates")
        with clock("kernels"):
            influence = engine.influence(goals.points, near, case.gamma_angle_deg)
            pays = best_shots(influence, solution.price)[1] > cost
        with clock("programme"):
            places = np.concatenate([places, near[pays]])
            programme.extend(influence[pays])
            solution = programme.solve(_COARSE_GAP)
    kept = solution.times > USED_MIN
    return Found(places, programme.shots.at(kept), solution.times[kept])
