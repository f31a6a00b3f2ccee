"""Several plans of one case as a picture: what a shorter beam-on time costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gkplan import __version__
from gkplan.disclaimer import DISCLAIMER
from gkplan.metrics.model import PlanMetrics
from gkplan.plan import Plan
from gkplan.report.text import prescription_text, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANELS = (
    ("paddick_index", "Paddick index (higher is better)", "#124a72", "right"),
    ("gradient_index", "gradient index (lower is better)", "#ea580c", "left"),
)
_MISSED = "#9f1239"


def pareto_figure(plans: Sequence[Plan]) -> Figure:
    """Paddick and gradient index of judged plans of one case against their beam-on time.

    Each mark has the number of the plan, and its shots and isocentres; it is open where a limit
    is missed. An index that is not defined for any plan leaves its panel empty and says so.

    Returns
    -------
    matplotlib.figure.Figure
        It belongs to no pyplot backend; `gkplan.report.png_bytes` saves it.
    """
    from matplotlib.figure import Figure

    first = plans[0]
    figure = Figure(figsize=(15.0, 6.4), layout="constrained", facecolor="white")
    doses = " / ".join(sorted({prescription_text(p) for p in first.case.prescriptions}))
    title = f"{shortened(first.case.name, 60)}: {len(plans)} plans"
    figure.suptitle(f"{title}, {shortened(doses, 60)}", fontweight="bold", parse_math=False)
    judged = [(n, p.metrics) for n, p in enumerate(plans, start=1) if p.metrics is not None]
    for axes, (index, label, color, side) in zip(
        figure.subplots(1, len(_PANELS), sharex=True), _PANELS, strict=True
    ):
        _draw(axes, judged, index, color, side)
        axes.set_xlabel(
            f"beam-on time (min) at {first.calibration_dose_rate_gy_per_min:.3g} Gy/min"
        )
        axes.set_ylabel(label)
        axes.grid(color="0.9")
        axes.margins(0.17, 0.12)
    note = "Label: plan, (shots / isocentres). Open mark: a limit is missed."
    figure.supxlabel(
        f"{note}   {DISCLAIMER}   gkplan {__version__}", fontsize=8.5, color=_MISSED, wrap=True
    )
    return figure


def _draw(
    axes: Axes, judged: Sequence[tuple[int, PlanMetrics]], index: str, color: str, side: str
) -> None:
    """A front rises or falls: `side` of the labels is at the marks, away from it."""
    marks = [
        (m.beam_on_time_min, value, n, m)
        for n, m in judged
        if (value := getattr(m.overall, index)) is not None
    ]
    if not marks:
        axes.text(0.5, 0.5, "not defined: see the targets", transform=axes.transAxes, ha="center")
        return
    marks.sort(key=lambda mark: mark[:3])
    axes.plot([m[0] for m in marks], [m[1] for m in marks], color=color, lw=1.0, alpha=0.5)
    for minutes, value, n, metrics in marks:
        met = all(result.met for result in metrics.limits)
        axes.plot(
            minutes,
            value,
            marker="o",
            markersize=8,
            color=color,
            markerfacecolor=color if met else "white",
            linestyle="none",
            gid=f"plan {n} {index}",
        )
        axes.annotate(
            f"{n} ({metrics.n_shots} / {metrics.n_isocenters})",
            (minutes, value),
            textcoords="offset points",
            xytext=(-8 if side == "right" else 8, 2),
            ha=side,
            fontsize=9,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6},
            zorder=1.5,
        )
