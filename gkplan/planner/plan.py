"""The planner's front door."""

from __future__ import annotations

from gkplan.case import Case
from gkplan.case.contradictions import check_overlaps
from gkplan.dose import TmrEngine
from gkplan.errors import CaseError
from gkplan.planner.aim import AIMS, Aim
from gkplan.planner.clock import Report
from gkplan.planner.functional import functional_shots
from gkplan.planner.inverse import plan_volume
from gkplan.planner.made import MadeShots


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
    """
    if not case.prescriptions:
        raise CaseError(f"{case.path}: has no prescription; there is nothing to plan")
    functional = [p for p in case.prescriptions if p.is_maximum]
    if functional and len(functional) != len(case.prescriptions):
        raise CaseError(
            f"{case.path}: a plan cannot mix doses prescribed to the maximum with others yet"
        )
    check_overlaps(case, aim.coverage)
    if not functional:
        return plan_volume(case, engine, aim, report)
    report("placing the shots")
    return MadeShots(functional_shots(case, engine, report), None, {})
