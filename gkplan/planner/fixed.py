"""Sector durations at given isocentres: one linear programme, then the usual sequencing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.frames import Array
from gkplan.planner.delivery import pieces_of, polished
from gkplan.planner.goals import planning_goals
from gkplan.planner.inverse import TIME_WEIGHT, _normalised, _shots, _used
from gkplan.planner.programme import Programme
from gkplan.shot import Shot


def plan_at(
    case: Case, engine: TmrEngine, isocenters_mm: Array, report: Callable[[str], None]
) -> tuple[tuple[Shot, ...], float]:
    """Shots at the isocentres (n, 3), and the programme's gap over these isocentres alone."""
    cost = TIME_WEIGHT * engine.rate_gy_per_min / 3.0
    goals = planning_goals(case)
    influence = engine.influence(goals.points, isocenters_mm, case.gamma_angle_deg)
    report(f"linear programme, {len(isocenters_mm)} fixed isocentres")
    programme = Programme(goals, influence, cost)
    programme.start(np.arange(len(isocenters_mm)))
    solution = programme.solve()
    report("sequencing to deliverable shots")
    used = _used(solution)
    pieces, patterns = pieces_of(solution.times[used], influence[used], engine.unit)
    pieces, minutes = polished(goals, pieces, patterns, engine.unit, cost, report)
    shots = _shots(case, isocenters_mm[used], pieces, minutes)
    return _normalised(case, shots, engine), solution.gap
