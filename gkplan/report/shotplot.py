"""The panel of the shots in the order of delivery: sector states and minutes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from gkplan.frames import NEUTRAL_GAMMA_DEG, Array
from gkplan.plan import Plan
from gkplan.report.palette import collimator_colors
from gkplan.shot import BLOCKED
from gkplan.unit import RadiationUnit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

# Beyond this many shots wheels are too small to read.
_MOST_WHEELS = 18
_BELOW = "below, minutes and the isocentre in Leksell mm (x y z)"
_SECTORS = f"Sectors as they lie in the axial plane; {_BELOW}"
_HELMETS = f"Helmets; dots: plugged sources as they lie in the axial plane; {_BELOW}"
# Where the sources nearest to the axis of a helmet and farthest from it are drawn in its ring.
_INNER, _OUTER = 0.46, 0.92


def draw_shots(figure: Figure, place: SubplotSpec, plan: Plan, colors: Mapping[str, str]) -> None:
    """A wheel of sectors (or a helmet) for each shot, or a map by shots where there are many."""
    if len(plan.shots) <= _MOST_WHEELS:
        axes = figure.add_subplot(place)
        _draw_wheels(axes, plan, colors)
        _draw_legend(axes, plan)
    else:
        inner = place.subgridspec(2, 1, height_ratios=(0.42, 0.58), hspace=0.06)
        bars = figure.add_subplot(inner[0])
        _draw_minutes(bars, plan, colors)
        _draw_map(figure.add_subplot(inner[1], sharex=bars), plan)
        _draw_legend(bars, plan)


def sector_azimuths_deg(unit: RadiationUnit) -> Array:
    """Azimuth (n_sectors,) of the middle of each sector, from +x (left) toward +y (anterior)."""
    directions = unit.collimators[0].directions
    middle = np.array([directions[unit.source_sector == s].sum(0) for s in range(unit.n_sectors)])
    return np.asarray(np.rad2deg(np.arctan2(middle[:, 1], middle[:, 0])))


def source_places(unit: RadiationUnit) -> Array:
    """Where in a wheel each source is drawn (n, 2): at its azimuth, the higher the farther in."""
    across = unit.collimators[0].directions[:, :2]
    flat = np.linalg.norm(across, axis=1)
    span = max(float(np.ptp(flat)), 1e-9)
    radius = _INNER + (_OUTER - _INNER) * (flat - flat.min()) / span
    return np.asarray(across / np.maximum(flat, 1e-9)[:, None] * radius[:, None])


def _draw_wheels(axes: Axes, plan: Plan, colors: Mapping[str, str]) -> None:
    """Sectors as they lie in the axial plane above: left is right, anterior is up."""
    from matplotlib.patches import Circle, Wedge

    azimuths = sector_azimuths_deg(plan.unit)
    half = 180.0 / plan.unit.n_sectors
    states = collimator_colors(plan.unit)
    columns = 4 if len(plan.shots) <= 8 else 6
    rows = 2 if len(plan.shots) <= 2 * columns else 3
    for n, shot in enumerate(plan.shots):
        x, y = 2.6 * (n % columns), -3.3 * (n // columns)
        for azimuth, state in zip(azimuths, shot.sectors, strict=True):
            axes.add_patch(
                Wedge(
                    (x, y),
                    1.0,
                    azimuth - half,
                    azimuth + half,
                    width=0.62,
                    facecolor=states[state],
                    edgecolor="white",
                    linewidth=1.2,
                )
            )
        if shot.plugged:
            places = np.array([x, y]) + source_places(plan.unit)[np.array(shot.plugged) - 1]
            axes.plot(*places.T, ".", color="#18181b", markersize=2.5, markeredgewidth=0)
        axes.add_patch(Circle((x, y), 0.34, color=colors.get(shot.target, "0.35")))
        axes.text(
            x, y, f"{n + 1}", ha="center", va="center_baseline", color="white", fontsize=8.5,
            fontweight="bold",
        )  # fmt: skip
        axes.text(
            x, y - 1.12, f"{shot.time_min:.2f} min", ha="center", va="top", fontsize=8.5,
            fontweight="bold",
        )  # fmt: skip
        tilt = shot.gamma_angle_deg
        gamma = "" if tilt == NEUTRAL_GAMMA_DEG else f"  \N{GREEK SMALL LETTER GAMMA} {tilt:g}°"
        position = "  ".join(f"{c:.1f}" for c in shot.isocenter_mm)
        axes.text(x, y - 1.48, position + gamma, ha="center", va="top", fontsize=7, color="0.3")
    axes.set_aspect("equal", anchor="NW")
    axes.set_xlim(-1.3, 2.6 * (columns - 1) + 1.3)
    axes.set_ylim(-3.3 * (rows - 1) - 2.0, 1.15)
    axes.axis("off")
    caption = _HELMETS if plan.unit.has_helmets else _SECTORS
    axes.text(0.0, -0.02, caption, transform=axes.transAxes, fontsize=8, color="0.4", va="top")


def _draw_minutes(axes: Axes, plan: Plan, colors: Mapping[str, str]) -> None:
    number = np.arange(1, len(plan.shots) + 1)
    axes.bar(
        number,
        [shot.time_min for shot in plan.shots],
        width=0.82,
        color=[colors.get(shot.target, "0.35") for shot in plan.shots],
    )
    axes.set_ylabel("Minutes", fontsize=9)
    axes.tick_params(labelsize=8.5, length=3, labelbottom=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)


def _draw_map(axes: Axes, plan: Plan) -> None:
    from matplotlib.colors import ListedColormap
    from matplotlib.ticker import MaxNLocator

    states = collimator_colors(plan.unit)
    index = {state: n for n, state in enumerate(states)}
    cells = np.array([[index[s] for s in shot.sectors] for shot in plan.shots]).T
    axes.pcolormesh(
        np.arange(len(plan.shots) + 1) + 0.5,
        np.arange(plan.unit.n_sectors + 1) + 0.5,
        cells,
        cmap=ListedColormap(list(states.values())),
        vmin=-0.5,
        vmax=len(states) - 0.5,
        edgecolor="white",
        linewidth=1.0 if len(plan.shots) <= 60 else 0.2,
    )
    axes.set_xlim(0.4, len(plan.shots) + 0.6)
    axes.set_ylim(plan.unit.n_sectors + 0.5, 0.5)
    axes.set_yticks([] if plan.unit.has_helmets else range(1, plan.unit.n_sectors + 1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12))
    axes.set_ylabel("Helmet" if plan.unit.has_helmets else "Sector", fontsize=9)
    axes.set_xlabel("Shot", fontsize=9, labelpad=2)
    axes.tick_params(labelsize=8.5, length=3)
    axes.spines[:].set_visible(False)


def _draw_legend(axes: Axes, plan: Plan) -> None:
    from matplotlib.patches import Patch

    states = collimator_colors(plan.unit)
    blocked = [] if plan.unit.has_helmets else [BLOCKED]
    sizes = [*plan.unit.collimator_sizes_mm, *blocked]
    labels = [f"{size} mm" if size else "blocked" for size in sizes]
    axes.set_title(
        "Shots in the order of delivery", fontsize=11, fontweight="bold", loc="left", pad=6
    )
    axes.legend(
        [Patch(facecolor=states[size]) for size in sizes],
        labels,
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=len(sizes),
        frameon=False,
        fontsize=8.5,
        handlelength=1.2,
        columnspacing=1.4,
        borderaxespad=0.2,
    )
