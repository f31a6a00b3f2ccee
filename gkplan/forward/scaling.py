"""All times scaled until the target gets the dose that was prescribed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gkplan.dose.engine import DoseEngine
from gkplan.errors import PlanError
from gkplan.forward.step import edited
from gkplan.frames import Array
from gkplan.metrics.maximum import refined_maximum
from gkplan.metrics.sampling import SAMPLES
from gkplan.plan import Plan
from gkplan.shot import Shot
from gkplan.solids import scattered

# Transit and the other targets' shots do not scale with a target's own times, and are a small
# part of its dose: each round leaves about that part of the error.
_ROUNDS = 40
_ACCURACY = 1e-6
# Coverage is counted on the points that the metrics take; a maximum only starts from points.
_STARTS, _COARSEST_MM = 4000, 2.5


def normalise(
    plan: Plan,
    *,
    isodose: float | None = None,
    coverage: float | None = None,
    target: str | None = None,
) -> Plan:
    """The plan with its times scaled, so that an isodose or a coverage gets the prescription.

    Parameters
    ----------
    isodose : the prescription dose shall be this fraction of the maximum in and about the target
    coverage : this fraction of the target's volume shall receive the prescription dose
    target : scale the shots of this target only; without it each target's shots, and with one
        target all shots

    Raises
    ------
    PlanError
        If not one of the two is given and the prescription names no isodose of its own, if a
        shot belongs to no target, or if a shot would get too short to be delivered.

    Notes
    -----
    The factor of a target is ``prescription / dose``, with dose the one that shall be the
    prescription (``isodose * maximum``, or the least dose of the hottest `coverage` of the
    volume), computed anew until it is 1 within 1e-6: with transit the dose is not proportional
    to the times, and targets see each other's shots.
    """
    names = [t.name for t in plan.case.targets] if target is None else [target]
    levels = {name: _level(plan, name, isodose, coverage) for name in names}
    shots = settled(plan, levels, is_coverage=coverage is not None)
    kind = "coverage" if coverage is not None else "isodose"
    said = ", ".join(sorted({f"{100 * level:g} %" for level in levels.values()}))
    return edited(plan, shots, f"normalise to {kind} {said}" + (f" of {target}" if target else ""))


def settled(plan: Plan, levels: Mapping[str, float], is_coverage: bool) -> tuple[Shot, ...]:
    """The shots with the times of some targets' shots scaled, to an isodose or a coverage each."""
    from gkplan.workflow import engine_of

    groups = _groups(plan, list(levels))
    engine = engine_of(plan)
    count = SAMPLES if is_coverage else _STARTS
    points = {
        name: scattered(plan.case.structure(name).solid, count, _COARSEST_MM).points
        for name in levels
    }
    shots = plan.shots
    for _ in range(_ROUNDS):
        factors = {}
        for name, level in levels.items():
            got = _dose(points[name], shots, groups[name], engine, level, is_coverage)
            factors[name] = plan.case.prescription(name).dose_gy / got
        shots = _scaled(shots, groups, factors)
        if max(abs(f - 1.0) for f in factors.values()) < _ACCURACY:
            return shots
    raise PlanError(
        "normalise: the times do not settle, for transit or the shots of other targets give most "
        "of the dose; use fewer or longer shots"
    )


def _level(plan: Plan, target: str, isodose: float | None, coverage: float | None) -> float:
    """The isodose or the coverage wanted, as a fraction."""
    prescription = plan.case.prescription(target)
    if isodose is not None and coverage is not None:
        raise PlanError("normalise: expected an isodose or a coverage, got both")
    if prescription.is_maximum and (coverage is not None or isodose not in (None, 1.0)):
        raise PlanError(
            f"normalise: the dose of {target!r} is prescribed to the maximum; give neither an "
            f"isodose nor a coverage"
        )
    if coverage is not None:
        if not 0.0 < coverage <= 1.0:
            raise PlanError(f"coverage: expected a fraction, 0.98 is 98 %, got {coverage:g}")
        return coverage
    if isodose is not None:
        if not 0.05 <= isodose <= 1.0:
            raise PlanError(f"isodose: expected 0.05 to 1, 0.5 is the 50 % isodose, got {isodose}")
        return isodose
    low, high = prescription.isodose
    if low != high:
        raise PlanError(
            f"normalise: the prescription of {target!r} leaves the isodose free; give an isodose "
            f"or a coverage"
        )
    return low


def _groups(plan: Plan, names: list[str]) -> Mapping[str, tuple[int, ...]]:
    """The numbers (from 0) of the shots to be scaled for each target."""
    every = [t.name for t in plan.case.targets]
    if not names:
        raise PlanError(f"normalise: {plan.case.path} has no target")
    if len(every) == 1:
        return {names[0]: tuple(range(len(plan.shots)))}
    for number, shot in enumerate(plan.shots, start=1):
        if shot.target not in every:
            raise PlanError(
                f"shot {number}: belongs to {shot.target!r}, which is no target; set its target to "
                f"one of {', '.join(every)}"
            )
    groups = {
        name: tuple(n for n, s in enumerate(plan.shots) if s.target == name) for name in names
    }
    if empty := [name for name, group in groups.items() if not group]:
        raise PlanError(f"normalise: target {empty[0]!r} has no shot; add one for it")
    return groups


def _dose(
    points: Array,
    shots: tuple[Shot, ...],
    group: tuple[int, ...],
    engine: DoseEngine,
    level: float,
    is_coverage: bool,
) -> float:
    """The dose (Gy) that shall be the prescription."""
    dose = engine.dose(points, shots)
    if is_coverage:
        n = int(np.ceil(level * len(dose) - 1e-9))
        got = float(np.partition(dose, len(dose) - n)[len(dose) - n])
    else:
        places = np.array([shots[n].isocenter_mm for n in group])
        starts = np.concatenate([points[np.argsort(dose)[-4:]], places])
        got = level * refined_maximum(starts, shots, engine)[0]
    if got <= 0.0:
        raise PlanError("normalise: the target gets no dose; move its shots into it")
    return got


def _scaled(
    shots: tuple[Shot, ...],
    groups: Mapping[str, tuple[int, ...]],
    factors: Mapping[str, float],
) -> tuple[Shot, ...]:
    factor = {n: factors[name] for name, group in groups.items() for n in group}
    return tuple(
        replace(shot, time_min=shot.time_min * factor.get(n, 1.0)) for n, shot in enumerate(shots)
    )
