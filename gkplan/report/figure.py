"""The picture of a plan: three planes, histograms, shots and the key numbers."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gkplan import __version__
from gkplan.disclaimer import DISCLAIMER
from gkplan.frames import NEUTRAL_GAMMA_DEG, Frame
from gkplan.grid import Volume
from gkplan.metrics.model import Evaluation
from gkplan.plan import Plan
from gkplan.report.dvhplot import draw_dvh
from gkplan.report.isodose import Isodose, isodoses
from gkplan.report.palette import structure_colors
from gkplan.report.planeplot import NEAR_PLANE_MM, Scene, draw_plane
from gkplan.report.planes import VIEWS, field_of_view, main_target
from gkplan.report.shotplot import draw_shots
from gkplan.report.text import number, percent, prescription_text, shortened, unit_text, volume

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIZE_INCHES = (16.0, 12.2)
_DPI = 112


def plan_figure(plan: Plan, dose: Volume, evaluation: Evaluation) -> Figure:
    """A page-wide picture of a plan.

    Parameters
    ----------
    dose : Gy on a grid in the Leksell frame; it may cover a part of the planes only

    Returns
    -------
    matplotlib.figure.Figure
        1792 pixels wide as saved by `png_bytes`. It belongs to no pyplot backend.

    Notes
    -----
    Axial plane seen from the feet and coronal one from the front (patient's left on the right),
    sagittal one from the patient's left (anterior on the left); axes in Leksell mm.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if dose.grid.frame is not Frame.LEKSELL:
        raise ValueError(f"dose must be on a grid in the Leksell frame, got {dose.grid.frame}")
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    target = main_target(plan, evaluation)
    max_dose = evaluation.metrics.overall.max_dose_gy
    lines = isodoses(plan, target.name if target else None, max_dose)
    colors = structure_colors(plan.case)
    scene = Scene(plan, dose, field_of_view(plan, evaluation), lines, colors)
    top = figure.add_gridspec(1, 3, left=0.04, right=0.985, top=0.855, bottom=0.465, wspace=0.13)
    for n, view in enumerate(VIEWS):
        draw_plane(figure.add_subplot(top[n], label=view.name), view, scene)
    low = figure.add_gridspec(
        1,
        2,
        left=0.04,
        right=0.985,
        top=0.365,
        bottom=0.065,
        wspace=0.42,
        width_ratios=(0.40, 0.60),
    )
    draw_dvh(figure.add_subplot(low[0], label="dvh"), plan, evaluation, colors)
    draw_shots(figure, low[1], plan, colors)
    _draw_title(figure, plan)
    _draw_key_numbers(figure, plan, evaluation)
    _draw_line_legend(figure, lines, len(plan.case.targets) > 1)
    footer = f"{DISCLAIMER}   gkplan {__version__}"
    figure.text(0.04, 0.012, footer, fontsize=9, color="#9f1239", va="bottom")
    return figure


def png_bytes(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": f"gkplan {__version__}"})
    return stream.getvalue()


def _draw_title(figure: Figure, plan: Plan) -> None:
    doses = {prescription_text(p) for p in plan.case.prescriptions}
    count = len(plan.case.prescriptions)
    parts = [
        f"{count} targets: {' / '.join(sorted(doses))}" if count > 1 else "".join(doses),
        unit_text(plan.unit),
        f"{plan.calibration_dose_rate_gy_per_min:.3g} Gy/min",
        *_tilts(plan),
        *([plan.treatment_date.isoformat()] if plan.treatment_date else []),
    ]
    figure.text(
        0.04, 0.985, shortened(plan.case.name, 60), fontsize=18, fontweight="bold", va="top",
        parse_math=False,
    )  # fmt: skip
    figure.text(
        0.04, 0.953, shortened("   |   ".join(p for p in parts if p), 170), fontsize=11,
        color="0.25", va="top", parse_math=False,
    )  # fmt: skip


def _tilts(plan: Plan) -> list[str]:
    """The gamma angles, where any is not the neutral one."""
    angles = sorted({shot.gamma_angle_deg for shot in plan.shots})
    if angles == [NEUTRAL_GAMMA_DEG]:
        return []
    return [f"\N{GREEK SMALL LETTER GAMMA} {', '.join(f'{angle:g}°' for angle in angles)}"]


def _draw_key_numbers(figure: Figure, plan: Plan, evaluation: Evaluation) -> None:
    metrics = evaluation.metrics
    overall = metrics.overall
    met = sum(result.met for result in metrics.limits)
    entries = [
        ("coverage", percent(overall.coverage)),
        ("selectivity", number(overall.selectivity)),
        ("Paddick index", number(overall.paddick_index)),
        ("gradient index", number(overall.gradient_index)),
        ("efficiency index", number(overall.efficiency_index)),
        ("isodose", percent(overall.prescription_isodose)),
        ("maximum", number(overall.max_dose_gy, 1, "Gy")),
        ("target volume", volume(overall.target_volume_cc)),
        ("V12", volume(metrics.v12gy_cc)),
        ("beam on", number(metrics.beam_on_time_min, 1, "min")),
        ("shots", f"{metrics.n_shots}"),
        ("limits met", f"{met} of {len(metrics.limits)}" if metrics.limits else "none set"),
    ]
    step = 0.945 / len(entries)
    for n, (label, value) in enumerate(entries):
        missed = label == "limits met" and met < len(metrics.limits)
        color = "#9f1239" if missed else "black"
        figure.text(
            0.04 + n * step, 0.926, value, fontsize=13, fontweight="bold", va="top", color=color
        )
        figure.text(0.04 + n * step, 0.904, label, fontsize=8.5, color="0.4", va="top")


def _draw_line_legend(figure: Figure, lines: Sequence[Isodose], several: bool) -> None:
    """What the planes show besides the structures, in one row below them."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=line.color, linewidth=3.4 if line.is_reference else 2.2)
        for line in lines
    ]
    labels = [line.label for line in lines]
    handles.append(Line2D([], [], linestyle="none", marker="+", color="white", markersize=9))
    labels.append(f"isocentre within {NEAR_PLANE_MM:g} mm")
    if several:
        handles.append(Line2D([], [], color="white", linestyle=(0, (1, 1.2)), linewidth=1.8))
        labels.append("target off the plane")
    legend = figure.legend(
        handles,
        labels,
        loc="center",
        bbox_to_anchor=(0.5125, 0.418),
        ncols=len(handles),
        fontsize=9,
        facecolor="#52525b",
        edgecolor="none",
        labelcolor="white",
        framealpha=1.0,
        handlelength=2.2,
        columnspacing=2.2,
        borderpad=0.6,
    )
    legend.set_gid("isodose legend")
