"""One plan by several dose engines: histograms, and maps of where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from gkplan import __version__
from gkplan.check.engines import ByEngine
from gkplan.disclaimer import DISCLAIMER
from gkplan.plan import Plan
from gkplan.report.dvh import volume_fraction
from gkplan.report.palette import structure_colors
from gkplan.report.planeplot import draw_case
from gkplan.report.planes import AXIAL, FieldOfView
from gkplan.report.text import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

_STYLES: tuple[Literal["-", "--", ":"], ...] = ("-", "--", ":")
_PIXELS = 200
_HALF_MM = 45.0
# Differences are drawn in colour up to this, in per cent of the maximum.
_LARGEST_PERCENT = 6.0
_LEVELS = (0.2, 0.5, 0.8)


def engines_figure(plan: Plan, judged: Sequence[ByEngine]) -> Figure:
    """Histograms by every engine, and where each differs from the last one.

    The maps are axial planes through the maximum of the last engine's dose; lines are its dose.

    Returns
    -------
    matplotlib.figure.Figure
        It belongs to no pyplot backend; `gkplan.report.png_bytes` saves it.
    """
    from matplotlib.figure import Figure

    others, reference = judged[:-1], judged[-1]
    figure = Figure(figsize=(12.0, 8.6), layout="constrained", facecolor="white")
    parts = figure.add_gridspec(2, 1, height_ratios=(1.0, 1.15))
    lower = figure.add_subfigure(parts[1])
    _histograms(figure.add_subfigure(parts[0]).add_subplot(), plan, judged)
    maps = lower.subplots(1, len(others), squeeze=False)[0]
    for axes, other in zip(maps, others, strict=True):
        image = _difference(axes, plan, other, reference)
    lower.colorbar(image, ax=list(maps), label=f"difference, % of {reference.name}'s maximum")
    figure.suptitle(shortened(plan.case.name, 60), parse_math=False)
    figure.supxlabel(f"{DISCLAIMER}   gkplan {__version__}", fontsize=8.5, color="#9f1239")
    return figure


def _histograms(axes: Axes, plan: Plan, judged: Sequence[ByEngine]) -> None:
    from matplotlib.lines import Line2D

    colors = structure_colors(plan.case)
    for style, by in zip(_STYLES, judged, strict=False):
        for dvh in by.planned.evaluation.dvhs:
            color = colors.get(dvh.structure, "black")
            axes.plot(dvh.dose_gy, 100.0 * volume_fraction(dvh), color=color, linestyle=style)
    lines = [Line2D([], [], color=color) for color in colors.values()]
    labels = [shortened(name, 22) for name in colors]
    for style, by in zip(_STYLES, judged, strict=False):
        lines.append(Line2D([], [], color="0.25", linestyle=style))
        labels.append(by.name)
    axes.legend(lines, labels, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)
    axes.set(xlabel="dose (Gy)", ylabel="volume (%)", xlim=(0, None), ylim=(0, 102))
    axes.grid(color="0.9")


def _difference(axes: Axes, plan: Plan, other: ByEngine, reference: ByEngine) -> AxesImage:
    place = np.array(reference.planned.evaluation.metrics.max_dose_point_mm)
    fov = FieldOfView(place, _HALF_MM, place)
    u, v = fov.pixels(AXIAL, _PIXELS)
    points = AXIAL.points(u, v, float(place[AXIAL.normal]))
    there, here = (d.dose.at(points).reshape(len(v), len(u)) for d in (reference, other))
    top = float(reference.dose.array.max())
    inside = plan.case.head.contains(points).reshape(there.shape)
    percent = np.where(inside, 100.0 * (here - there) / top, np.nan)
    draw_case(axes, AXIAL, fov, plan.case, structure_colors(plan.case))
    image = axes.imshow(
        percent,
        cmap="RdBu_r",
        vmin=-_LARGEST_PERCENT,
        vmax=_LARGEST_PERCENT,
        extent=fov.limits(AXIAL),
        origin="lower",
        alpha=np.clip(np.abs(np.nan_to_num(percent)) / 1.0, 0.0, 0.75),
    )
    axes.contour(u, v, there / top, levels=list(_LEVELS), colors="black", linewidths=0.7)
    axes.set_title(f"{other.name} less {reference.name}", fontsize=10, loc="right")
    return image
