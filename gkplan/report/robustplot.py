"""A plan under set-up errors as a picture: histograms with bands, and the range of each number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gkplan import __version__
from gkplan.disclaimer import DISCLAIMER
from gkplan.metrics.robustness import Robustness
from gkplan.plan import Plan
from gkplan.report.palette import structure_colors
from gkplan.report.robusttable import QUANTITY_NAMES, robust_line, shown
from gkplan.report.text import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH_INCHES, _LEAST_HEIGHT_INCHES, _ROW_INCHES = 15.0, 5.6, 0.3
_SHORT_NAME = 22


def robustness_figure(plan: Plan, robustness: Robustness) -> Figure:
    """Dose-volume histograms with the envelope of all scenarios, beside the range of each number.

    Returns
    -------
    matplotlib.figure.Figure
        It belongs to no pyplot backend; `gkplan.report.png_bytes` saves it.
    """
    from matplotlib.figure import Figure

    height = max(_LEAST_HEIGHT_INCHES, 2.0 + _ROW_INCHES * len(robustness.quantities))
    figure = Figure(figsize=(_WIDTH_INCHES, height), layout="constrained", facecolor="white")
    title = f"{shortened(plan.case.name, 60)}: {robust_line(robustness)}"
    figure.suptitle(title, fontsize=11, fontweight="bold", parse_math=False)
    left, right = figure.subplots(1, 2, width_ratios=(0.55, 0.45))
    colors = structure_colors(plan.case)
    _draw_bands(left, plan, robustness, colors)
    _draw_ranges(right, robustness, colors)
    figure.supxlabel(f"{DISCLAIMER}   gkplan {__version__}", fontsize=8.5, color="#9f1239", x=0.25)
    return figure


def _draw_bands(axes: Axes, plan: Plan, robustness: Robustness, colors: Mapping[str, str]) -> None:
    targets = {t.name for t in plan.case.targets}
    for band in robustness.bands:
        color = colors.get(band.structure, "black")
        axes.fill_between(
            band.dose_gy, 100.0 * band.lower, 100.0 * band.upper, color=color, alpha=0.22, lw=0.0
        )
        axes.plot(
            band.dose_gy,
            100.0 * band.nominal,
            color=color,
            linewidth=2.2 if band.structure in targets else 1.6,
            linestyle="-" if band.structure in targets else (0, (5, 1.5)),
            label=shortened(band.structure, _SHORT_NAME),
        )
    for n, dose in enumerate(sorted({p.dose_gy for p in plan.case.prescriptions})):
        label = "prescription dose" if n == 0 else None
        axes.axvline(dose, color="0.25", lw=1.1, ls=(0, (1.5, 1.5)), zorder=1, label=label)
    axes.set_xlim(0.0, 1.02 * max(float(b.dose_gy[-1]) for b in robustness.bands))
    axes.set_ylim(0.0, 102.0)
    axes.set_title(
        "Dose-volume histogram: without an error (line), all scenarios (band)",
        fontsize=10,
        loc="left",
    )
    axes.set_xlabel("Dose (Gy)", fontsize=9)
    axes.set_ylabel("Volume that receives the dose or more (%)", fontsize=9)
    _finish(axes)
    legend = axes.legend(fontsize=8.5, frameon=False, loc="upper right")
    for text in legend.get_texts():
        text.set_parse_math(False)


def _draw_ranges(axes: Axes, robustness: Robustness, colors: Mapping[str, str]) -> None:
    """One row a quantity, in per cent of its value without an error."""
    rows = [q for q in robustness.quantities if q.nominal > 0.0]
    end = max((100.0 * float(q.values.max()) / q.nominal for q in rows), default=100.0)
    for row, quantity in enumerate(rows):
        color = colors.get(quantity.structure, "black")
        scale = 100.0 / quantity.nominal
        values = scale * quantity.values
        axes.plot([values.min(), values.max()], [row, row], color=color, lw=1.2, zorder=2)
        axes.plot(
            [scale * v for v in quantity.band],
            [row, row],
            color=color,
            lw=6.0,
            alpha=0.45,
            zorder=2,
        )
        axes.plot(scale * quantity.mean, row, "o", color=color, ms=5, zorder=3)
        axes.plot(scale * quantity.worst, row, "|", color=color, ms=12, mew=2.2, zorder=3)
        if quantity.limit_gy is not None and scale * quantity.limit_gy < 1.1 * end:
            axes.plot(scale * quantity.limit_gy, row, "D", color="black", ms=5, mfc="none")
        axes.annotate(
            shown(quantity, quantity.worst),
            (1.01, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
        )
    axes.axvline(100.0, color="0.25", lw=1.1, ls=(0, (1.5, 1.5)), zorder=1)
    axes.set_yticks(
        range(len(rows)),
        [
            f"{shortened(q.structure, _SHORT_NAME)} {QUANTITY_NAMES.get(q.kind, q.kind)}"
            for q in rows
        ],
        parse_math=False,
    )
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_title(
        "Range, 5 to 95 % (thick), mean (dot), worst (bar, at the right), limit (diamond)",
        fontsize=10,
        loc="left",
    )
    axes.set_xlabel("Per cent of the value without an error", fontsize=9)
    _finish(axes)


def _finish(axes: Axes) -> None:
    axes.tick_params(labelsize=8.5, length=3)
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
