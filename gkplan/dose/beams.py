"""The beams of a shot in Leksell coordinates: what every engine starts from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array, leksell_from_unit
from gkplan.head import Head, surface_distances
from gkplan.shot import BLOCKED, Shot
from gkplan.unit import Collimator, RadiationUnit


@dataclass(frozen=True, slots=True, eq=False)
class Beams:
    """n beams that meet at one isocentre; arrays have one entry a beam.

    Parameters
    ----------
    isocenter_mm : (3,) Leksell
    directions : (n, 3) unit vectors from the isocentre toward the source, Leksell axes
    surface_mm : (n,) distance from the isocentre to the surface along the beam (depth there)
    virtual_distance_mm, attenuation_per_mm : (n,) as in `Collimator`
    axis_shift_mm : (n, 3) how far the beam's axis passes from the isocentre, Leksell axes
    rate : (n,) Gy/min at the centre of the calibration sphere
    profile : (n,) number of the beam's off-axis profile, counted over all collimators
    """

    isocenter_mm: Array
    directions: Array
    axis_shift_mm: Array
    surface_mm: Array
    virtual_distance_mm: Array
    attenuation_per_mm: Array
    rate: Array
    profile: NDArray[np.int64]

    def subset(self, chosen: NDArray[np.bool_]) -> Beams:
        return Beams(
            self.isocenter_mm,
            self.directions[chosen],
            self.axis_shift_mm[chosen],
            self.surface_mm[chosen],
            self.virtual_distance_mm[chosen],
            self.attenuation_per_mm[chosen],
            self.rate[chosen],
            self.profile[chosen],
        )


def collimator_beams(
    unit: RadiationUnit,
    head: Head,
    collimator: Collimator,
    isocenter_mm: Array,
    gamma_angle_deg: float,
    rate_gy_per_min: float,
) -> Beams:
    """All beams of the unit through one collimator, all sectors, sorted by sector."""
    turn = leksell_from_unit(isocenter_mm, gamma_angle_deg)
    turned = turn.rotate(collimator.directions)
    first = 0
    for other in unit.collimators:
        if other is collimator:
            break
        first += len(other.profiles)
    return Beams(
        isocenter_mm=np.asarray(isocenter_mm, dtype=np.float64),
        directions=turned,
        axis_shift_mm=turn.rotate(collimator.axis_shift_mm),
        surface_mm=surface_distances(head.surface, np.asarray(isocenter_mm, dtype=float), turned),
        virtual_distance_mm=collimator.virtual_distance_mm,
        attenuation_per_mm=collimator.attenuation_per_mm,
        rate=rate_gy_per_min * collimator.relative_output,
        profile=first + collimator.profile_index,
    )


def shot_beams(unit: RadiationUnit, head: Head, shot: Shot, rate_gy_per_min: float) -> list[Beams]:
    """The open beams of a shot, one `Beams` for each collimator that it uses."""
    state = np.asarray(shot.sectors)[unit.source_sector]
    beams = []
    for size in sorted(set(shot.sectors) - {BLOCKED}):
        collimator = unit.collimator(size)
        place = np.array(shot.isocenter_mm)
        every = collimator_beams(
            unit, head, collimator, place, shot.gamma_angle_deg, rate_gy_per_min
        )
        beams.append(every.subset(state == size))
    return beams
