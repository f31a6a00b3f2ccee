"""The BED of a plan as rows of text and as a table for other programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from gkplan.disclaimer import DISCLAIMER
from gkplan.metrics.bedplan import PlanBed
from gkplan.plan import Plan
from gkplan.report.text import clock, number

BED_COLUMNS = ("Structure", "", "Mean", "Maximum", "D0.035cc", "D98", "D2")


def bed_rows(bed: PlanBed) -> list[tuple[str, ...]]:
    """Two rows a structure, with the columns of `BED_COLUMNS`: physical dose and BED, Gy."""
    rows = []
    for name, both in bed.structures.items():
        for label, dose in ((name, both.dose), ("", both.bed)):
            values = (dose.mean_gy, dose.max_gy, dose.d0_035cc_gy, dose.d98_gy, dose.d2_gy)
            rows.append((label, "dose" if label else "BED", *(number(v) for v in values)))
    return rows


def bed_lines(bed: PlanBed) -> list[str]:
    """Sentences: the isodose surfaces, the schedule, and where the constants are from."""
    tissue, schedule = bed.tissue, bed.schedule
    lines = [
        f"{name}: BED along the {isodose.dose_gy:g} Gy isodose {isodose.mean_gy:.2f} Gy "
        f"({isodose.min_gy:.2f} to {isodose.max_gy:.2f}, spread {100 * isodose.spread:.1f} %)"
        for name, isodose in bed.isodoses.items()
    ]
    each = ", ".join(clock(minutes) for minutes in bed.session_min)
    apart = f", {schedule.hours:g} h from start to start" if len(schedule.fractions) > 1 else ""
    lines.append(
        f"sessions: {len(schedule.fractions)} of {each} (m:ss){apart}; "
        f"{schedule.gap_min:g} min between shots"
    )
    repair = ", ".join(
        f"{half:g} min ({weight:.3f})"
        for half, weight in zip(tissue.half_times_min, tissue.weights, strict=True)
    )
    lines.append(
        f"{tissue.title}: alpha/beta {tissue.alpha_beta_gy:g} Gy, half-times of repair (weight) "
        f"{repair}; every structure is taken to be of it"
    )
    return lines + [f"  {key}: {text}" for key, text in tissue.origin.items()]


def bed_table(plan: Plan, bed: PlanBed) -> dict[str, Any]:
    """All of it as plain values, for JSON."""
    return {
        "schema": "gkplan-bed/1",
        "disclaimer": DISCLAIMER,
        "case": plan.case.name,
        "case_sha256": plan.case.sha256,
        "tissue": asdict(bed.tissue),
        "schedule": asdict(bed.schedule),
        "session_min": list(bed.session_min),
        "structures": {name: asdict(both) for name, both in bed.structures.items()},
        "isodoses": {
            name: {**asdict(isodose), "spread": isodose.spread}
            for name, isodose in bed.isodoses.items()
        },
    }
