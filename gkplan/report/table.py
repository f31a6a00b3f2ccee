"""The numbers of a plan as rows of text, for the terminal and for the page alike."""

from __future__ import annotations

from gkplan.metrics.model import Evaluation, LimitResult, PlanMetrics
from gkplan.plan import DEFAULT_RATE_GY_PER_MIN, Plan, engine_text
from gkplan.prescription import Limit
from gkplan.report.text import (
    NOT_DEFINED,
    number,
    percent,
    prescription_text,
    transit_text,
    volume,
)
from gkplan.shot import BLOCKED, Shot
from gkplan.unit import RadiationUnit

TARGET_COLUMNS = (
    "Target",
    "Prescription",
    "Volume",
    "Coverage",
    "Selectivity",
    "Paddick index",
    "Gradient index",
    "Efficiency index",
    "Prescription isodose",
    "Maximum",
)
STRUCTURE_COLUMNS = (
    "Structure",
    "Role",
    "Volume",
    "Mean",
    "Maximum",
    "D0.035cc",
    "D98",
    "D50",
    "D2",
)
INDEX_COLUMNS = ("", "Coverage", "Paddick", "Gradient", "Isodose", "Maximum")
LIMIT_COLUMNS = ("Structure", "Limit", "Dose", "Result")


def summary_rows(
    plan: Plan, evaluation: Evaluation, seconds: float | None
) -> list[tuple[str, str]]:
    """Label and value of each number that a plan is judged by.

    Parameters
    ----------
    seconds : how long the planning took, if it is known
    """
    metrics = evaluation.metrics
    overall = metrics.overall
    rate = plan.calibration_dose_rate_gy_per_min
    x, y, z = metrics.max_dose_point_mm
    at_default = metrics.beam_on_time_min * rate / DEFAULT_RATE_GY_PER_MIN
    met = sum(result.met for result in metrics.limits)
    rows = [
        *_index_rows(plan, evaluation),
        ("Prescription isodose", percent(overall.prescription_isodose)),
        ("Maximum dose", f"{overall.max_dose_gy:.2f} Gy at ({x:.1f}, {y:.1f}, {z:.1f}) mm"),
        ("Target volume", volume(overall.target_volume_cc)),
        ("V12 Gy", volume(metrics.v12gy_cc)),
        ("Beam-on time", f"{metrics.beam_on_time_min:.1f} min at {rate:.3g} Gy/min"),
        (f"Beam-on time at {DEFAULT_RATE_GY_PER_MIN:.1f} Gy/min", f"{at_default:.1f} min"),
        ("Transit dose", transit_text(plan)),
        ("Dose engine", engine_text(plan)),
        ("Shots", str(metrics.n_shots)),
        ("Isocentres", str(metrics.n_isocenters)),
        ("Couch travel", f"{plan.couch_travel_mm:.1f} mm from shot to shot"),
    ]
    if proof := plan.certificate:
        rows.append(
            (
                "Distance from the optimum",
                f"{100 * proof.delivered_gap:.2f} % of the planner's score at most, "
                f"over {proof.isocenters} isocentres",
            )
        )
    if metrics.limits:
        rows.append(("Limits", f"{met} of {len(metrics.limits)} met"))
        rows += [_limit_row(result) for result in metrics.limits]
    for oar in plan.case.oars:
        if dose := metrics.structures.get(oar.name):
            mean, top, hot = dose.mean_gy, dose.max_gy, dose.d0_035cc_gy
            rows.append((oar.name, f"mean {mean:.2f}, max {top:.2f}, D0.035cc {hot:.2f} Gy"))
    if seconds is not None:
        rows.append(("Planning time", f"{seconds:.1f} s"))
    return rows


def target_rows(plan: Plan, evaluation: Evaluation) -> list[tuple[str, ...]]:
    """One row a target, with the columns of `TARGET_COLUMNS`."""
    return [
        (
            name,
            prescription_text(plan.case.prescription(name)),
            volume(indices.target_volume_cc),
            percent(indices.coverage),
            number(indices.selectivity, 3),
            number(indices.paddick_index, 3),
            number(indices.gradient_index),
            number(indices.efficiency_index, 3),
            percent(indices.prescription_isodose),
            number(indices.max_dose_gy, 2, "Gy"),
        )
        for name, indices in evaluation.metrics.targets.items()
    ]


def shot_rows(plan: Plan) -> list[tuple[str, ...]]:
    """One row a shot in the order of delivery, with the columns of `shot_columns`.

    Isocentres in Leksell mm; B is a blocked sector.
    """
    return [
        (
            str(n),
            shot.target,
            *(f"{c:.2f}" for c in shot.isocenter_mm),
            f"{shot.gamma_angle_deg:g}",
            *_opened(shot),
            f"{shot.time_min:.3f}",
        )
        for n, shot in enumerate(plan.shots, start=1)
    ]


def shot_columns(unit: RadiationUnit) -> tuple[str, ...]:
    """The columns of `shot_rows`: sectors, or helmets and how many sources are plugged."""
    opened = ("Helmet", "Plugged") if unit.has_helmets else ("Sectors",)
    return ("Shot", "Target", "x", "y", "z", "Gamma", *opened, "Minutes")


def _opened(shot: Shot) -> tuple[str, ...]:
    if shot.has_helmet:
        return f"{shot.collimator_mm} mm", str(len(shot.plugged) or NOT_DEFINED)
    return (" ".join("B" if state == BLOCKED else str(state) for state in shot.sectors),)


def index_rows(metrics: PlanMetrics) -> list[tuple[str, ...]]:
    """The quick indices of each target and of several together, with `INDEX_COLUMNS`."""
    named = list(metrics.targets.items())
    if len(named) != 1:
        named.append(("all targets", metrics.overall))
    return [
        (
            name,
            percent(indices.coverage),
            number(indices.paddick_index, 3),
            number(indices.gradient_index),
            percent(indices.prescription_isodose),
            number(indices.max_dose_gy, 2, "Gy"),
        )
        for name, indices in named
    ]


def structure_rows(plan: Plan, evaluation: Evaluation) -> list[tuple[str, ...]]:
    """One row a structure, with the columns of `STRUCTURE_COLUMNS`; doses in Gy."""
    doses = evaluation.metrics.structures
    return [
        (
            structure.name,
            "target" if structure.role == "target" else "organ at risk",
            volume(dose.volume_cc),
            *(
                number(gy)
                for gy in (
                    dose.mean_gy,
                    dose.max_gy,
                    dose.d0_035cc_gy,
                    dose.d98_gy,
                    dose.d50_gy,
                    dose.d2_gy,
                )
            ),
        )
        for structure in (*plan.case.targets, *plan.case.oars)
        if (dose := doses.get(structure.name))
    ]


def limit_rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """One row a limit, with the columns of `LIMIT_COLUMNS`."""
    return [
        (
            result.limit.structure,
            limit_text(result.limit),
            number(result.dose_gy, 2, "Gy"),
            limit_verdict(result),
        )
        for result in evaluation.metrics.limits
    ]


def limit_text(limit: Limit) -> str:
    """A limit as a few words."""
    return f"{limit.label} at most {limit.dose_gy:g} Gy{', hard' if limit.hard else ''}"


def limit_verdict(result: LimitResult) -> str:
    """A hard limit that is missed says by how much; the last word is always met or missed."""
    if result.met:
        return "met"
    over = result.dose_gy - result.limit.dose_gy
    return f"{over:.2g} Gy over a hard limit: missed" if result.limit.hard else "missed"


def _limit_row(result: LimitResult) -> tuple[str, str]:
    limit = result.limit
    return (
        f"{limit.structure} {limit.label}",
        f"{result.dose_gy:.2f} Gy, limit {limit.dose_gy:g} Gy: {limit_verdict(result)}",
    )


def _index_rows(plan: Plan, evaluation: Evaluation) -> list[tuple[str, str]]:
    indices = evaluation.metrics.overall
    rows = [
        ("Coverage", percent(indices.coverage)),
        ("Selectivity", number(indices.selectivity, 3)),
        ("Paddick index", number(indices.paddick_index, 3)),
        ("Gradient index", number(indices.gradient_index)),
        ("Efficiency index", number(indices.efficiency_index, 3)),
    ]
    reason = _why_not_defined(plan, evaluation)
    return [(k, f"{v} ({reason})" if v == NOT_DEFINED and reason else v) for k, v in rows]


def _why_not_defined(plan: Plan, evaluation: Evaluation) -> str:
    doses = plan.case.prescriptions
    if doses and all(p.is_maximum for p in doses):
        return "the dose is prescribed to the maximum"
    if len(doses) < 2:
        return ""
    each = evaluation.metrics.targets.values()
    told = any(indices.gradient_index is not None for indices in each)
    return "see each target" if told else "isodoses of the targets merge"
