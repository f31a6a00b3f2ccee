"""What localisation found, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

from gkplan.frames import RigidTransform
from gkplan.localizer.box import Box


@dataclass(frozen=True, slots=True)
class Limits:
    """Fiducial errors above which a localisation is refused, mm: on average, and the largest."""

    mean_mm: float = 0.5
    max_mm: float = 1.5


@dataclass(frozen=True, slots=True)
class SliceError:
    """Fiducial errors in one slice: distances within it from where the pose has the rods, mm."""

    z_mm: float
    n_rods: int
    mean_mm: float
    max_mm: float


@dataclass(frozen=True, slots=True)
class RodSight:
    """How well one rod was seen.

    `offset_mm` is the median distance of all its spots from where the pose has it, those left
    out of the fit included; None if it was never seen.
    """

    name: str
    n_seen: int
    n_expected: int
    offset_mm: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Localisation:
    """The frame in the images, and how well its fiducials agree with that.

    Parameters
    ----------
    box : the version of the indicator box that the rods were compared with
    leksell_from_patient : the transform found
    slices, rods : errors slice by slice and rod by rod
    mean_mm, max_mm : over all spots that the fit rests on
    n_used, n_left_out : number of spots; those left out lie beyond four standard deviations
    stretch : the images are stretched by as much at most along some direction; 0 if not fitted
    notes : what the user should know
    """

    box: Box
    leksell_from_patient: RigidTransform
    slices: tuple[SliceError, ...]
    rods: tuple[RodSight, ...]
    mean_mm: float
    max_mm: float
    n_used: int
    n_left_out: int
    stretch: float
    notes: tuple[str, ...]
