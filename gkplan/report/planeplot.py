"""One plane of the figure: CT numbers, structures, isodose lines and isocentres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gkplan.case import Case
from gkplan.grid import Volume
from gkplan.head import Head
from gkplan.plan import Plan
from gkplan.report.isodose import Isodose
from gkplan.report.planes import FieldOfView, PlaneView
from gkplan.solids import Solid

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Soft tissue and bone; narrow enough to tell the fluid from the brain.
_WINDOW_HU = (-120.0, 180.0)
_PIXELS = 320
_OUTLINE_PIXELS = 140
_LARGEST_FILL = 0.5
NEAR_PLANE_MM = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What the three planes show.

    Parameters
    ----------
    dose : Gy, on a grid in the Leksell frame; isodose lines end where it ends
    colors : of the structures, by name
    """

    plan: Plan
    dose: Volume
    fov: FieldOfView
    isodoses: Sequence[Isodose]
    colors: Mapping[str, str]


def draw_plane(axes: Axes, view: PlaneView, scene: Scene) -> None:
    """Draw the plane of `view` through ``scene.fov.point_mm`` into `axes`, in Leksell mm."""
    fov = scene.fov
    draw_case(axes, view, fov, scene.plan.case, scene.colors)
    u, v = fov.pixels(view, _PIXELS)
    points = view.points(u, v, float(fov.point_mm[view.normal]))
    # Not zero beyond the grid: that would draw isodose lines along its border.
    gy = scene.dose.at(points, outside=np.nan).reshape(len(v), len(u))
    if not np.isnan(gy).all():
        for line in scene.isodoses:
            # matplotlib warns of a level that nothing reaches.
            if np.nanmin(gy) < line.dose_gy < np.nanmax(gy):
                width = 2.2 if line.is_reference else 1.2
                axes.contour(u, v, gy, levels=[line.dose_gy], colors=[line.color], linewidths=width)
    _draw_isocenters(axes, view, fov, scene.plan)


def draw_case(
    axes: Axes, view: PlaneView, fov: FieldOfView, case: Case, colors: Mapping[str, str]
) -> None:
    """Draw the head by its CT numbers and the outlines of the structures, in Leksell mm."""
    u, v = fov.pixels(view, _PIXELS)
    points = view.points(u, v, float(fov.point_mm[view.normal]))
    darkest, brightest = _window(case.head)
    axes.imshow(
        case.head.hu(points).reshape(len(v), len(u)),
        cmap="gray",
        vmin=darkest,
        vmax=brightest,
        extent=fov.limits(view),
        origin="lower",
        interpolation="bilinear",
    )
    for structure in case.structures:
        color = colors[structure.name]
        drawn = _draw_outline(axes, view, fov, structure.solid, color)
        if structure.role == "target" and not drawn:
            _draw_elsewhere(axes, view, structure.solid, color)
    _decorate(axes, view, fov)


def _window(head: Head) -> tuple[float, float]:
    """Values shown black and white: soft tissue in HU, all but the brightest in MR."""
    if head.image is None or head.image.quantity == "hu":
        return _WINDOW_HU
    every = max(head.image.grid.size // 100_000, 1)
    some = np.asarray(head.image.array, dtype=np.float64).ravel()[::every]
    return float(some.min()), float(np.percentile(some, 99.5))


def _draw_outline(axes: Axes, view: PlaneView, fov: FieldOfView, solid: Solid, color: str) -> bool:
    """Draw where the plane cuts the solid; False where it does not."""
    from scipy.ndimage import gaussian_filter

    depth = float(fov.point_mm[view.normal])
    low = np.maximum(solid.bounds[0], fov.center_mm - fov.half_mm)
    high = np.minimum(solid.bounds[1], fov.center_mm + fov.half_mm)
    if not low[view.normal] <= depth <= high[view.normal] or (low >= high).any():
        return False
    # A lattice of its own, as fine as the structure is small; a border so that outlines close.
    size = (high - low)[[view.across, view.upward]]
    step = float(size.max()) / _OUTLINE_PIXELS
    u, v = (
        np.arange(low[axis] - 3 * step, high[axis] + 3.5 * step, step)
        for axis in (view.across, view.upward)
    )
    inside = solid.contains(view.points(u, v, depth)).reshape(len(v), len(u))
    if not inside.any():
        return False
    soft = gaussian_filter(inside.astype(np.float64), sigma=1.0)
    # A structure that fills most of the view would tint all of it.
    large = float(size.prod()) > _LARGEST_FILL * (2 * fov.half_mm) ** 2
    if not large:
        axes.contourf(u, v, soft, levels=[0.5, 2.0], colors=[color], alpha=0.22)
        axes.contour(u, v, soft, levels=[0.5], colors=["white"], linewidths=3.0, alpha=0.55)
    axes.contour(u, v, soft, levels=[0.5], colors=[color], linewidths=1.1 if large else 1.8)
    return True


def _draw_elsewhere(axes: Axes, view: PlaneView, solid: Solid, color: str) -> None:
    """A dotted ellipse where a target lies in front of or behind the plane, by its extent."""
    from matplotlib.patches import Ellipse

    low, high = solid.bounds
    middle, size = (low + high) / 2, high - low
    axes.add_patch(
        Ellipse(
            (middle[view.across], middle[view.upward]),
            size[view.across],
            size[view.upward],
            fill=False,
            edgecolor=color,
            linestyle=(0, (1, 1.2)),
            linewidth=1.6,
        )
    )


def _draw_isocenters(axes: Axes, view: PlaneView, fov: FieldOfView, plan: Plan) -> None:
    places = np.array(sorted({shot.isocenter_mm for shot in plan.shots}))
    gap = np.abs(places[:, view.normal] - fov.point_mm[view.normal])
    near = places[gap <= NEAR_PLANE_MM]
    # Smaller in a large view, where they would cover the target.
    size = 8.0 if fov.half_mm < 60.0 else 4.0
    for name, color, more, width in (
        ("halo", "black", 1.0, 2.6),
        ("isocenters", "white", 0.0, 1.1),
    ):
        axes.plot(
            near[:, view.across],
            near[:, view.upward],
            linestyle="none",
            marker="+",
            color=color,
            markersize=size + more,
            markeredgewidth=width,
            gid=name,
        )


def _decorate(axes: Axes, view: PlaneView, fov: FieldOfView) -> None:
    from matplotlib.patheffects import withStroke

    left, right, bottom, top = fov.limits(view)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_aspect("equal")
    names = "xyz"
    axes.set_title(
        f"{view.name.capitalize()}   {names[view.normal]} = {fov.point_mm[view.normal]:.1f} mm",
        fontsize=11,
        fontweight="bold",
        loc="left",
        pad=6,
    )
    axes.set_xlabel(f"Leksell {names[view.across]} (mm)", fontsize=8.5, labelpad=2)
    axes.set_ylabel(f"Leksell {names[view.upward]} (mm)", fontsize=8.5, labelpad=2)
    axes.tick_params(labelsize=8, length=3)
    edge = [withStroke(linewidth=3, foreground="black", alpha=0.7)]
    places = ((0.03, 0.5), (0.97, 0.5), (0.5, 0.035), (0.5, 0.965))
    for side, (x, y) in zip(view.sides, places, strict=True):
        axes.text(
            x,
            y,
            side,
            transform=axes.transAxes,
            ha="center",
            va="center",
            color="white",
            fontsize=13,
            fontweight="bold",
            path_effects=edge,
        )
