"""Composite profiles of a unit as a sheet: one panel a collimator and axis."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gkplan.commission.compare import REACH_MM, difference, unit_scan
from gkplan.commission.scans import AXES, Scan
from gkplan.disclaimer import DISCLAIMER
from gkplan.report.text import unit_text
from gkplan.unit import RadiationUnit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MINE, _OTHER, _DIFFERENCE = "#124a72", "#ea580c", "#e11d48"
_LEAST_RANGE = 2.0  # of the differences, per cent


def profile_figure(
    unit: RadiationUnit, sizes_mm: Collection[int], others: Sequence[Scan], other_name: str = ""
) -> Figure:
    """Profiles of `unit` along x, y and z, beside `others` where there are any.

    All are centred on their half-maximum points, and x and y made symmetric, as in the
    comparison that the command prints; the lower strip of a panel is the difference.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13.0, 3.6 * len(sizes_mm) + 0.9), layout="constrained")
    figure.suptitle(f"Composite profiles of {unit_text(unit)}, 160 mm sphere", fontweight="bold")
    grid = figure.add_gridspec(2 * len(sizes_mm), len(AXES), height_ratios=[3, 1] * len(sizes_mm))
    for row, size in enumerate(sizes_mm):
        for column, axis in enumerate(AXES):
            mine = unit_scan(unit, size, axis)
            match = [s for s in others if (s.collimator_mm, s.axis) == (size, axis)]
            upper = figure.add_subplot(grid[2 * row, column])
            lower = figure.add_subplot(grid[2 * row + 1, column], sharex=upper)
            _draw(upper, lower, mine, match[0] if match else None, other_name)
    figure.supxlabel("offset from the centre (mm; z: superior is positive)", fontsize=9)
    figure.text(0.995, 0.003, DISCLAIMER, ha="right", va="bottom", fontsize=6.5, color="0.4")
    return figure


def _draw(upper: Axes, lower: Axes, mine: Scan, other: Scan | None, other_name: str) -> None:
    offset = np.linspace(-REACH_MM, REACH_MM, 801)
    dose = 100.0 * mine.at(offset)
    upper.plot(offset, dose, color=_MINE, linewidth=1.8, label="this unit")
    left, right = mine.penumbra_mm
    upper.set_title(
        f"{mine.name}: FWHM {mine.fwhm_mm:.2f}, 80-20 % {left:.2f} / {right:.2f} mm", fontsize=9
    )
    upper.set_ylim(0.0, 108.0)
    upper.tick_params(labelsize=8, labelbottom=False)
    upper.grid(color="0.9")
    lower.grid(color="0.9")
    lower.tick_params(labelsize=8)
    upper.set_ylabel("dose (%)", fontsize=8)
    lower.set_ylabel("diff. (%)", fontsize=8)
    most = _LEAST_RANGE
    if other is not None:
        at, apart = difference(mine, other, REACH_MM)
        theirs = 100.0 * other.at(at)
        label = other_name or "the other"
        upper.plot(at, theirs, color=_OTHER, linewidth=1.2, linestyle=(0, (4, 2)), label=label)
        lower.plot(at, 100.0 * apart, color=_DIFFERENCE, linewidth=1.2)
        most = max(most, 110.0 * float(np.abs(apart).max()))
    lower.axhline(0.0, color="0.5", linewidth=0.8)
    lower.set_ylim(-most, most)
    lower.set_xlim(-REACH_MM, REACH_MM)
    legend = upper.legend(fontsize=7, frameon=False, loc="upper right", handlelength=1.4)
    for text in legend.get_texts():
        text.set_parse_math(False)
