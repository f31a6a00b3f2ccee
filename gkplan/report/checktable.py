"""A secondary check as tables of text, and for other programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from gkplan import __version__
from gkplan.check.model import CheckResult, Pair
from gkplan.disclaimer import DISCLAIMER

SHOT_COLUMNS = ("Shot", "Sectors", "min", "Gy stated", "here", "", "Gy/min stated", "here", "")
DOSE_COLUMNS = ("", "stated", "here", "difference")
JUDGEMENT_COLUMNS = ("Criterion", "found", "allowed", "")


def shot_rows(result: CheckResult) -> list[tuple[str, ...]]:
    """Dose of each shot at the specification point, and its rate at its focus; then the total."""
    rows: list[tuple[str, ...]] = [
        (
            check.name,
            " ".join(map(str, check.shot.sectors)),
            f"{check.shot.time_min:.2f}",
            *_pair(check.dose, 3),
            *_pair(check.rate, 3),
        )
        for check in result.shots
    ]
    minutes = sum(c.shot.time_min for c in result.shots)
    rows.append(("all", "", f"{minutes:.2f}", *_pair(result.point, 3), "", "", ""))
    return rows


def dose_rows(result: CheckResult) -> list[tuple[str, ...]]:
    """The dose grid: at the point, isodose volumes, structures, gamma."""
    rows: list[tuple[str, ...]] = []
    if result.grid_point is not None:
        rows.append(("dose grid at the point, Gy", *_pair(result.grid_point, 3)))
    rows += [
        (f"volume of {check.level_gy:g} Gy, cm3", *_pair(check.volume_cc, 3))
        for check in result.isodoses
    ]
    for s in result.structures:
        rows += [
            (f"{s.name}: mean, Gy", *_pair(s.mean_gy, 3)),
            (f"{s.name}: D98, Gy", *_pair(s.d98_gy, 3)),
            (f"{s.name}: D2, Gy", *_pair(s.d2_gy, 3)),
            (f"{s.name}: histograms apart by", "", "", f"{s.dvh_percent:.2f} % of it"),
        ]
    rows += [
        (
            f"gamma {g.criterion}, {g.n_voxels} voxels",
            "",
            f"{100 * g.pass_rate:.2f} % pass",
            f"mean {g.mean:.2f}, largest {g.largest:.2f}",
        )
        for g in result.gammas
    ]
    return rows


def judgement_rows(result: CheckResult) -> list[tuple[str, ...]]:
    return [(j.what, j.found, j.allowed, "met" if j.met else "NOT MET") for j in result.judgements]


def verdict_line(result: CheckResult) -> str:
    """The verdict in a sentence."""
    if not result.judgements:
        return "No verdict: the plan states nothing that could be compared."
    failed = [j.what for j in result.judgements if not j.met]
    if failed:
        return f"FAILED: {len(failed)} of {len(result.judgements)} tolerances are not met."
    return f"PASSED: all {len(result.judgements)} tolerances are met."


def check_table(result: CheckResult) -> dict[str, Any]:
    """The check for other programs."""
    plan = result.plan
    return {
        "schema": "gkplan-check/1",
        "disclaimer": DISCLAIMER,
        "software": f"gkplan {__version__}",
        "plan": plan.name,
        "engine": result.engine,
        "uncertainty": result.uncertainty,
        "unit": f"{plan.unit.name} {plan.unit.version}",
        "calibration_dose_rate_gy_per_min": plan.rate_gy_per_min,
        "rate_source": plan.rate_source,
        "pattern_source": plan.pattern_source,
        "passed": result.passed,
        "judgements": [asdict(j) for j in result.judgements],
        "shots": [
            {
                "name": c.name,
                "isocenter_mm": list(c.shot.isocenter_mm),
                "sectors": list(c.shot.sectors),
                "time_min": c.shot.time_min,
                "dose_gy": _numbers(c.dose),
                "rate_gy_per_min": _numbers(c.rate),
            }
            for c in result.shots
        ],
        "point_gy": _numbers(result.point),
        "grid_point_gy": _numbers(result.grid_point),
        "gammas": [
            {
                "criterion": str(g.criterion),
                "n_voxels": g.n_voxels,
                "pass_rate": g.pass_rate,
                "mean": g.mean,
                "largest": g.largest,
            }
            for g in result.gammas
        ],
        "isodoses": [
            {"level_gy": i.level_gy, "volume_cc": _numbers(i.volume_cc)} for i in result.isodoses
        ],
        "structures": [
            {
                "name": s.name,
                "mean_gy": _numbers(s.mean_gy),
                "d98_gy": _numbers(s.d98_gy),
                "d2_gy": _numbers(s.d2_gy),
                "dvh_percent": s.dvh_percent,
            }
            for s in result.structures
        ],
        "notes": list(result.notes),
    }


def _pair(pair: Pair | None, digits: int) -> tuple[str, str, str]:
    if pair is None:
        return "", "", ""
    difference = f"{pair.percent:+.2f} %" if pair.stated else "-"
    return f"{pair.stated:.{digits}f}", f"{pair.recomputed:.{digits}f}", difference


def _numbers(pair: Pair | None) -> dict[str, float] | None:
    return None if pair is None else {"stated": pair.stated, "recomputed": pair.recomputed}
