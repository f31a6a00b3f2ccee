"""The panel of dose-volume histograms, and the legend of the structures beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from gkplan.metrics.model import Evaluation
from gkplan.plan import Plan
from gkplan.report.dvh import volume_fraction
from gkplan.report.text import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEGEND_ROWS = 20


def draw_dvh(axes: Axes, plan: Plan, evaluation: Evaluation, colors: Mapping[str, str]) -> None:
    """Draw the cumulative histograms of `evaluation` and the prescription doses into `axes`."""
    from matplotlib.lines import Line2D

    targets = {t.name for t in plan.case.targets}
    metrics = evaluation.metrics
    handles, labels = [], []
    for dvh in evaluation.dvhs:
        is_target = dvh.structure in targets
        (line,) = axes.plot(
            dvh.dose_gy,
            100.0 * volume_fraction(dvh),
            color=colors.get(dvh.structure, "black"),
            linewidth=2.2 if is_target else 1.6,
            linestyle="-" if is_target else (0, (5, 1.5)),
            gid=f"dvh {dvh.structure}",
        )
        handles.append(line)
        labels.append(shortened(dvh.structure, 22))
    doses = sorted({p.dose_gy for p in plan.case.prescriptions})
    for dose in doses:
        axes.axvline(dose, color="0.25", linewidth=1.1, linestyle=(0, (1.5, 1.5)), zorder=1)
    if len(handles) > _LEGEND_ROWS:
        rest = len(handles) - _LEGEND_ROWS
        handles = [*handles[:_LEGEND_ROWS], Line2D([], [], linestyle="none")]
        labels = [*labels[:_LEGEND_ROWS], f"and {rest} more"]
    if doses:
        handles.append(Line2D([], [], color="0.25", linewidth=1.1, linestyle=(0, (1.5, 1.5))))
        labels.append("prescription dose" if len(doses) == 1 else "prescription doses")
    legend = axes.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.02),
        frameon=False,
        fontsize=8.5,
        handlelength=2.4,
        borderaxespad=0.0,
        labelspacing=0.45,
        title="Structures (outlines and DVH)",
        title_fontproperties={"size": 8.5, "weight": "bold"},
        alignment="left",
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    end = max([metrics.overall.max_dose_gy, *doses, *(_reach(d.dose_gy) for d in evaluation.dvhs)])
    axes.set_xlim(0.0, 1.03 * end)
    axes.set_ylim(0.0, 102.0)
    axes.set_title("Dose-volume histogram", fontsize=11, fontweight="bold", loc="left", pad=6)
    axes.set_xlabel("Dose (Gy)", fontsize=9, labelpad=2)
    axes.set_ylabel("Volume that receives the dose or more (%)", fontsize=9, labelpad=2)
    axes.tick_params(labelsize=8.5, length=3)
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _reach(dose_gy: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    return float(dose_gy.max()) if dose_gy.size else 0.0
