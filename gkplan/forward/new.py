"""A first plan to work on by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from gkplan.case import Case
from gkplan.errors import CaseError
from gkplan.forward.scaling import settled
from gkplan.forward.sectors import opened
from gkplan.forward.step import check_times
from gkplan.head import DepthRule
from gkplan.plan import Plan
from gkplan.shot import Shot
from gkplan.solids import sample_about
from gkplan.unit import load_unit

DEFAULT_MM = 8
# Where a prescription leaves it free: the usual isodose of radiosurgery, as near as is allowed.
_ISODOSE = 0.5


def new_plan(
    case: Case,
    sectors: Sequence[int] | None = None,
    *,
    unit_name: str = "perfexion",
    rate_gy_per_min: float | None = None,
    treatment_date: date | None = None,
    depth: DepthRule = "geometric",
) -> Plan:
    """One shot at the centroid of each target, with times that give the prescribed doses.

    Parameters
    ----------
    sectors : of every shot, or one for all sectors alike or a helmet; without them all are open at
        8 mm, or for a dose prescribed to the maximum at the collimator of the prescription
    depth : by which all doses of the plan are computed, see `TmrEngine`

    Raises
    ------
    CaseError
        If there is nothing to treat, or for radiological depth in a head without densities.

    Notes
    -----
    The prescription isodose is that of the prescription where it has one, else 50 %. Transit is
    counted.
    """
    from gkplan.workflow import treatment_rate

    if not case.targets:
        raise CaseError(f"{case.path}: has no target; there is nothing to plan")
    unit = load_unit(unit_name)
    shots = []
    for target in case.targets:
        prescription = case.prescription(target.name)
        if sectors is not None:
            states = opened(sectors, unit)
        elif prescription.is_maximum:
            states = opened((prescription.collimator_mm,), unit)
        else:
            states = opened((DEFAULT_MM,), unit)
        points, _ = sample_about(target.solid, 5000, coarsest_mm=1.0)
        x, y, z = (round(float(c), 2) for c in points.mean(axis=0))
        shots.append(Shot((x, y, z), states, 1.0, case.gamma_angle_deg, target.name))
    rate = treatment_rate(unit, rate_gy_per_min, treatment_date)
    begun = tuple(shots)
    plan = Plan(case, unit, unit_name, begun, rate, treatment_date, transit=True, depth=depth)
    levels = {}
    for name in (t.name for t in case.targets):
        low, high = case.prescription(name).isodose
        levels[name] = min(max(_ISODOSE, low), high)
    plan = replace(plan, shots=settled(plan, levels, is_coverage=False))
    check_times(plan)
    return plan
