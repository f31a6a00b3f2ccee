"""Numbers as they are typed: points, lists, dates; anything else is one sentence."""

from __future__ import annotations

import math
from datetime import date

from gkplan.errors import PlanError


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
    """The counting numbers in "1,4,5"."""
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() for word in words):
        raise PlanError(f"{what} {text!r}: expected numbers with commas between, as in 1,4,5")
    return [int(word) for word in words]


def day_of(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise PlanError(f"--date {text}: expected a date like 2026-01-31") from None
