"""The picture of a case before it is planned: is everything where its author meant it to be?"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from gkplan import __version__
from gkplan.case import Case
from gkplan.case.phantom import volume_cc
from gkplan.disclaimer import DISCLAIMER
from gkplan.frames import NEUTRAL_GAMMA_DEG
from gkplan.report.palette import structure_colors
from gkplan.report.planeplot import draw_case
from gkplan.report.planes import VIEWS, FieldOfView, around, whole_head
from gkplan.report.table import limit_text
from gkplan.report.text import prescription_text, shortened, volume
from gkplan.structures import Structure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH_INCHES, _ROW_INCHES, _TOP_INCHES, _LINE_INCHES = 16.0, 4.75, 1.25, 0.24
_GAP_INCHES = 0.6  # below each row, for the axis and the title of the next
_COLUMNS = 2


def case_figure(case: Case) -> Figure:
    """Three planes of a case: the whole head, and below it the largest target from near by.

    Returns
    -------
    matplotlib.figure.Figure
        1792 pixels wide as saved by `png_bytes`. It belongs to no pyplot backend.

    Notes
    -----
    The planes meet in the centroid of the largest target, or in the middle of the head where
    there is none; they are looked at as in `plan_figure`, axes in Leksell mm.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    fields = _fields(case)
    entries = len(case.structures) + _has_several_targets(case)
    lines = -(-entries // _COLUMNS)
    low = 0.45 + _LINE_INCHES * lines
    height = _TOP_INCHES + len(fields) * (_ROW_INCHES + _GAP_INCHES) + low
    figure = Figure(figsize=(_WIDTH_INCHES, height), facecolor="white")
    FigureCanvasAgg(figure)
    colors = structure_colors(case)
    rows = figure.add_gridspec(
        len(fields),
        len(VIEWS),
        left=0.04,
        right=0.985,
        top=1.0 - _TOP_INCHES / height,
        bottom=(low + _GAP_INCHES) / height,
        wspace=0.13,
        hspace=_GAP_INCHES / _ROW_INCHES,
    )
    for row, fov in enumerate(fields):
        for column, view in enumerate(VIEWS):
            axes = figure.add_subplot(rows[row, column], label=f"{view.name} {row}")
            draw_case(axes, view, fov, case, colors)
    _draw_title(figure, case, height)
    _draw_legend(figure, case, colors, height)
    footer = f"{DISCLAIMER}   gkplan {__version__}"
    figure.text(0.04, 0.1 / height, footer, fontsize=9, color="#9f1239", va="bottom")
    return figure


def describe(case: Case, structure: Structure) -> str:
    """One line about a structure: role, name, volume, dose or limits."""
    doses = [prescription_text(p) for p in case.prescriptions if p.target == structure.name]
    limits = [limit_text(limit) for limit in case.limits if limit.structure == structure.name]
    parts = [structure.name, volume(volume_cc(structure, 50_000)), *doses, *limits]
    return f"{'target' if structure.role == 'target' else 'organ at risk'}: {', '.join(parts)}"


def _has_several_targets(case: Case) -> bool:
    return len(case.targets) > 1


def _fields(case: Case) -> list[FieldOfView]:
    if not case.targets:
        return [whole_head(case)]
    near = around(max(case.targets, key=lambda t: volume_cc(t, 5000)))
    return [whole_head(case, near.point_mm), near]


def _draw_title(figure: Figure, case: Case, height: float) -> None:
    gamma = case.gamma_angle_deg
    tilt = "" if gamma == NEUTRAL_GAMMA_DEG else f", gamma angle {gamma:g}°"
    head = f"in the head {case.head.name!r}{tilt}"
    name = shortened(case.name, 60)
    texts = (
        (0.12, name, {"fontsize": 18, "fontweight": "bold"}),
        (0.47, shortened(head, 120), {"fontsize": 11, "color": "0.25"}),
        (0.70, "\n".join(textwrap.wrap(case.source, 240)[:2]), {"fontsize": 8.5, "color": "0.4"}),
    )
    for inches, text, style in texts:
        y = 1.0 - inches / height
        figure.text(0.04, y, text, va="top", parse_math=False, **style)  # type: ignore[arg-type]


def _draw_legend(figure: Figure, case: Case, colors: dict[str, str], height: float) -> None:
    from matplotlib.lines import Line2D

    if not case.structures:
        return
    handles = [Line2D([], [], color=colors[s.name], linewidth=3) for s in case.structures]
    labels = [shortened(describe(case, s), 95) for s in case.structures]
    if _has_several_targets(case):
        handles.append(Line2D([], [], color="0.2", linestyle=(0, (1, 1.2)), linewidth=1.8))
        labels.append("target off the plane")
    figure.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0.035, 0.32 / height),
        ncols=_COLUMNS,
        fontsize=10,
        frameon=False,
        handlelength=1.6,
        columnspacing=4.0,
        borderpad=0.0,
    )
