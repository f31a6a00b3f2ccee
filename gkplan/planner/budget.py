"""Budgets: what can be refused at once, and the plan that keeps to a beam-on time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.errors import PlanError
from gkplan.frames import Array
from gkplan.plan import DEFAULT_RATE_GY_PER_MIN
from gkplan.planner.aim import Aim
from gkplan.planner.made import MadeShots
from gkplan.shot import Shot

# Nearer to the budget than this fraction of it is near enough.
_NEAR = 0.03
# How many times more a minute may count, and the step that is too fine to matter.
_HURRY_MOST, _HURRY_STEP = 512.0, 1.1
# A fraction of the maximum: what the scaling to the coverage shifts it by even without a budget.
_ISODOSE_TOLERANCE = 0.01

Places = Mapping[str, Array]


def check_budgets(case: Case, aim: Aim) -> None:
    """Refuse fewer shots or isocentres than there are targets.

    Raises
    ------
    PlanError
        Naming the budget, and the least that is possible.
    """
    need = len(case.prescriptions)
    for name, text, value in (
        ("shots", "shots", aim.shots),
        ("isocenters", "isocentres", aim.isocenters),
    ):
        if value is not None and value < need:
            raise PlanError(
                f"{case.path}: a budget of {value} {text} for {need} targets: every target needs "
                f"one of its own; allow {name} {need} or more"
            )


def minutes_at_default(shots: Sequence[Shot], rate_gy_per_min: float) -> float:
    """The beam-on time of shots, as it would be at 3 Gy/min."""
    return sum(s.time_min for s in shots) * rate_gy_per_min / DEFAULT_RATE_GY_PER_MIN


def too_long(case: Case, budget_min: float, least_min: float) -> PlanError:
    """The refusal of a beam-on time, with the least one that was reached."""
    return PlanError(
        f"{case.path}: no plan within {budget_min:g} min of beam-on time at "
        f"{DEFAULT_RATE_GY_PER_MIN:g} Gy/min; the least that was reached at this coverage "
        f"and isodose is {least_min:.2f} min; allow more minutes, or less coverage"
    )


def hurried(aim: Aim, factor: float) -> Aim:
    """The aim with beam-on time that counts `factor` times more against the dose around targets.

    Selectivity and gradient are made cheaper, not minutes dearer: that is the same between these
    three, and dear minutes would win over the coverage, the limits and the bounds on the isodose.
    """
    return dataclasses.replace(
        aim, selectivity=aim.selectivity / factor, gradient=aim.gradient / factor
    )


def isodose_miss(case: Case, shots: Sequence[Shot], engine: TmrEngine, points_of: Places) -> float:
    """How far the prescription isodose of any target is outside what is asked for; 0 if within.

    `points_of` are the points (n, 3) of each target where the maximum is looked for.
    """
    worst = 0.0
    for name, points in points_of.items():
        prescription = case.prescription(name)
        isodose = prescription.dose_gy / float(engine.dose(points, shots).max())
        low, high = prescription.isodose
        worst = max(worst, low - isodose, isodose - high)
    return worst


def within_minutes(
    case: Case,
    rate_gy_per_min: float,
    aim: Aim,
    plan: Callable[[Aim], MadeShots],
    miss: Callable[[Sequence[Shot]], float],
) -> MadeShots:
    """The plan for the aim, or for the least hurried one that keeps to ``aim.minutes``.

    Parameters
    ----------
    plan : makes the shots for an aim; the budget of minutes is not its concern
    miss : how far shots are outside the bounds on the isodose

    Raises
    ------
    PlanError
        If the budget is not kept however much beam-on time counts, or only outside the bounds
        on the isodose; with the least beam-on time that was reached.
    """
    made = plan(aim)
    if aim.minutes is None:
        return made
    minutes = minutes_at_default(made.shots, rate_gy_per_min)
    if minutes <= aim.minutes:
        return made
    # The bounds are soft goals: a hurried plan need not keep them better than an easy one.
    tolerance = max(_ISODOSE_TOLERANCE, miss(made.shots))
    kept, least = None, minutes
    low, high = 1.0, _HURRY_MOST
    while high / low > _HURRY_STEP:
        factor = min(2.0 * low, (low * high) ** 0.5)
        made = plan(hurried(aim, factor))
        minutes = minutes_at_default(made.shots, rate_gy_per_min)
        usable = miss(made.shots) <= tolerance
        if usable and minutes > aim.minutes:
            least, low = min(least, minutes), factor
            continue
        high = factor
        if usable:
            kept = made
            if minutes >= (1.0 - _NEAR) * aim.minutes:
                break
    if kept is None:
        raise too_long(case, aim.minutes, least)
    return kept
