"""One table of a unit file, whose values are read with their place in every message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from gkplan.frames import Array


@dataclass(frozen=True, slots=True)
class Section:
    """A table and its name as a user finds it in the file, for messages.

    Every method raises ValueError naming the table, the key, what was expected and what is there.
    """

    name: str
    table: Mapping[str, Any]

    def __contains__(self, key: str) -> bool:
        return key in self.table

    def value(self, key: str) -> Any:
        if key not in self.table:
            raise ValueError(f"{self.name} {key}: missing")
        return self.table[key]

    def section(self, key: str) -> Section:
        table = self.table.get(key)
        if not isinstance(table, Mapping):
            raise ValueError(f"[{key}]: {'missing' if table is None else 'expected a table'}")
        return Section(f"[{key}]", table)

    def text(self, key: str) -> str:
        value = self.value(key)
        if not isinstance(value, str) or not value:
            raise self.wrong(key, "a text", value)
        return value

    def date(self, key: str) -> date:
        value = self.value(key)
        if not isinstance(value, date):
            raise self.wrong(key, "a TOML date like 2026-01-01", value)
        return value

    def whole(self, key: str, low: int = 1) -> int:
        value = self.value(key)
        if type(value) is not int or value < low:
            raise self.wrong(key, f"a whole number of at least {low}", value)
        return value

    def wholes(self, key: str) -> tuple[int, ...]:
        value = self.value(key)
        if not isinstance(value, list) or not value or any(type(v) is not int for v in value):
            raise self.wrong(key, "a list of whole numbers", value)
        if min(value) < 1:
            raise self.wrong(key, "positive numbers", value)
        return tuple(value)

    def number(self, key: str, low: float, high: float) -> float:
        value = self.value(key)
        if type(value) not in (int, float) or not low <= value <= high:
            raise self.wrong(key, f"a number from {low:g} to {high:g}", value)
        return float(value)

    def positive(self, key: str) -> float:
        value = self.value(key)
        if type(value) not in (int, float) or not 0.0 < value < np.inf:
            raise self.wrong(key, "a positive number", value)
        return float(value)

    def numbers(self, key: str, low: float, high: float) -> Array:
        """A list of numbers (n,), or a single one as a list of one."""
        value = self.value(key)
        given = value if isinstance(value, list) else [value]
        self._check(key, given, low, high)
        return np.array(given, dtype=np.float64)

    def rows(self, key: str, columns: int, low: float, high: float) -> Array:
        """A list of lists of so many numbers each, (n, columns)."""
        value = self.value(key)
        if not isinstance(value, list) or not value:
            raise self.wrong(key, f"a list of lists of {columns} numbers", value)
        for number, row in enumerate(value, start=1):
            if not isinstance(row, list) or len(row) != columns:
                raise self.wrong(f"{key}, entry {number}", f"{columns} numbers", row)
            self._check(f"{key}, entry {number}", row, low, high)
        return np.array(value, dtype=np.float64)

    def _check(self, key: str, values: Sequence[object], low: float, high: float) -> None:
        if not values:
            raise self.wrong(key, "numbers", values)
        for value in values:
            if type(value) not in (int, float) or not low <= value <= high:  # type: ignore[operator]
                raise self.wrong(key, f"numbers from {low:g} to {high:g}", value)

    def wrong(self, key: str, expected: str, got: object) -> ValueError:
        """The error for a value that is not as expected."""
        shown = repr(got)
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        return ValueError(f"{self.name} {key}: expected {expected}, got {shown}")
