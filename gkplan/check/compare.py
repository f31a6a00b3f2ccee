"""The dose of a plan computed again and held against what its planner states."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gkplan.check.model import (
    CheckResult,
    GammaCheck,
    IsodoseCheck,
    Judgement,
    Pair,
    ShotCheck,
    StatedPlan,
    StructureCheck,
    Tolerances,
)
from gkplan.check.recompute import Engines, Recompute, engines_for
from gkplan.grid import Volume
from gkplan.metrics.dvh import SampledDose, dose_at_volume
from gkplan.metrics.gamma import (
    ONE_PERCENT_HALF_MM,
    TWO_PERCENT_1_MM,
    GammaCriterion,
    gamma_index,
)
from gkplan.metrics.sampling import structure_points

CRITERIA = (TWO_PERCENT_1_MM, ONE_PERCENT_HALF_MM)
_V12_GY = 12.0


def check_plan(
    plan: StatedPlan,
    tolerances: Tolerances | None = None,
    report: Callable[[str], None] = lambda _: None,
    how: Recompute | None = None,
) -> CheckResult:
    """Recompute a plan and compare.

    Doses at points come from the float64 reference of `tmr`, those on the grid and in structures
    from the fast engine: two implementations of one formula. `how` names another engine. What is
    not stated is not compared, and the notes of the result say so.
    """
    tolerances = tolerances or Tolerances()
    engines = engines_for(plan, how or Recompute(), report)
    notes = [*plan.notes, *engines.notes]
    report("dose at points")
    shots, point = _points(plan, engines)
    if point is None:
        notes.append("doses of the shots at a common point are not stated: not compared")
    gammas: tuple[GammaCheck, ...] = ()
    isodoses: tuple[IsodoseCheck, ...] = ()
    structures: tuple[StructureCheck, ...] = ()
    grid_point = None
    if plan.dose is None:
        notes.append("no dose grid: gamma, isodoses and structures not compared")
    else:
        report("dose on the grid")
        every = [s.shot for s in plan.shots]
        again = Volume(engines.on_grid.dose_on(plan.dose.grid, every), plan.dose.grid, "dose_gy")
        report("gamma")
        gammas = tuple(gamma_check(plan.dose, again, criterion) for criterion in CRITERIA)
        isodoses = _isodoses(plan, again)
        report("structures")
        structures, told = _structures(plan, again)
        notes += told
        if plan.point_mm is not None:
            seen = float(plan.dose.at(plan.point_mm[None], outside=np.nan)[0])
            here = float(again.at(plan.point_mm[None])[0])
            grid_point = Pair(seen, here) if np.isfinite(seen) else None
    judgements = _judgements(shots, point, grid_point, gammas, tolerances)
    return CheckResult(
        plan,
        shots,
        point,
        grid_point,
        gammas,
        isodoses,
        structures,
        judgements,
        tuple(notes),
        engines.name,
        engines.uncertainty,
    )


def _points(plan: StatedPlan, engines: Engines) -> tuple[tuple[ShotCheck, ...], Pair | None]:
    """Each shot at the specification point and at its focus, and the total at the point."""
    engine, still = engines.at_points, engines.steady
    checks = []
    for stated in plan.shots:
        dose = rate = None
        if stated.dose_gy is not None and plan.point_mm is not None:
            dose = Pair(stated.dose_gy, float(engine.dose(plan.point_mm[None], [stated.shot])[0]))
        if stated.rate_gy_per_min is not None:
            focus = np.array([stated.shot.isocenter_mm])
            given = float(still.dose(focus, [stated.shot])[0])
            rate = Pair(stated.rate_gy_per_min, given / stated.shot.time_min)
        checks.append(ShotCheck(stated.name, stated.shot, dose, rate))
    pairs = [c.dose for c in checks if c.dose is not None]
    if not checks or len(pairs) < len(checks):
        return tuple(checks), None
    return tuple(checks), Pair(sum(p.stated for p in pairs), sum(p.recomputed for p in pairs))


def gamma_check(stated: Volume, again: Volume, criterion: GammaCriterion) -> GammaCheck:
    """Gamma of a dose at the voxels of the stated one, which may be nan where it says nothing."""
    known = Volume(np.nan_to_num(np.asarray(stated.array, np.float64)), stated.grid, "dose_gy")
    result = gamma_index(known, again, criterion)
    judged = result.judged
    return GammaCheck(
        criterion,
        len(judged),
        result.pass_rate,
        float(judged.mean()) if len(judged) else np.inf,
        float(judged.max()) if len(judged) else np.inf,
    )


def _isodoses(plan: StatedPlan, again: Volume) -> tuple[IsodoseCheck, ...]:
    """At the prescription doses, half of them, and 12 Gy; within the stated grid."""
    assert plan.dose is not None
    stated = np.asarray(plan.dose.array, dtype=np.float64)
    here = np.where(np.isfinite(stated), np.asarray(again.array, dtype=np.float64), np.nan)
    top = float(np.nanmax(stated))
    levels = {*plan.doses_gy, *(d / 2 for d in plan.doses_gy), _V12_GY}
    voxel = plan.dose.grid.voxel_volume_cc
    return tuple(
        IsodoseCheck(
            level,
            Pair(
                float((stated >= level).sum() * voxel),
                float((here >= level).sum() * voxel),
            ),
        )
        for level in sorted(levels, reverse=True)
        if level <= top
    )


def _structures(plan: StatedPlan, again: Volume) -> tuple[tuple[StructureCheck, ...], list[str]]:
    """What of each lies within the grid, sampled alike in both doses; notes on the others."""
    assert plan.dose is not None
    checks, notes = [], []
    for structure in plan.structures:
        at = structure_points(structure)
        stated = plan.dose.at(at.sample.points, outside=np.nan)
        inside = np.isfinite(stated)
        if not inside.all():
            notes.append(
                f"structure {structure.name!r}: {100 * inside.mean():.0f} % of it lies within the "
                f"dose grid, and only that is compared"
            )
        if inside.any():
            points = at.sample.points[inside]
            volume = np.full(len(points), at.sample.spacing_mm**3 / 1000)
            first = SampledDose(points, stated[inside], volume)
            # From the same grid: what interpolation loses is lost in both.
            second = SampledDose(points, again.at(points), volume)
            checks.append(_structure(structure.name, first, second))
    return tuple(checks), notes


def _structure(name: str, first: SampledDose, second: SampledDose) -> StructureCheck:
    total = float(first.volume_cc.sum())

    def at(part: float) -> Pair:
        return Pair(dose_at_volume(first, part * total), dose_at_volume(second, part * total))

    # All samples stand for the same volume: the distance of two cumulative histograms.
    a, b = np.sort(first.dose_gy), np.sort(second.dose_gy)
    levels = np.concatenate([a, b])
    apart = np.searchsorted(a, levels, "right") - np.searchsorted(b, levels, "right")
    mean = Pair(float(first.dose_gy.mean()), float(second.dose_gy.mean()))
    return StructureCheck(
        name, mean, at(0.98), at(0.02), 100.0 * float(np.abs(apart).max()) / len(a)
    )


def _judgements(
    shots: tuple[ShotCheck, ...],
    point: Pair | None,
    grid_point: Pair | None,
    gammas: tuple[GammaCheck, ...],
    tolerances: Tolerances,
) -> tuple[Judgement, ...]:
    found = []

    def judge(what: str, percent: float, allowed: float) -> None:
        met = bool(abs(percent) <= allowed)
        found.append(Judgement(what, f"{percent:+.2f} %", f"{allowed:g} %", met))

    if point is not None:
        judge("total dose at the specification point", point.percent, tolerances.point_percent)
        small = tolerances.shot_percent / 500.0 * point.stated
        worst = max(
            (c for c in shots if c.dose is not None),
            key=lambda c: 0.0 if _near(c.dose, small) else abs(c.dose.percent),  # type: ignore[union-attr, arg-type]
        )
        assert worst.dose is not None
        percent = 0.0 if _near(worst.dose, small) else worst.dose.percent
        judge(f"dose of a shot there, worst: {worst.name}", percent, tolerances.shot_percent)
    rates = [c for c in shots if c.rate is not None]
    if rates:
        worst = max(rates, key=lambda c: abs(c.rate.percent))  # type: ignore[union-attr]
        assert worst.rate is not None
        judge(
            f"dose rate of a shot, worst: {worst.name}", worst.rate.percent, tolerances.rate_percent
        )
    if grid_point is not None:
        judge("dose grid at the specification point", grid_point.percent, tolerances.point_percent)
    if gammas:
        rate = gammas[0].pass_rate
        found.append(
            Judgement(
                f"gamma {gammas[0].criterion}",
                f"{100 * rate:.1f} % of voxels",
                f"{100 * tolerances.gamma_pass:g} %",
                rate >= tolerances.gamma_pass,
            )
        )
    return tuple(found)


def _near(pair: Pair, small_gy: float) -> bool:
    """Whether a difference is too small to matter, whatever part of the shot's dose it is."""
    return abs(pair.recomputed - pair.stated) <= small_gy
