"""The three planes of a figure: which Leksell axis runs where, and what part is shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gkplan.case import Case
from gkplan.frames import Array
from gkplan.metrics.model import Evaluation
from gkplan.plan import Plan
from gkplan.solids import sample_about
from gkplan.structures import Structure

# What lies at the low and at the high end of Leksell x, y and z.
_ENDS = (("R", "L"), ("P", "A"), ("S", "I"))
_MARGIN_MM = 30.0
# A dose prescribed to the maximum is one small hot spot.
_MARGIN_OF_MAXIMUM_MM = 18.0
# The least margin around a structure that is shown by itself.
_LEAST_MARGIN_MM = 10.0
_HEAD_MARGIN_MM = 5.0
# A view that would show most of the head shows all of it.
_WHOLE_HEAD_FRACTION = 0.7


@dataclass(frozen=True, slots=True)
class PlaneView:
    """How a plane is looked at.

    Parameters
    ----------
    name : axial, coronal or sagittal
    across, upward : Leksell axis (0, 1, 2) along the image's rows and columns
    right, up : +1 where that axis grows to the right or upward in the image, else -1
    """

    name: str
    across: int
    right: int
    upward: int
    up: int

    @property
    def normal(self) -> int:
        """The Leksell axis that the plane is perpendicular to."""
        return 3 - self.across - self.upward

    @property
    def sides(self) -> tuple[str, str, str, str]:
        """The patient's side (L, R, A, P, S, I) at the left, right, bottom, top of the image."""
        left, right = _ENDS[self.across][:: self.right]
        bottom, top = _ENDS[self.upward][:: self.up]
        return left, right, bottom, top

    def points(self, across: Array, upward: Array, depth_mm: float) -> Array:
        """Leksell points (nv * nu, 3) of the lattice `upward` (nv,) x `across` (nu,)."""
        points = np.empty((len(upward), len(across), 3))
        points[..., self.across] = across[None, :]
        points[..., self.upward] = upward[:, None]
        points[..., self.normal] = depth_mm
        return points.reshape(-1, 3)


# Radiological convention: the axial plane is seen from the feet, the coronal one from the front,
# both with the patient's left on the right of the image; the sagittal one from the patient's
# left, with anterior on the left of the image.
AXIAL = PlaneView("axial", across=0, right=1, upward=1, up=1)
CORONAL = PlaneView("coronal", across=0, right=1, upward=2, up=-1)
SAGITTAL = PlaneView("sagittal", across=1, right=-1, upward=2, up=-1)
VIEWS = (AXIAL, CORONAL, SAGITTAL)


@dataclass(frozen=True, slots=True, eq=False)
class FieldOfView:
    """A cube of Leksell space, and the point (3,) that the three planes share."""

    center_mm: Array
    half_mm: float
    point_mm: Array

    def limits(self, view: PlaneView) -> tuple[float, float, float, float]:
        """Leksell coordinates (mm) at the left, right, bottom and top of the image."""
        u, v = self.center_mm[view.across], self.center_mm[view.upward]
        du, dv = view.right * self.half_mm, view.up * self.half_mm
        return float(u - du), float(u + du), float(v - dv), float(v + dv)

    def pixels(self, view: PlaneView, count: int) -> tuple[Array, Array]:
        """Coordinates of `count` pixel centres from left to right, and from bottom to top."""
        left, right, bottom, top = self.limits(view)
        part = (np.arange(count) + 0.5) / count
        return left + (right - left) * part, bottom + (top - bottom) * part


def main_target(plan: Plan, evaluation: Evaluation) -> Structure | None:
    """The target with the largest volume, which the planes are laid through."""
    indices = evaluation.metrics.targets

    def volume(target: Structure) -> float:
        return indices[target.name].target_volume_cc if target.name in indices else 0.0

    return max(plan.case.targets, key=volume, default=None)


def field_of_view(plan: Plan, evaluation: Evaluation) -> FieldOfView:
    """The targets with a margin around them, or the whole head where they are far apart.

    The planes meet in the centroid of the main target; in the dose maximum where the dose is
    prescribed to it, because then the hot spot is the question.
    """
    case = plan.case
    target = main_target(plan, evaluation)
    point = np.array(evaluation.metrics.max_dose_point_mm)
    if target is None:
        return FieldOfView(point, _MARGIN_MM, point)
    margin = _MARGIN_OF_MAXIMUM_MM
    if not case.prescription(target.name).is_maximum:
        margin = _MARGIN_MM
        point = sample_about(target.solid, count=2000, coarsest_mm=2.0)[0].mean(axis=0)
    boxes = np.array([t.solid.bounds for t in case.targets])
    low, high = boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)
    half = float((high - low).max()) / 2 + margin
    whole = whole_head(case, point)
    if half < _WHOLE_HEAD_FRACTION * whole.half_mm:
        return FieldOfView((low + high) / 2, half, point)
    return whole


def whole_head(case: Case, point_mm: Array | None = None) -> FieldOfView:
    """The whole head, its planes through `point_mm` or else through its middle."""
    low, high = case.head.bounds
    middle = (low + high) / 2
    half = float((high - low).max()) / 2 + _HEAD_MARGIN_MM
    return FieldOfView(middle, half, middle if point_mm is None else point_mm)


def around(structure: Structure) -> FieldOfView:
    """One structure with a margin of its own size around it, through its centroid."""
    low, high = structure.solid.bounds
    points, _ = sample_about(structure.solid, count=2000, coarsest_mm=2.0)
    half = float((high - low).max()) / 2
    margin = float(np.clip(2 * half, _LEAST_MARGIN_MM, _MARGIN_MM))
    return FieldOfView((low + high) / 2, half + margin, points.mean(axis=0))
