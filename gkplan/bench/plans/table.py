"""Rows as text for other programs, and their medians."""

from __future__ import annotations

import csv
import io
import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from gkplan.bench.plans.published import PUBLISHED
from gkplan.bench.plans.row import LimitRow, Row
from gkplan.disclaimer import DISCLAIMER

# Name, and the volumes in cc from the first (included) to the second (not included).
GROUPS = (
    ("0.5 cc or more", 0.5, float("inf")),
    ("0.2 to 0.5 cc", 0.2, 0.5),
    ("all", 0.0, float("inf")),
)
_WORDS = ("case", "method", "source", "limits", "error")
NUMBERS = tuple(f.name for f in fields(Row) if f.name not in _WORDS)
COLUMNS = ("case", "method", *NUMBERS, "limits", "source", "error")


@dataclass(frozen=True, slots=True)
class Medians:
    """Medians of a method over the cases of a group that it planned.

    `of` maps each number of `Row` to its median over the cases that have it, None without any;
    of the limits, `limits_met` are met out of `limits`.
    """

    method: str
    group: str
    cases: int
    failed: int
    limits_met: int
    limits: int
    of: dict[str, float | None]


def medians(rows: Sequence[Row]) -> list[Medians]:
    """For each method and each of `GROUPS`; failed cases count in the group of all alone."""
    methods = list(dict.fromkeys(row.method for row in rows))
    return [
        _medians(method, group, low, high, [row for row in rows if row.method == method])
        for method in methods
        for group, low, high in GROUPS
    ]


def rows_csv(rows: Sequence[Row]) -> str:
    """Comma-separated text with the columns of `COLUMNS`; empty where there is no number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        table = asdict(row)
        table["limits"] = "; ".join(limit_text(limit) for limit in row.limits)
        writer.writerow([_cell(table[name]) for name in COLUMNS])
    return text.getvalue()


def rows_json(rows: Sequence[Row]) -> str:
    """Everything: rows, medians, published means, sources of the cases."""
    table = {
        "disclaimer": DISCLAIMER,
        "sources": sorted({row.source for row in rows if row.source}),
        "rows": [asdict(row) for row in rows],
        "medians": [asdict(m) for m in medians(rows)],
        "published": [asdict(p) for p in PUBLISHED],
    }
    return json.dumps(table, indent=1, allow_nan=False) + "\n"


def limit_text(limit: LimitRow) -> str:
    """ "cochlea mean 3.92 of 4 Gy: met"."""
    verdict = "met" if limit.met else "missed"
    return f"{limit.structure} {limit.kind} {limit.dose_gy:.2f} of {limit.limit_gy:g} Gy: {verdict}"


def _medians(method: str, group: str, low: float, high: float, rows: Sequence[Row]) -> Medians:
    mine = [row for row in rows if row.volume_cc is not None and low <= row.volume_cc < high]
    limits = [limit for row in mine for limit in row.limits]
    values = {
        name: [v for row in mine if (v := getattr(row, name)) is not None] for name in NUMBERS
    }
    return Medians(
        method,
        group,
        len(mine),
        sum(bool(row.error) for row in rows) if group == GROUPS[-1][0] else 0,
        sum(limit.met for limit in limits),
        len(limits),
        {name: float(statistics.median(v)) if v else None for name, v in values.items()},
    )


def _cell(value: object) -> object:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value
