"""The report: one page that needs no other file and no script."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape

from gkplan import __version__
from gkplan.disclaimer import DISCLAIMER
from gkplan.history import Step
from gkplan.metrics.model import Evaluation
from gkplan.plan import Plan, engine_text
from gkplan.report.sheet import pairs, table, treatment_sheet
from gkplan.report.style import CSS
from gkplan.report.table import (
    LIMIT_COLUMNS,
    STRUCTURE_COLUMNS,
    TARGET_COLUMNS,
    limit_rows,
    structure_rows,
    summary_rows,
    target_rows,
)
from gkplan.report.text import prescription_text, transit_text, unit_text
from gkplan.unit import RadiationUnit

_DEFINITIONS = (
    (
        "TV, PIV, TV_PIV",
        "target volume; volume that receives the prescription dose or more; their intersection",
    ),
    ("Coverage", "TV_PIV / TV"),
    ("Selectivity", "TV_PIV / PIV"),
    ("Paddick index", "coverage × selectivity = TV_PIV² / (TV × PIV) (Paddick 2000)"),
    (
        "Gradient index",
        "volume at half the prescription dose / PIV (Paddick and Lippitz 2006)",
    ),
    (
        "Efficiency index",
        "integral dose in TV / integral dose in the volume at half the prescription dose "
        "(Dimitriadis and Paddick 2018)",
    ),
    ("Prescription isodose", "prescription dose / maximum dose"),
    ("V12 Gy", "volume of the head that receives 12 Gy or more, targets included"),
    (
        "D0.035cc",
        "least dose of the hottest 0.035 cc; the minimum of a structure smaller than that",
    ),
    ("D98, D50, D2", "dose that 98, 50, 2 % of the volume receive at least"),
    (
        "Focus (Gy/min)",
        "dose rate at the isocentre of the shot by itself, on the day of the calibration rate",
    ),
)
_SECTORS = (
    (
        "Sectors S1, S2, ...",
        "collimator size in mm, – where blocked; S1 begins at the patient's left and the sectors "
        "count toward anterior (a convention of gkplan)",
    ),
)
_HELMETS = (
    ("Helmet", "collimator size in mm, one for all sources"),
    (
        "Plugged",
        "numbers of the sources whose channel is plugged; they count ring by ring from the one "
        "nearest to the transverse plane (a convention of gkplan)",
    ),
)


def report_html(
    plan: Plan,
    evaluation: Evaluation,
    png: bytes,
    focus_rates_gy_per_min: Sequence[float],
    seconds: float | None,
) -> str:
    """The page of a plan.

    Parameters
    ----------
    png : the picture of `plan_figure`, as from `png_bytes`
    focus_rates_gy_per_min : dose rate at the isocentre of each shot
    seconds : how long the planning took, if it is known

    Raises
    ------
    ValueError
        If there is not one focus rate for each shot.
    """
    if len(focus_rates_gy_per_min) != len(plan.shots):
        raise ValueError(
            f"focus_rates_gy_per_min: expected one for each of the {len(plan.shots)} shots, "
            f"got {len(focus_rates_gy_per_min)}"
        )
    case = plan.case
    doses = ", ".join(f"{p.target} {prescription_text(p)}" for p in case.prescriptions)
    picture = b64encode(png).decode("ascii")
    parts = [
        f'<p class="disclaimer" role="note">{escape(DISCLAIMER)}</p>',
        f"<h1>{escape(case.name)}</h1>",
        f'<p class="subtitle">{escape(doses)}</p>',
        pairs(summary_rows(plan, evaluation, seconds), "summary"),
        f'<img alt="Three planes with isodose lines, dose-volume histograms and the shots of '
        f'{escape(case.name)}" src="data:image/png;base64,{picture}">',
        _section("Targets", table(TARGET_COLUMNS, target_rows(plan, evaluation), words=2))
        if case.targets
        else "",
        _section("Limits", table(LIMIT_COLUMNS, limit_rows(evaluation), words=4))
        if evaluation.metrics.limits
        else "",
        _section(
            "Structures (doses in Gy)",
            table(STRUCTURE_COLUMNS, structure_rows(plan, evaluation), words=2),
        ),
        _section("Treatment sheet", treatment_sheet(plan, focus_rates_gy_per_min)),
        _section("Where the numbers come from", pairs(source_rows(plan), "sources")),
        _section("Definitions", _definitions(plan.unit)),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="gkplan {__version__}">\n'
        f"<title>{escape(case.name)} - gkplan</title>\n<style>{CSS}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in parts if part)
        + "\n</body>\n</html>\n"
    )


def source_rows(plan: Plan) -> list[tuple[str, str]]:
    """Unit, rate, case and every entry of the plan's provenance."""
    unit, case = plan.unit, plan.case
    rate = f"{plan.calibration_dose_rate_gy_per_min:.4g} Gy/min"
    if plan.treatment_date:
        rate += f" on {plan.treatment_date.isoformat()}"
    return [
        ("Software", f"gkplan {__version__}"),
        ("Unit", f"{unit_text(unit)} ({plan.unit_name})"),
        ("Unit data", f"{unit.name} version {unit.version}, sha256 {unit.sha256[:16]}"),
        ("Beam profiles", unit.profiles),
        ("Calibration dose rate", rate),
        ("Transit dose", transit_text(plan)),
        ("Dose engine", engine_text(plan)),
        ("Case", f"{case.path} ({case.kind}), sha256 {case.sha256[:16]}"),
        ("Source of the case", case.source),
        ("Head", case.head.name),
        *([("Edits by hand", _edits(plan.history.past))] if plan.history.past else []),
        *_flat(plan.provenance),
    ]


def _edits(past: Sequence[Step]) -> str:
    return f"{len(past)}, the last ones: {'; '.join(step.what for step in past[-5:])}"


def _flat(
    entries: Mapping[object, object] | Mapping[str, object], prefix: str = ""
) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in entries.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            rows += _flat(value, f"{name}.")
        elif isinstance(value, list | tuple):
            rows.append((name, ", ".join(map(str, value))))
        else:
            rows.append((name, str(value)))
    return rows


def _section(title: str, content: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>"


def _definitions(unit: RadiationUnit) -> str:
    opened = _HELMETS if unit.has_helmets else _SECTORS
    entries = "\n".join(
        f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in (*_DEFINITIONS, *opened)
    )
    return f'<dl class="notes">\n{entries}\n</dl>'
