"""A plan under set-up errors as rows of text and as a table for other programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from gkplan.disclaimer import DISCLAIMER
from gkplan.metrics.robustness import Quantity, Robustness
from gkplan.plan import Plan
from gkplan.report.text import number, percent

ROBUST_COLUMNS = (
    "Structure",
    "",
    "Nominal",
    "Mean",
    "5 %",
    "95 %",
    "Worst",
    "Scenario",
    "Limit",
    "Kept in",
)
QUANTITY_NAMES = {
    "coverage": "coverage",
    "d98": "D98",
    "mean": "mean",
    "max": "max",
    "d0_035cc": "D0.035cc",
}


def robust_rows(robustness: Robustness) -> list[tuple[str, ...]]:
    """One row a quantity, with the columns of `ROBUST_COLUMNS`; doses in Gy."""
    return [
        (
            quantity.structure,
            QUANTITY_NAMES.get(quantity.kind, quantity.kind),
            shown(quantity, quantity.nominal),
            shown(quantity, quantity.mean),
            *(shown(quantity, value) for value in quantity.band),
            shown(quantity, quantity.worst),
            str(quantity.worst_scenario + 1),
            number(quantity.limit_gy) if quantity.limit_gy is not None else "",
            f"{100 * quantity.met:.0f} %" if quantity.met is not None else "",
        )
        for quantity in robustness.quantities
    ]


def shown(quantity: Quantity, value: float) -> str:
    """A coverage in per cent, a dose in Gy."""
    return percent(value) if quantity.kind == "coverage" else number(value)


def robust_line(robustness: Robustness) -> str:
    """What was drawn, in a sentence."""
    u = robustness.uncertainty
    return (
        f"{u.scenarios} scenarios, seed {u.seed}: shifts of {u.shift_mm:g} mm and rotations of "
        f"{u.rotation_deg:g} degrees (standard deviation an axis), the same for all shots"
    )


def robust_table(plan: Plan, robustness: Robustness) -> dict[str, Any]:
    """All of it as plain values, for JSON; scenarios are counted from 1."""
    return {
        "schema": "gkplan-robustness/1",
        "disclaimer": DISCLAIMER,
        "case": plan.case.name,
        "case_sha256": plan.case.sha256,
        "uncertainty": asdict(robustness.uncertainty),
        "scenarios": [asdict(scenario) for scenario in robustness.scenarios],
        "quantities": [
            {
                "structure": q.structure,
                "kind": q.kind,
                "limit_gy": q.limit_gy,
                "nominal": q.nominal,
                "mean": q.mean,
                "worst": q.worst,
                "worst_scenario": q.worst_scenario + 1,
                "percentile_5_95": list(q.band),
                "limit_kept": q.met,
                "values": q.values.tolist(),
            }
            for q in robustness.quantities
        ],
        "dvh_bands": [
            {
                "structure": b.structure,
                "dose_gy": b.dose_gy.tolist(),
                "nominal": b.nominal.tolist(),
                "lower": b.lower.tolist(),
                "upper": b.upper.tolist(),
            }
            for b in robustness.bands
        ],
    }
