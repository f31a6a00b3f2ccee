"""Sector durations at given isocentres: one linear programme over these alone."""

from __future__ import annotations

import numpy as np

from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.frames import Array
from gkplan.planner.aim import Aim
from gkplan.planner.clock import Clock, Report
from gkplan.planner.exempt import with_hottest_exempt
from gkplan.planner.inverse import FINE_POINTS, GAP, Optimum, finished
from gkplan.planner.made import MadeShots
from gkplan.planner.programme import Programme
from gkplan.planner.search import cost_of_minute
from gkplan.planner.wishes import planning_goals


def plan_at(
    case: Case, engine: TmrEngine, aim: Aim, isocenters_mm: Array, report: Report
) -> MadeShots:
    """Shots at the isocentres (n, 3); the certificate is about these alone."""
    clock = Clock()
    with clock("kernels"):
        goals = planning_goals(case, FINE_POINTS)
        influence = engine.influence(goals.points, isocenters_mm, case.gamma_angle_deg)
    report(f"linear programme, {len(isocenters_mm)} fixed isocentres")
    with clock("programme"):
        cost = cost_of_minute(aim, engine)
        programme = Programme(goals, goals.weights(aim), influence, cost)
        programme.start(np.arange(len(isocenters_mm)))
        solution = programme.solve(GAP)
        solution = with_hottest_exempt(programme, goals, aim, solution, GAP)
    best = Optimum(isocenters_mm, goals, programme, solution, len(isocenters_mm))
    return finished(case, engine, aim, best, clock, report)
