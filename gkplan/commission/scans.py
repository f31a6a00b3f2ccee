"""Composite profiles: reading them, centring them, and the widths that describe them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gkplan.errors import CaseError
from gkplan.frames import Array

AXES = ("x", "y", "z")
FEWEST_POINTS = 20
_WIDE = re.compile(r"^(\d+)mm_([xyz])$")


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """Relative dose along one axis through the focus, all sectors open, in the 160 mm sphere.

    Parameters
    ----------
    offset_mm : (n,) ascending; z is positive toward superior
    relative_dose : (n,) relative to the dose at offset 0
    """

    collimator_mm: int
    axis: str
    offset_mm: Array
    relative_dose: Array

    @property
    def name(self) -> str:
        return f"{self.collimator_mm} mm {self.axis}"

    def at(self, offset_mm: Array) -> Array:
        return np.interp(offset_mm, self.offset_mm, self.relative_dose)

    def edges(self, level: float) -> tuple[float, float]:
        """Offsets left and right of the maximum where the dose falls to `level`."""
        offset, dose = self.offset_mm, self.relative_dose
        top = int(np.argmax(dose))
        left, right = dose[: top + 1], dose[top:]
        if left.min() > level or right.min() > level:
            raise CaseError(f"profile {self.name}: never falls to {level:g} on both sides")
        before = top - int(np.argmax(left[::-1] < level))
        after = top + int(np.argmax(right < level))
        return (
            float(np.interp(level, dose[before : before + 2], offset[before : before + 2])),
            float(np.interp(-level, -dose[after - 1 : after + 1], offset[after - 1 : after + 1])),
        )

    @property
    def fwhm_mm(self) -> float:
        left, right = self.edges(0.5)
        return right - left

    @property
    def penumbra_mm(self) -> tuple[float, float]:
        """Distance from 80 % to 20 % on the left and on the right."""
        (l80, r80), (l20, r20) = self.edges(0.8), self.edges(0.2)
        return l80 - l20, r20 - r80

    def centered(self) -> Scan:
        """With offset 0 at the middle of the half-maximum points, and dose 1 there."""
        scan = self
        for _ in range(6):
            left, right = scan.edges(0.5)
            offset = scan.offset_mm - (left + right) / 2
            dose = scan.relative_dose / np.interp(0.0, offset, scan.relative_dose)
            scan = replace(scan, offset_mm=offset, relative_dose=dose)
        return scan

    def symmetric(self) -> Scan:
        """The mean of both sides (for x and y, where the unit is symmetric)."""
        mirrored = np.interp(-self.offset_mm, self.offset_mm, self.relative_dose)
        return replace(self, relative_dose=(self.relative_dose + mirrored) / 2)

    def conditioned(self) -> Scan:
        """As profiles are compared: centred, and x and y symmetric."""
        scan = self.centered()
        return scan.symmetric() if self.axis != "z" else scan


def read_scans(path: Path) -> list[Scan]:
    """The profiles in a CSV file, conditioned.

    Long form: columns ``collimator_mm, axis, offset_mm, relative_dose``; wide form: a column
    ``offset_mm`` and one for each profile, named like ``4mm_x``. Lines that begin with # are
    comments; empty fields of the wide form are skipped.

    Raises
    ------
    CaseError
        With file and column or profile: missing columns, numbers that are not finite, offsets
        that do not ascend, too few points, doses that never fall to half.
    """
    try:
        lines = [n for n in path.read_text(encoding="utf-8").splitlines() if n[:1] != "#"]
    except OSError as error:
        raise CaseError(f"{path}: cannot read the profiles: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CaseError(f"{path}: not a CSV file: {error}") from error
    rows = list(csv.DictReader(lines))
    columns = list(rows[0]) if rows else []
    try:
        if {"collimator_mm", "axis", "offset_mm", "relative_dose"} <= set(columns):
            scans = _long(rows)
        elif "offset_mm" in columns and any(_WIDE.match(c or "") for c in columns):
            scans = _wide(rows, columns)
        else:
            raise CaseError(
                f"expected columns collimator_mm, axis, offset_mm, relative_dose, or offset_mm "
                f"and columns like 4mm_x; got {', '.join(map(str, columns)) or 'nothing'}"
            )
        return [_checked(scan).conditioned() for scan in scans]
    except CaseError as error:
        raise CaseError(f"{path}: {error}") from error


def _long(rows: Iterable[dict[str, str]]) -> list[Scan]:
    points: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for number, row in enumerate(rows, start=2):
        try:
            key = int(row["collimator_mm"]), row["axis"].strip()
            point = float(row["offset_mm"]), float(row["relative_dose"])
        except (TypeError, ValueError, AttributeError):
            raise CaseError(f"row {number}: expected numbers, got {row}") from None
        if key[1] not in AXES:
            raise CaseError(f"row {number}: axis: expected x, y or z, got {key[1]!r}")
        points.setdefault(key, []).append(point)
    return [Scan(size, axis, *np.array(p).T) for (size, axis), p in points.items()]


def _wide(rows: list[dict[str, str]], columns: list[str]) -> list[Scan]:
    scans = []
    for column in columns:
        match = _WIDE.match(column)
        if match is None:
            continue
        try:
            pairs = [(float(r["offset_mm"]), float(r[column])) for r in rows if r[column]]
        except (TypeError, ValueError):
            raise CaseError(f"column {column}: expected numbers") from None
        if not pairs:
            raise CaseError(f"column {column}: is empty")
        scans.append(Scan(int(match[1]), match[2], *np.array(pairs).T))
    return scans


def _checked(scan: Scan) -> Scan:
    if len(scan.offset_mm) < FEWEST_POINTS:
        raise CaseError(
            f"profile {scan.name}: expected at least {FEWEST_POINTS} points, "
            f"got {len(scan.offset_mm)}"
        )
    if not (np.isfinite(scan.offset_mm).all() and np.isfinite(scan.relative_dose).all()):
        raise CaseError(f"profile {scan.name}: a number is not finite")
    if not (np.diff(scan.offset_mm) > 0).all():
        raise CaseError(f"profile {scan.name}: offsets must ascend; sort the file")
    if not scan.relative_dose.max() > 0:
        raise CaseError(f"profile {scan.name}: no dose is positive")
    return replace(scan, relative_dose=scan.relative_dose / scan.relative_dose.max())
