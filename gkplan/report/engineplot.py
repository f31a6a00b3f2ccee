"""The histograms of one plan by two dose engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from gkplan import __version__
from gkplan.disclaimer import DISCLAIMER
from gkplan.metrics.model import Evaluation
from gkplan.plan import Plan
from gkplan.report.dvh import volume_fraction
from gkplan.report.palette import structure_colors
from gkplan.report.text import shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLES: tuple[Literal["-", "--"], ...] = ("-", "--")


def engines_figure(plan: Plan, judged: dict[str, Evaluation]) -> Figure:
    """Cumulative histograms of every structure, the first engine solid, the second dashed.

    Returns
    -------
    matplotlib.figure.Figure
        It belongs to no pyplot backend; `gkplan.report.png_bytes` saves it.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    figure = Figure(figsize=(9.0, 5.6), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    colors = structure_colors(plan.case)
    for style, evaluation in zip(_STYLES, judged.values(), strict=True):
        for dvh in evaluation.dvhs:
            color = colors.get(dvh.structure, "black")
            axes.plot(dvh.dose_gy, 100.0 * volume_fraction(dvh), color=color, linestyle=style)
    lines = [Line2D([], [], color=color) for color in colors.values()]
    labels = [shortened(name, 22) for name in colors]
    for style, name in zip(_STYLES, judged, strict=True):
        lines.append(Line2D([], [], color="0.25", linestyle=style))
        labels.append(name)
    axes.legend(lines, labels, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)
    axes.set(xlabel="dose (Gy)", ylabel="volume (%)", xlim=(0, None), ylim=(0, 102))
    axes.grid(color="0.9")
    axes.set_title(shortened(plan.case.name, 60), parse_math=False)
    figure.supxlabel(f"{DISCLAIMER}   gkplan {__version__}", fontsize=8.5, color="#9f1239")
    return figure
