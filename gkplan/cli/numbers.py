"""Numbers as they are typed: points, lists, dates; anything else is one sentence."""

from __future__ import annotations

import math
from datetime import date

from gkplan.errors import PlanError

# No shot, sector or source has a longer number.
_DIGITS = 4


def numbers(what: str, text: str) -> list[float]:
    """The finite numbers in "1,0.5,2"."""
    try:
        values = [float(word) for word in text.split(",")]
    except ValueError:
        raise PlanError(f"{what} {text}: expected numbers with commas between") from None
    if not all(map(math.isfinite, values)):
        raise PlanError(f"{what} {text}: expected finite numbers")
    return values


def point(what: str, text: str) -> tuple[float, float, float]:
    """The three numbers in "101,99.5,102"."""
    values = numbers(what, text)
    if len(values) != 3:
        raise PlanError(f"{what} {text}: expected three numbers X,Y,Z in mm")
    x, y, z = values
    return x, y, z


def chosen(what: str, text: str) -> list[int]:
    """The counting numbers in "1,4,5" or "1,4-6"."""
    found: list[int] = []
    for word in text.split(","):
        ends = [end.strip() for end in word.split("-")]
        if len(ends) > 2 or not all(end.isdecimal() and len(end) <= _DIGITS for end in ends):
            raise PlanError(
                f"{what} {text!r}: expected numbers with commas between, as in 1,4,5 or 1,4-6"
            )
        found += range(int(ends[0]), int(ends[-1]) + 1)
    return found


def day_of(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise PlanError(f"--date {text}: expected a date like 2026-01-31") from None
