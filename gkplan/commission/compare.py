"""Profiles of a unit beside measured or planned ones: the daily check."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from gkplan.commission.scans import AXES, Scan
from gkplan.dose.profiles import composite_profile
from gkplan.frames import Array
from gkplan.unit import RadiationUnit

REACH_MM = 40.0


def unit_scan(unit: RadiationUnit, size_mm: int, axis: str) -> Scan:
    """A composite profile of the unit, centred and symmetric as profiles are compared."""
    return Scan(size_mm, axis, *composite_profile(unit, size_mm, axis)).conditioned()


def comparison_rows(
    unit: RadiationUnit, sizes_mm: Collection[int], others: Sequence[Scan]
) -> list[str]:
    """A line for each profile: its widths and, where there is another, the differences."""
    rows = []
    for size in sizes_mm:
        for axis in AXES:
            mine = unit_scan(unit, size, axis)
            left, right = mine.penumbra_mm
            widths = f"FWHM {mine.fwhm_mm:.2f} mm, 80-20 % {left:.2f}/{right:.2f} mm"
            row = f"{size:2d} mm {axis}: {widths}"
            for other in others:
                if (other.collimator_mm, other.axis) == (size, axis):
                    row += _difference(mine, other)
            rows.append(row)
    return rows


def difference(mine: Scan, other: Scan, reach_mm: float) -> tuple[Array, Array]:
    """Offsets of at most `reach_mm`, and there mine minus the other, relative to the centre.

    At the other's own points: between them a straight line is not what was measured.
    """
    offset = other.offset_mm[np.abs(other.offset_mm) <= reach_mm]
    return offset, mine.at(offset) - other.at(offset)


def _difference(mine: Scan, other: Scan) -> str:
    reach = min(REACH_MM, -other.offset_mm[0], other.offset_mm[-1])
    largest = 100 * float(np.abs(difference(mine, other, reach)[1]).max())
    (left, right), (other_left, other_right) = mine.penumbra_mm, other.penumbra_mm
    return (
        f"; minus the other: FWHM {mine.fwhm_mm - other.fwhm_mm:+.2f} mm, 80-20 % "
        f"{left - other_left:+.2f}/{right - other_right:+.2f} mm, largest {largest:.2f} % "
        f"within {reach:g} mm"
    )
