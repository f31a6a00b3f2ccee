"""One shot: where, which sectors, how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gkplan.errors import PlanError
from gkplan.frames import NEUTRAL_GAMMA_DEG
from gkplan.unit import RadiationUnit

BLOCKED = 0
# Frames are fixed at 70, 90 or 110 degrees; the range leaves room for older ones.
GAMMA_RANGE_DEG = (45.0, 135.0)


@dataclass(frozen=True, slots=True)
class Shot:
    """An isocentre irradiated with one state of the sectors.

    Parameters
    ----------
    isocenter_mm : Leksell coordinates of the point that stands in the focus
    sectors : collimator size (mm) of each sector 1..8, 0 where blocked
    time_min : beam-on time
    gamma_angle_deg : tilt of the head about Leksell X, 90 is neutral
    target : name of the structure it is meant for

    Raises
    ------
    PlanError
        For numbers that are not finite, a gamma angle out of range, a time that is not
        positive, or no open sector.
    """

    isocenter_mm: tuple[float, float, float]
    sectors: tuple[int, ...]
    time_min: float
    gamma_angle_deg: float = NEUTRAL_GAMMA_DEG
    target: str = ""

    def __post_init__(self) -> None:
        if len(self.isocenter_mm) != 3 or not np.isfinite(self.isocenter_mm).all():
            raise PlanError(f"isocenter_mm: expected three numbers, got {self.isocenter_mm}")
        if not 0.0 < self.time_min < np.inf:
            raise PlanError(f"time_min: expected a positive number, got {self.time_min}")
        low, high = GAMMA_RANGE_DEG
        if not low <= self.gamma_angle_deg <= high:
            raise PlanError(
                f"gamma_angle_deg: expected {low:g} to {high:g}, got {self.gamma_angle_deg}"
            )
        if not any(self.sectors):
            raise PlanError("sectors: every sector is blocked; open at least one")


def minimum_time(sectors: Sequence[int], unit: RadiationUnit) -> float:
    """The shortest time (min) that `unit` can give these sector states."""
    return max(unit.collimator(size).minimum_time_min for size in set(sectors) - {BLOCKED})


def check_shots(shots: Sequence[Shot], unit: RadiationUnit) -> None:
    """Refuse shots that `unit` cannot deliver.

    Raises
    ------
    PlanError
        Naming the shot (counted from 1), what is wrong with it and what is possible.
    """
    if not shots:
        raise PlanError("shots: the list is empty; a plan needs at least one shot")
    states = (BLOCKED, *unit.collimator_sizes_mm)
    for number, shot in enumerate(shots, start=1):
        if len(shot.sectors) != unit.n_sectors or any(s not in states for s in shot.sectors):
            raise PlanError(
                f"shot {number}: sectors {list(shot.sectors)} on {unit.name}, expected "
                f"{unit.n_sectors} numbers out of {', '.join(map(str, states))} (0 is blocked)"
            )
        if not unit.reaches(shot.isocenter_mm)[0]:
            low, high = unit.reach_mm
            spans = ", ".join(
                f"{axis} {a:g} to {b:g}" for axis, a, b in zip("xyz", low, high, strict=True)
            )
            place = ", ".join(f"{c:.1f}" for c in shot.isocenter_mm)
            raise PlanError(
                f"shot {number}: isocentre ({place}) mm is outside the reach of {unit.name}: "
                f"Leksell {spans} mm"
            )
