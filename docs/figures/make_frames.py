"""Draw docs/frames.png: the three frames, from gkplan's own transforms.

Run ``python docs/figures/make_frames.py`` in a checkout.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from contourpy import contour_generator
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Wedge
from matplotlib.patheffects import withStroke
from scipy.ndimage import gaussian_filter

from gkplan.case.phantom import read_head
from gkplan.frames import Array, leksell_from_unit, patient_from_leksell
from gkplan.head import Head
from gkplan.report.planes import AXIAL, SAGITTAL, PlaneView
from gkplan.report.shotplot import sector_azimuths_deg
from gkplan.unit import load_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEKSELL, PATIENT, UNIT = "#b91c1c", "#1d4ed8", "#15803d"
CENTER = np.array([100.0, 100.0, 100.0])
TARGET = Path(__file__).parents[1] / "frames.png"


def outlines(head: Head, view: PlaneView, depth_mm: float) -> list[Array]:
    """Closed lines (n, 2), Leksell mm, where a plane cuts the surface of the head."""
    u, v = np.arange(-10.0, 212.0, 1.5), np.arange(-30.0, 262.0, 1.5)
    inside = head.contains(view.points(u, v, depth_mm)).reshape(len(v), len(u))
    return contour_generator(u, v, gaussian_filter(inside.astype(float), 1.0)).lines(0.5)


def frame_in_space(figure: Figure, head: Head) -> None:
    """The head in the Leksell box; drawn in LPS, so that superior is up."""
    to_patient = patient_from_leksell()
    axes = figure.add_axes((0.0, 0.0, 0.36, 0.93), projection="3d", proj_type="ortho")
    for z in np.arange(14.0, 240.0, 8.0):
        for line in outlines(head, AXIAL, z):
            ring = to_patient(np.column_stack([line, np.full(len(line), z)]))
            axes.plot(*ring.T, color="0.55", linewidth=0.7, alpha=0.75)
    for line in outlines(head, SAGITTAL, 100.0):
        ring = to_patient(np.column_stack([np.full(len(line), 100.0), line]))
        axes.plot(*ring.T, color="0.25", linewidth=1.4)
    corners = np.array(np.meshgrid([0, 200], [0, 200], [0, 200])).reshape(3, -1).T
    for a in corners:
        for b in corners:
            if np.abs(a - b).sum() == 200 and a.sum() < b.sum():
                edge = to_patient(np.array([a, b], dtype=float))
                axes.plot(*edge.T, color=LEKSELL, linewidth=0.7, alpha=0.45)
    origin = np.zeros(3)
    names = ("+X left", "+Y anterior", "+Z inferior")
    for n, name in enumerate(names):
        tip = origin + 92.0 * np.eye(3)[n]
        arrow(axes, to_patient(origin), to_patient(tip), LEKSELL, f"{name}")
    names = ("+x left", "+y posterior", "+z superior")
    center = to_patient(CENTER)
    for n, name in enumerate(names):
        arrow(axes, center, center + 100.0 * np.eye(3)[n], PATIENT, name)
    axes.scatter(*center, color=PATIENT, s=26, depthshade=False)
    axes.text(*to_patient([-10.0, -10.0, -14.0]), "origin", color=LEKSELL, fontsize=10, ha="center")
    axes.view_init(elev=18, azim=-58)
    axes.set_box_aspect((240, 240, 280), zoom=1.22)
    axes.set(xlim=(-120, 120), ylim=(-120, 120), zlim=(-150, 130))
    axes.axis("off")


def arrow(axes: Axes, start: Array, tip: Array, color: str, name: str) -> None:
    axes.quiver(*start, *(tip - start), color=color, linewidth=2.4, arrow_length_ratio=0.12)
    along = (tip - start) / np.linalg.norm(tip - start)
    axes.text(
        *(tip + 20.0 * along),
        name,
        color=color,
        fontsize=10.5,
        fontweight="bold",
        ha="center",
        va="center",
        path_effects=[withStroke(linewidth=3, foreground="white")],
    )


def gamma_seen_from_left(figure: Figure, head: Head) -> None:
    """Where the sources lie for three gamma angles: the unit's -z in the sagittal plane."""
    axes = figure.add_axes((0.385, 0.09, 0.28, 0.78))
    for line in outlines(head, SAGITTAL, 100.0):
        axes.fill(*line.T, facecolor="0.93", edgecolor="0.35", linewidth=1.2)
    for gamma, color in ((70.0, "#a16207"), (90.0, UNIT), (110.0, "#7e22ce")):
        to_leksell = leksell_from_unit(CENTER, gamma)
        tip = to_leksell([0.0, 0.0, -118.0])
        spread = to_leksell([[0.0, 118.0 * np.sin(a), -118.0 * np.cos(a)] for a in (-0.13, 0.13)])
        axes.plot(*np.vstack([spread[0], CENTER, spread[1]])[:, 1:].T, color=color, linewidth=0.8)
        axes.annotate("", tip[1:], CENTER[1:], arrowprops={"arrowstyle": "-|>", "color": color,
                                                           "linewidth": 2.4})  # fmt: skip
        place = to_leksell([0.0, 0.0, -131.0])
        axes.text(*place[1:], f"γ = {gamma:g}°", color=color, fontsize=11, fontweight="bold",
                  ha="center", va="center")  # fmt: skip
    axes.plot(100, 100, "o", color="black", markersize=6)
    axes.text(93, 113, "focus = isocentre", fontsize=9, ha="left")
    limits(axes, SAGITTAL, (218.0, -24.0, 262.0, -64.0))
    axes.set_title("Unit frame: −z, toward the sources,\nseen from the patient's left", fontsize=11)


def sectors_seen_from_feet(figure: Figure, head: Head) -> None:
    """The sectors of the shipped unit at gamma 90, as in the axial plane of a report."""
    axes = figure.add_axes((0.70, 0.09, 0.28, 0.78))
    unit = load_unit("perfexion")
    half = 180.0 / unit.n_sectors
    for n, azimuth in enumerate(sector_azimuths_deg(unit), start=1):
        shade = "#86c5a0" if n == 1 else "#d3ebdc"
        axes.add_patch(Wedge((100, 100), 128, azimuth - half, azimuth + half, width=24,
                             facecolor=shade, edgecolor="white", linewidth=2))  # fmt: skip
        c, s = np.cos(np.deg2rad(azimuth)), np.sin(np.deg2rad(azimuth))
        axes.text(100 + 116 * c, 100 + 116 * s, str(n), color="#14532d", fontsize=13,
                  fontweight="bold", ha="center", va="center")  # fmt: skip
    for line in outlines(head, AXIAL, 100.0):
        axes.fill(*line.T, facecolor="0.93", edgecolor="0.35", linewidth=1.2)
    for tip, name, place in (((150, 100), "+x", (157, 100)), ((100, 150), "+y", (100, 158))):
        axes.annotate("", tip, (100, 100), arrowprops={"arrowstyle": "-|>", "color": UNIT,
                                                       "linewidth": 2.4})  # fmt: skip
        axes.text(*place, name, color=UNIT, fontsize=11.5, fontweight="bold", ha="center",
                  va="center")  # fmt: skip
    axes.plot(100, 100, "o", color="black", markersize=6)
    limits(axes, AXIAL, (-52.0, 252.0, -52.0, 252.0))
    axes.set_title("Unit frame: sectors 1 to 8 at γ = 90°,\nseen from the feet", fontsize=11)


def limits(axes: Axes, view: PlaneView, box: tuple[float, float, float, float]) -> None:
    left, right, bottom, top = box
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    axes.set_xlabel(f"Leksell {'XYZ'[view.across]} (mm)", fontsize=9)
    axes.set_ylabel(f"Leksell {'XYZ'[view.upward]} (mm)", fontsize=9)
    axes.tick_params(labelsize=8.5)
    axes.set_xticks(range(0, 201, 50))
    axes.set_yticks(range(0, 251 if view is SAGITTAL else 201, 50))
    places = ((0.035, 0.5), (0.965, 0.5), (0.5, 0.03), (0.5, 0.97))
    for side, (x, y) in zip(view.sides, places, strict=True):
        axes.text(x, y, side, transform=axes.transAxes, ha="center", va="center", fontsize=14,
                  fontweight="bold", color="0.45")  # fmt: skip


def main() -> None:
    head = read_head("head")
    figure = Figure(figsize=(16, 6.6), dpi=110, facecolor="white")
    FigureCanvasAgg(figure)
    frame_in_space(figure, head)
    gamma_seen_from_left(figure, head)
    sectors_seen_from_feet(figure, head)
    figure.text(0.02, 0.94, "Leksell frame", color=LEKSELL, fontsize=12, fontweight="bold")
    figure.text(0.108, 0.94, "and", fontsize=12)
    figure.text(0.134, 0.94, "patient frame (DICOM LPS)", color=PATIENT, fontsize=12,
                fontweight="bold")  # fmt: skip
    figure.savefig(TARGET)


if __name__ == "__main__":
    main()
