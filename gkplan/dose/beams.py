"""The beams of shots in Leksell coordinates: what every engine starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array, leksell_from_unit
from gkplan.head import Head, surface_distances
from gkplan.shot import Shot
from gkplan.unit import RadiationUnit


@dataclass(frozen=True, slots=True, eq=False)
class Beams:
    """n beams, of one shot or of many; arrays have one entry a beam.

    Parameters
    ----------
    focus_mm : (n, 3) Leksell, where the beam's axis passes nearest to the isocentre
    directions : (n, 3) unit vectors toward the source, Leksell axes
    surface_mm : (n,) distance from the focus to the surface along the beam (depth there)
    virtual_distance_mm, attenuation_per_mm : (n,) as in `Collimator`
    output : (n,) at the centre of the calibration sphere: Gy/min, or Gy where it includes time
    profile : (n,) number of the beam's off-axis profile, counted over all collimators
    """

    focus_mm: Array
    directions: Array
    surface_mm: Array
    virtual_distance_mm: Array
    attenuation_per_mm: Array
    output: Array
    profile: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.output)

    @classmethod
    def joined(cls, parts: Sequence[Beams]) -> Beams:
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True, slots=True, eq=False)
class _Machine:
    """All beams of the unit through all collimators: arrays (collimators, sources, ...)."""

    directions: Array
    axis_shift_mm: Array
    virtual_distance_mm: Array
    attenuation_per_mm: Array
    relative_output: Array
    profile: NDArray[np.int32]

    @classmethod
    def of(cls, unit: RadiationUnit) -> _Machine:
        every = unit.collimators
        first = np.cumsum([0, *(len(c.profiles) for c in every)])
        return cls(
            np.stack([c.directions for c in every]),
            np.stack([c.axis_shift_mm for c in every]),
            np.stack([c.virtual_distance_mm for c in every]),
            np.stack([c.attenuation_per_mm for c in every]),
            np.stack([c.relative_output for c in every]),
            np.stack([n + c.profile_index for n, c in zip(first[:-1], every, strict=True)]).astype(
                np.int32
            ),
        )


def unit_directions(unit: RadiationUnit, gamma_angle_deg: float) -> Array:
    """Directions (n, 3), Leksell axes, of all beams through all collimators."""
    turn = leksell_from_unit((0.0, 0.0, 0.0), gamma_angle_deg)
    return turn.rotate(_Machine.of(unit).directions.reshape(-1, 3))


def shot_beams(
    unit: RadiationUnit,
    head: Head,
    shots: Sequence[Shot],
    rate_gy_per_min: float,
    transit: bool = False,
) -> Beams:
    """The open beams of all shots, one shot after the other; `output` in Gy.

    With `transit` each beam is on for `Collimator.transit_min` longer than the shot's time.
    """
    machine = _Machine.of(unit)
    extra = np.array([c.transit_min if transit else 0.0 for c in unit.collimators])
    sizes = np.array(unit.collimator_sizes_mm)
    parts = []
    for shot in shots:
        state = np.asarray(shot.sectors)[unit.source_sector]
        is_open = sizes[:, None] == state
        is_open[:, np.asarray(shot.plugged, dtype=np.int64) - 1] = False
        minutes = (shot.time_min + extra)[:, None]
        turn = leksell_from_unit(shot.isocenter_mm, shot.gamma_angle_deg)
        parts.append(
            (
                np.array(shot.isocenter_mm) + turn.rotate(machine.axis_shift_mm[is_open]),
                turn.rotate(machine.directions[is_open]),
                machine.virtual_distance_mm[is_open],
                machine.attenuation_per_mm[is_open],
                rate_gy_per_min * (minutes * machine.relative_output)[is_open],
                machine.profile[is_open],
            )
        )
    place, direction, *rest = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Beams(place, direction, surface_distances(head.surface, place, direction), *rest)


def sector_beams(
    unit: RadiationUnit,
    head: Head,
    isocenters_mm: Array,
    gamma_angle_deg: float,
    rate_gy_per_min: float,
    plugged: Sequence[int] = (),
) -> tuple[Beams, NDArray[np.int64]]:
    """All beams of (isocentre, sector, collimator), in this order, and where each group begins.

    `output` is in Gy/min, 0 for `plugged` sources (from 1); the second array is that of any one
    isocentre, and has one entry more than there are groups.
    """
    machine = _Machine.of(unit)
    n_sizes, n = len(unit.collimators), len(isocenters_mm)
    # Sources are sorted by sector: (collimator, source) becomes (sector, collimator, source).
    order = np.argsort(np.tile(unit.source_sector, n_sizes), kind="stable")
    per_group = np.repeat(np.bincount(unit.source_sector), n_sizes)
    turn = leksell_from_unit((0.0, 0.0, 0.0), gamma_angle_deg)
    direction = turn.rotate(machine.directions.reshape(-1, 3)[order])
    shift = turn.rotate(machine.axis_shift_mm.reshape(-1, 3)[order])
    output = rate_gy_per_min * machine.relative_output
    output[:, np.asarray(plugged, dtype=np.int64) - 1] = 0.0
    place = (isocenters_mm[:, None] + shift).reshape(-1, 3)
    direction = np.tile(direction, (n, 1))
    beams = Beams(
        place,
        direction,
        surface_distances(head.surface, place, direction),
        np.tile(machine.virtual_distance_mm.reshape(-1)[order], n),
        np.tile(machine.attenuation_per_mm.reshape(-1)[order], n),
        np.tile(output.reshape(-1)[order], n),
        np.tile(machine.profile.reshape(-1)[order], n),
    )
    return beams, np.cumsum([0, *per_group])
