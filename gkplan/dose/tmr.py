"""`tmr`: the dose of all beams in a head of water, as in clinical planning, fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gkplan.dose.blocks import BeamBlocks, attenuation_polynomial, profile_table
from gkplan.frames import NEUTRAL_GAMMA_DEG, Array
from gkplan.head import Head
from gkplan.shot import Shot
from gkplan.unit import RadiationUnit

Array32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class TmrEngine:
    """Superposition of all beams: inverse square, attenuation to the real surface, profile.

    Parameters
    ----------
    unit, head : the machine and the head it irradiates
    rate_gy_per_min : calibration dose rate on the day of treatment

    Notes
    -----
    The formula is that of `gkplan.dose.reference.beam_rate`, with which the kernel agrees
    within 1e-4 of the maximum. Inside the surface all is water; outside the dose is 0. There is
    no build-up: within 5 mm of the surface the dose is too high.
    """

    unit: RadiationUnit
    head: Head
    rate_gy_per_min: float
    name: str = "tmr"
    _table: NDArray[np.int32] = field(init=False, repr=False)
    _decay: Array32 = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_table", profile_table(self.unit))
        object.__setattr__(self, "_decay", attenuation_polynomial(self.unit))

    def dose(self, points_mm: Array, shots: Sequence[Shot]) -> Array:
        """Dose (n,) in Gy at Leksell points (n, 3); 0 outside the head."""
        from gkplan.kernels.superposition import SCALE, dose_at_points

        points = np.ascontiguousarray(points_mm, dtype=np.float64)
        inside = np.flatnonzero(self.head.contains(points))
        partial = np.zeros(len(inside))
        for gamma in sorted({shot.gamma_angle_deg for shot in shots}):
            same = [shot for shot in shots if shot.gamma_angle_deg == gamma]
            isocenters = np.array([shot.isocenter_mm for shot in same], dtype=np.float64)
            blocks = BeamBlocks.of(self.unit, self.rate_gy_per_min, gamma)
            placed = blocks.placed(self.head, isocenters)
            sizes = np.array(self.unit.collimator_sizes_mm)
            # Which (sector, collimator) of each shot is open, (shots, sectors, collimators).
            is_open = np.array([shot.sectors for shot in same])[:, :, None] == sizes
            rows = np.broadcast_to(blocks.rows, (len(same), *blocks.rows.shape))
            blocks_of_shot = is_open.sum(axis=(1, 2)) * blocks.rows.shape[2]
            dose_at_points(
                points[inside],
                isocenters,
                np.cumsum([0, *blocks_of_shot]),
                placed[is_open].reshape(-1, *placed.shape[-2:]),
                rows[is_open].reshape(-1, rows.shape[-1]),
                np.array([shot.time_min for shot in same]) / SCALE,
                self._table,
                self._decay,
                partial,
            )
        dose = np.zeros(len(points))
        dose[inside] = partial
        return dose

    def influence(
        self,
        points_mm: Array,
        isocenters_mm: Array,
        gamma_angle_deg: float = NEUTRAL_GAMMA_DEG,
    ) -> Array32:
        """Dose rate of every single sector, (n_isocenters, n_sectors, n_collimators, n_points).

        Gy/min, float32, at Leksell points (n, 3) that are taken to lie inside the head.
        """
        from gkplan.kernels.superposition import SCALE, influence_at_points

        points = np.ascontiguousarray(points_mm, dtype=np.float64)
        isocenters = np.asarray(isocenters_mm, dtype=np.float64).reshape(-1, 3)
        blocks = BeamBlocks.of(self.unit, self.rate_gy_per_min, gamma_angle_deg)
        n_sectors, n_sizes, per_group, width = blocks.rows.shape
        groups = len(isocenters) * n_sectors * n_sizes
        rates = np.empty((groups, len(points)), dtype=np.float32)
        influence_at_points(
            points,
            np.repeat(isocenters, n_sectors * n_sizes, axis=0),
            np.arange(groups + 1) * per_group,
            blocks.placed(self.head, isocenters).reshape(groups * per_group, -1, width),
            np.tile(blocks.rows.reshape(-1, width), (len(isocenters), 1)),
            np.float32(1.0 / SCALE),
            self._table,
            self._decay,
            rates,
        )
        return rates.reshape(len(isocenters), n_sectors, n_sizes, len(points))
