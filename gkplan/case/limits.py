"""Limits as the tables of our files hold them: phantoms, contour files and plans alike."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

from gkplan.prescription import Limit, LimitKind
from gkplan.solids.parse import keys, number


def parse_limit(entry: Any, where: str) -> Limit:
    """The limit in a table; `where` names it in error messages.

    Raises
    ------
    ValueError, PlanError
        With the place and what was expected.
    """
    keys(entry, {"structure", "kind", "dose_gy"}, {"volume_cc", "hard"}, where)
    hard = entry.get("hard", False)
    if not isinstance(hard, bool):
        raise ValueError(f"{where}.hard: expected true or false, got {hard!r}")
    volume = number(entry, "volume_cc", where) if "volume_cc" in entry else None
    kind = cast(LimitKind, entry["kind"])
    return Limit(str(entry["structure"]), kind, number(entry, "dose_gy", where), volume, hard)


def limit_table(limit: Limit) -> dict[str, Any]:
    """The inverse of `parse_limit`, without what goes without saying."""
    table = asdict(limit)
    return {key: value for key, value in table.items() if value is not None and value is not False}
