"""Indices of many plans against the volume of their targets, beside published means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gkplan.bench.plans.published import PUBLISHED
from gkplan.bench.plans.row import Row
from gkplan.disclaimer import DISCLAIMER
from gkplan.report.text import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANELS = (
    ("paddick_index", "Paddick index"),
    ("gradient_index", "gradient index"),
    ("beam_on_time_min", "beam-on time (min)"),
)
_MARKERS = ("o", "^", "s", "D", "v", "P")
_COLORS = ("#124a72", "#ea580c", "#4d7c0f", "#c026d3", "#ca8a04", "#475569")
_DASHES = ((0, (6, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 3)), (0, (9, 3)), (0, (1, 4)))


def bench_figure(rows: Sequence[Row]) -> Figure:
    """A panel each for Paddick index, gradient index and beam-on time; one marker a method.

    Rows without a plan or without the index are left out. The lines are published means of other
    patients and other doses: a scale to read the marks by, not a comparison like with like.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    figure = Figure(figsize=(16.0, 7.4), layout="constrained")
    figure.suptitle("Plans against target volume", fontweight="bold")
    methods = list(dict.fromkeys(row.method for row in rows))
    for axes, (index, label) in zip(
        figure.subplots(1, len(_PANELS), sharex=True), _PANELS, strict=True
    ):
        for n, method in enumerate(methods):
            _draw(axes, [row for row in rows if row.method == method], index, method, n)
        for dashes, mean in zip(_DASHES, [p for p in PUBLISHED if p.index == index], strict=False):
            axes.axhline(
                mean.value,
                color="0.45",
                linewidth=1.1,
                linestyle=dashes,
                label=f"{mean.value:g}: {mean.what} ({mean.source})",
            )
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("target volume (cc)")
        axes.set_ylabel(label)
        axes.grid(color="0.9")
        legend = axes.legend(
            loc="upper center",
            bbox_to_anchor=(0.5, -0.1),
            fontsize=8,
            frameon=False,
            handlelength=3.4,
        )
        for text in legend.get_texts():
            text.set_parse_math(False)
    sources = "; ".join(sorted({shortened(row.source, 90) for row in rows if row.source}))
    figure.supxlabel(
        f"Lines: published means, other patients and doses. Cases: {sources}\n{DISCLAIMER}",
        fontsize=8,
        wrap=True,
        parse_math=False,
    )
    return figure


def _draw(axes: Axes, rows: Sequence[Row], index: str, method: str, number: int) -> None:
    pairs = [
        (row.volume_cc, value)
        for row in rows
        if row.volume_cc is not None and (value := getattr(row, index)) is not None
    ]
    axes.plot(
        [volume for volume, _ in pairs],
        [value for _, value in pairs],
        linestyle="none",
        marker=_MARKERS[number % len(_MARKERS)],
        color=_COLORS[number % len(_COLORS)],
        markersize=6,
        alpha=0.85,
        label=method,
        gid=f"{method} {index}",
    )
