"""`tmr`: the dose of all beams in a head of water, as in clinical planning, fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gkplan.dose.beams import Beams, collimator_beams, shot_beams
from gkplan.frames import NEUTRAL_GAMMA_DEG, Array
from gkplan.head import Head
from gkplan.shot import Shot
from gkplan.unit import RadiationUnit

Array32 = NDArray[np.float32]

# Table over sqrt(distance): 14.2**2 = 200 mm, beyond which the last entry is used.
_TABLE_SIZE, _TABLE_END = 1536, 14.2
# Water depths that the polynomial for the attenuation covers; beyond lies no head.
_DEEPEST_MM = 300.0


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
    _tables: Array32 = field(init=False, repr=False)
    _decay: Array32 = field(init=False, repr=False)

    def __post_init__(self) -> None:
        root = np.linspace(0.0, _TABLE_END, _TABLE_SIZE)
        profiles = [p for c in self.unit.collimators for p in c.profiles]
        tables = np.array([p(root**2) for p in profiles], dtype=np.float32)
        strongest = max(float(c.attenuation_per_mm.max()) for c in self.unit.collimators)
        fit = np.polynomial.Chebyshev.interpolate(
            lambda s: np.exp(-s), 6, domain=[0.0, strongest * _DEEPEST_MM]
        )
        decay = fit.convert(kind=np.polynomial.Polynomial).coef
        object.__setattr__(self, "_tables", tables)
        object.__setattr__(self, "_decay", decay.astype(np.float32))

    def dose(self, points_mm: Array, shots: Sequence[Shot]) -> Array:
        """Dose (n,) in Gy at Leksell points (n, 3); 0 outside the head."""
        from gkplan.kernels.superposition import dose_at_points

        points = np.ascontiguousarray(points_mm, dtype=np.float64)
        inside = np.flatnonzero(self.head.contains(points))
        # One group a shot: long runs of beams are what the kernel's vector loop needs.
        groups = [shot_beams(self.unit, self.head, s, self.rate_gy_per_min) for s in shots]
        packed = self._pack(groups)
        weights = np.array([shot.time_min for shot in shots])
        partial = np.zeros(len(inside))
        isocenters, starts, table = packed
        dose_at_points(
            points[inside], isocenters, starts, table, weights, *self._constants(), partial
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
        """Dose rate of every single sector, (n_points, n_isocenters, n_sectors, n_collimators).

        Gy/min, float32, at Leksell points (n, 3) that are taken to lie inside the head.
        """
        from gkplan.kernels.superposition import influence_at_points

        sectors = range(self.unit.n_sectors)
        groups = []
        for isocenter in np.asarray(isocenters_mm, dtype=np.float64):
            every = [
                collimator_beams(
                    self.unit, self.head, c, isocenter, gamma_angle_deg, self.rate_gy_per_min
                )
                for c in self.unit.collimators
            ]
            groups += [[b.subset(self.unit.source_sector == s)] for s in sectors for b in every]
        points = np.ascontiguousarray(points_mm, dtype=np.float64)
        rates = np.empty((len(points), len(groups)), dtype=np.float32)
        influence_at_points(points, *self._pack(groups), *self._constants(), rates)
        n_collimators = len(self.unit.collimators)
        return rates.reshape(len(points), -1, self.unit.n_sectors, n_collimators)

    def _constants(self) -> tuple[Array32, np.float32, Array32]:
        return self._tables, np.float32((_TABLE_SIZE - 1) / _TABLE_END), self._decay

    def _pack(self, groups: list[list[Beams]]) -> tuple[Array, NDArray[np.int64], Array32]:
        """Isocentres (n, 3), first beam of each group (n + 1), and the table of all beams."""
        starts = np.cumsum([0, *(sum(len(b.rate) for b in group) for group in groups)])
        isocenters = np.array([group[0].isocenter_mm for group in groups])
        every = [beams for group in groups for beams in group]
        surface = np.concatenate([b.surface_mm for b in every])
        hits = np.isfinite(surface)
        attenuation = np.concatenate([b.attenuation_per_mm for b in every])
        rate = np.concatenate([b.rate for b in every])
        rate = rate * np.exp(attenuation * self.unit.calibration.depth_mm)
        columns = [
            *np.concatenate([b.directions for b in every]).T,
            np.where(hits, surface, 0.0),
            1.0 / np.concatenate([b.virtual_distance_mm for b in every]),
            attenuation,
            np.where(hits, rate, 0.0),
            np.concatenate([b.profile for b in every]),
        ]
        return isocenters, starts, np.array(columns, dtype=np.float32)
