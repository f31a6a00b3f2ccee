"""Which isocentres are worth having: a lattice, then places between, on a coarse sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.frames import Array
from gkplan.plan import DEFAULT_RATE_GY_PER_MIN
from gkplan.planner.aim import Aim
from gkplan.planner.candidates import lattice_candidates, neighbors, spread
from gkplan.planner.clock import Clock, Report
from gkplan.planner.programme import Programme, Shots, best_shots
from gkplan.planner.wishes import planning_goals

USED_MIN = 1e-3
# The isocentres are chosen on so many points near the surface of a target.
_COARSE_POINTS = 1200
_COARSE_GAP = 3e-3
_START = 16  # isocentres to begin with
_STEPS_MM = (1.0, 0.6)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """All isocentres (n, 3) that were looked at, and the shots of the coarse optima.

    The times (minutes, one a shot) are those of the optimum for the last aim.
    """

    places: Array
    shots: Shots
    times: Array


def cost_of_minute(aim: Aim, engine: TmrEngine) -> float:
    """What a minute costs at the engine's rate: a weak source shall not make other plans."""
    return aim.minute * engine.rate_gy_per_min / DEFAULT_RATE_GY_PER_MIN


def search(
    case: Case,
    engine: TmrEngine,
    aims: Sequence[Aim],
    clock: Clock,
    report: Report,
) -> Found:
    """Isocentres and shots that are best for one aim or another on a coarse sample of the case.

    Raises
    ------
    CaseError
        If a target has no point that the unit can reach.
    """
    places = lattice_candidates(case, engine.unit)
    report(f"dose of {len(places)} candidate isocentres")
    with clock("kernels"):
        goals = planning_goals(case, _COARSE_POINTS)
        influence = engine.influence(goals.points, places, case.gamma_angle_deg)
    report(f"linear programme over {len(places)} candidates")
    first = aims[0]
    programme = Programme(goals, goals.weights(first), influence, cost_of_minute(first, engine))
    with clock("programme"):
        programme.start(spread(places, _START))
    kept: set[int] = set()
    for aim in aims:
        cost = cost_of_minute(aim, engine)
        with clock("programme"):
            programme.reweight(goals.weights(aim))
            programme.set_cost(cost)
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
        kept.update(np.flatnonzero(solution.times > USED_MIN).tolist())
    chosen = np.array(sorted(kept))
    return Found(places, programme.shots.at(chosen), solution.times[chosen])
