"""The planner's front door."""

from __future__ import annotations

from gkplan.case import Case
from gkplan.case.contradictions import check_overlaps
from gkplan.dose import TmrEngine
from gkplan.errors import CaseError
from gkplan.planner.aim import AIMS, Aim
from gkplan.planner.budget import check_budgets, hurried, minutes_at_default, too_long
from gkplan.planner.clock import Report
from gkplan.planner.functional import functional_shots
from gkplan.planner.inverse import plan_volume
from gkplan.planner.made import MadeShots
from gkplan.planner.workbench import Workbench

# With a budget of minutes, isocentres are searched for the aim and for one so much more hurried.
_HURRY = 8.0


def make_shots(
    case: Case,
    engine: TmrEngine,
    aim: Aim = AIMS["balanced"],
    report: Report = lambda _: None,
) -> MadeShots:
    """Shots that treat all targets of `case` on the engine's unit.

    Targets prescribed to the maximum get one shot with its maximum at their centroid, with
    sectors blocked where an organ needs it; the others are planned together by the linear
    programme. `report` is told what is being done.

    Raises
    ------
    CaseError
        If there is nothing to treat, a target cannot be reached, or a limit forbids its coverage.
    PlanError
        If a budget of the aim cannot be kept.
    """
    if not case.prescriptions:
        raise CaseError(f"{case.path}: has no prescription; there is nothing to plan")
    functional = [p for p in case.prescriptions if p.is_maximum]
    if functional and len(functional) != len(case.prescriptions):
        raise CaseError(
            f"{case.path}: a plan cannot mix doses prescribed to the maximum with others yet"
        )
    check_overlaps(case, aim.coverage)
    check_budgets(case, aim)
    if functional:
        report("placing the shots")
        shots = functional_shots(case, engine, report)
        minutes = minutes_at_default(shots, engine.rate_gy_per_min)
        if aim.minutes is not None and minutes > aim.minutes:
            raise too_long(case, aim.minutes, minutes)
        return MadeShots(shots, None, {})
    if aim.minutes is None:
        return plan_volume(case, engine, aim, report)
    anchors = (aim, hurried(aim, _HURRY))
    return Workbench.prepared(case, engine, anchors, report).plan(aim, report)
