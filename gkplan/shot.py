"""One shot: where, which sectors or which helmet, how long."""

from __future__ import annotations

import itertools
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
    """An isocentre irradiated with one state of the sectors, or through one helmet.

    Parameters
    ----------
    isocenter_mm : Leksell coordinates of the point that stands in the focus
    sectors : collimator size (mm) of each sector 1..8, 0 where blocked; a unit with helmets is
        one sector that holds all its sources (see `Shot.through`)
    time_min : beam-on time
    gamma_angle_deg : tilt of the head about Leksell X, 90 is neutral
    target : name of the structure it is meant for
    plugged : numbers (from 1) of the sources whose channel in the helmet is plugged, ascending

    Raises
    ------
    PlanError
        For numbers that are not finite, a gamma angle out of range, a time that is not
        positive, no open sector, or a source that is plugged twice.
    """

    isocenter_mm: tuple[float, float, float]
    sectors: tuple[int, ...]
    time_min: float
    gamma_angle_deg: float = NEUTRAL_GAMMA_DEG
    target: str = ""
    plugged: tuple[int, ...] = ()

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
        # Shots that plug the same sources are equal.
        plugged = tuple(sorted(self.plugged))
        object.__setattr__(self, "plugged", plugged)
        if twice := [a for a, b in itertools.pairwise(plugged) if a == b]:
            raise PlanError(f"plugged: source {twice[0]} is there twice; name each source once")

    @classmethod
    def through(
        cls,
        collimator_mm: int,
        isocenter_mm: tuple[float, float, float],
        time_min: float,
        *,
        plugged: Sequence[int] = (),
        gamma_angle_deg: float = NEUTRAL_GAMMA_DEG,
        target: str = "",
    ) -> Shot:
        """A shot through a helmet of one collimator size, some of its channels plugged.

        Examples
        --------
        >>> Shot.through(14, (100.0, 100.0, 100.0), 2.5, plugged=(12, 13)).collimator_mm
        14
        """
        states, without = (collimator_mm,), tuple(plugged)
        return cls(isocenter_mm, states, time_min, gamma_angle_deg, target, without)

    @property
    def has_helmet(self) -> bool:
        """Whether it is a shot through a helmet, of one size for all sources."""
        return len(self.sectors) == 1

    @property
    def collimator_mm(self) -> int:
        """The collimator size of a shot through a helmet."""
        (size,) = self.sectors
        return size


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
    for number, shot in enumerate(shots, start=1):
        if wrong := _wrong_collimators(shot, unit) or _wrong_plugs(shot, unit):
            raise PlanError(f"shot {number}: {wrong}")
        if not unit.reaches(shot.isocenter_mm)[0]:
            place = ", ".join(f"{c:.1f}" for c in shot.isocenter_mm)
            raise PlanError(
                f"shot {number}: isocentre ({place}) mm is outside the reach of {unit.name}: "
                f"Leksell {unit.reach_text}"
            )


def _wrong_collimators(shot: Shot, unit: RadiationUnit) -> str:
    """What is wrong with the sectors or the helmet, or nothing."""
    sizes, given = unit.collimator_sizes_mm, list(shot.sectors)
    if shot.has_helmet != unit.has_helmets:
        theirs = "one helmet for all sources" if shot.has_helmet else f"sectors {given}"
        ours = "helmets: collimator_mm" if unit.has_helmets else f"{unit.n_sectors} sectors"
        return f"{theirs}, but {unit.name} has {ours}; it is a shot of another unit, plan it anew"
    if unit.has_helmets and given[0] not in sizes:
        known = ", ".join(map(str, sizes))
        return f"collimator_mm {given[0]} on {unit.name}, expected one of {known}"
    states = (BLOCKED, *sizes)
    if len(given) != unit.n_sectors or any(s not in states for s in given):
        return (
            f"sectors {given} on {unit.name}, expected {unit.n_sectors} numbers out of "
            f"{', '.join(map(str, states))} (0 is blocked)"
        )
    return ""


def _wrong_plugs(shot: Shot, unit: RadiationUnit) -> str:
    """What is wrong with the plugged sources, or nothing."""
    if not shot.plugged:
        return ""
    count = unit.n_sources
    if not unit.has_helmets:
        return f"plugged sources, but {unit.name} has no helmets to plug; block sectors instead"
    if out := [n for n in shot.plugged if not 1 <= n <= count]:
        return f"plugged source {out[0]} is not there; {unit.name} has 1 to {count}"
    if len(shot.plugged) == count:
        return f"all {count} sources of {unit.name} are plugged; leave at least one open"
    return ""
