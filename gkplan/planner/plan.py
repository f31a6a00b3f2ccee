"""The planner's front door."""

from __future__ import annotations

import dataclasses

from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.errors import CaseError
from gkplan.planner.aim import AIMS, Aim
from gkplan.planner.clock import Report
from gkplan.planner.inverse import plan_volume
from gkplan.planner.made import MadeShots
from gkplan.shot import Shot
from gkplan.solids import sample_about


def make_shots(
    case: Case,
    engine: TmrEngine,
    aim: Aim = AIMS["balanced"],
    report: Report = lambda _: None,
) -> MadeShots:
    """Shots that treat all targets of `case` on the engine's unit.

    Targets prescribed to the maximum get one shot at their centroid; the others are planned
    together by the linear programme. `report` is told what is being done.

    Raises
    ------
    CaseError
        If there is nothing to treat, or a target cannot be reached.
    """
    if not case.prescriptions:
        raise CaseError(f"{case.path}: has no prescription; there is nothing to plan")
    functional = [p for p in case.prescriptions if p.is_maximum]
    if functional and len(functional) != len(case.prescriptions):
        raise CaseError(
            f"{case.path}: a plan cannot mix doses prescribed to the maximum with others yet"
        )
    if not functional:
        return plan_volume(case, engine, aim, report)
    report("placing the shots")
    shots = tuple(
        _single_shot(case, p.target, p.collimator_mm, p.dose_gy, engine) for p in functional
    )
    return MadeShots(shots, None, {})


def _single_shot(
    case: Case, target: str, collimator_mm: int, dose_gy: float, engine: TmrEngine
) -> Shot:
    """All sectors open at the centroid, timed so that the maximum is the prescribed dose."""
    points, _ = sample_about(case.structure(target).solid, 5000, coarsest_mm=1.0)
    x, y, z = (round(float(c), 2) for c in points.mean(axis=0))
    if not engine.unit.reaches((x, y, z))[0]:
        raise CaseError(
            f"{case.path}: target {target!r} is outside the reach of {engine.unit.name}"
        )
    sectors = (collimator_mm,) * engine.unit.n_sectors
    steady = dataclasses.replace(engine, transit=False)
    transit = engine.unit.collimator(collimator_mm).transit_min if engine.transit else 0.0
    shot = Shot((x, y, z), sectors, 1.0, case.gamma_angle_deg, target)
    from gkplan.metrics.evaluate import evaluate

    rate = evaluate(case, [shot], steady).metrics.overall.max_dose_gy
    return dataclasses.replace(shot, time_min=dose_gy / rate - transit)
