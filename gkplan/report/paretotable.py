"""Several plans of one case as rows of text, and as tables for other programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from gkplan.certificate import Certificate
from gkplan.disclaimer import DISCLAIMER
from gkplan.metrics.model import PlanMetrics
from gkplan.plan import DEFAULT_RATE_GY_PER_MIN, Plan
from gkplan.report.text import number, percent

PARETO_COLUMNS = (
    "Plan",
    "Coverage",
    "Paddick",
    "Gradient",
    "Isodose",
    "Beam on",
    "Shots",
    "Isocentres",
    "Gap LP",
    "Gap shots",
    "Pool",
    "Limits met",
)
NOTE = (
    "Gaps: the planner's score above its bound over the isocentres of the pool, of the linear "
    "programme and of the shots before the scaling to the coverage."
)
# One number a cell: what the csv file holds.
_CSV_COLUMNS = (
    "plan",
    "file",
    "coverage",
    "selectivity",
    "paddick_index",
    "gradient_index",
    "efficiency_index",
    "prescription_isodose",
    "v12gy_cc",
    "beam_on_time_min",
    "beam_on_time_at_3_gy_per_min",
    "shots",
    "isocenters",
    "gap",
    "delivered_gap",
    "pool_isocenters",
    "limits_met",
    "limits",
)


def plan_file_name(n: int) -> str:
    """The file of the n-th plan, from 1."""
    return f"plan-{n}.json"


def pareto_rows(plans: Sequence[Plan]) -> list[tuple[str, ...]]:
    """One row a judged plan, with the columns of `PARETO_COLUMNS`."""
    return [
        (
            str(n),
            percent(m.overall.coverage),
            number(m.overall.paddick_index, 3),
            number(m.overall.gradient_index),
            percent(m.overall.prescription_isodose),
            number(m.beam_on_time_min, 1, "min"),
            str(m.n_shots),
            str(m.n_isocenters),
            *_proof_cells(plan.certificate),
            f"{sum(r.met for r in m.limits)} of {len(m.limits)}" if m.limits else "",
        )
        for n, (plan, m) in enumerate(_judged(plans), start=1)
    ]


def pareto_csv(plans: Sequence[Plan]) -> str:
    """Comma-separated text, a line a judged plan; empty where there is no number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV_COLUMNS)
    for entry in _entries(plans):
        entry["limits"] = len(entry["limits"])
        writer.writerow([_cell(entry[name]) for name in _CSV_COLUMNS])
    return text.getvalue()


def pareto_table(plans: Sequence[Plan]) -> dict[str, Any]:
    """All of it as plain values, for JSON; plans are counted from 1."""
    first = plans[0]
    return {
        "schema": "gkplan-pareto/1",
        "disclaimer": DISCLAIMER,
        "case": first.case.name,
        "case_sha256": first.case.sha256,
        "unit": first.unit_name,
        "calibration_dose_rate_gy_per_min": first.calibration_dose_rate_gy_per_min,
        "plans": _entries(plans),
    }


def _judged(plans: Sequence[Plan]) -> list[tuple[Plan, PlanMetrics]]:
    pairs = [(plan, plan.metrics) for plan in plans if plan.metrics is not None]
    if len(pairs) < len(plans):
        raise ValueError("expected judged plans; `gkplan.judge` judges them")
    return pairs


def _proof_cells(proof: Certificate | None) -> tuple[str, str, str]:
    if proof is None:
        return "", "", ""
    return f"{100 * proof.gap:.2f} %", f"{100 * proof.delivered_gap:.2f} %", str(proof.isocenters)


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _entries(plans: Sequence[Plan]) -> list[dict[str, Any]]:
    return [_entry(n, plan, m) for n, (plan, m) in enumerate(_judged(plans), start=1)]


def _entry(n: int, plan: Plan, metrics: PlanMetrics) -> dict[str, Any]:
    proof = plan.certificate
    scale = plan.calibration_dose_rate_gy_per_min / DEFAULT_RATE_GY_PER_MIN
    indices = asdict(metrics.overall)
    return {
        "plan": n,
        "file": plan_file_name(n),
        "aim": plan.provenance.get("aim"),
        **{name: indices[name] for name in _CSV_COLUMNS if name in indices},
        "v12gy_cc": metrics.v12gy_cc,
        "beam_on_time_min": metrics.beam_on_time_min,
        "beam_on_time_at_3_gy_per_min": metrics.beam_on_time_min * scale,
        "shots": metrics.n_shots,
        "isocenters": metrics.n_isocenters,
        "gap": proof.gap if proof else None,
        "delivered_gap": proof.delivered_gap if proof else None,
        "pool_isocenters": proof.isocenters if proof else None,
        "limits_met": sum(result.met for result in metrics.limits),
        "limits": [
            {
                "structure": result.limit.structure,
                "kind": result.limit.kind,
                "limit_gy": result.limit.dose_gy,
                "dose_gy": result.dose_gy,
                "met": result.met,
            }
            for result in metrics.limits
        ],
    }
