"""What a radiation unit is: frozen values, in the unit frame."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gkplan.frames import Array


def blurred_step(off_axis_mm: ArrayLike, half_width_mm: ArrayLike, edge_mm: ArrayLike) -> Array:
    """``(erf((h - r) / (sqrt(2) s)) + erf((h + r) / (sqrt(2) s))) / 2``: 1 inside h, 0 outside.

    A slit of half-width h seen by a source that blurs it by s; smooth in r, and falling.
    """
    from scipy.special import erf

    r, h = np.asarray(off_axis_mm, dtype=np.float64), np.asarray(half_width_mm)
    spread = np.sqrt(2.0) * np.asarray(edge_mm)
    return np.asarray((erf((h - r) / spread) + erf((h + r) / spread)) / 2)


@dataclass(frozen=True, slots=True)
class OffAxisProfile:
    """Dose beside the axis of one beam, relative to the axis, at the focus distance.

    Parameters
    ----------
    half_width_mm, edge_mm, weight : of each blurred step that the profile is the sum of
    width : stretches all of them (a ring's beam may be a little wider than another's)

    Notes
    -----
    ``f(r) = sum_k w_k step(r / width; h_k, s_k)``, divided by f(0): sharp steps make the edge,
    soft ones the dome within and the scatter beyond. Smooth, falling and not negative by
    construction.
    """

    half_width_mm: tuple[float, ...]
    edge_mm: tuple[float, ...]
    weight: tuple[float, ...]
    width: float = 1.0

    def __call__(self, off_axis_mm: ArrayLike) -> Array:
        """Relative dose at the off-axis distances (any shape), 1 on the axis."""
        r = np.asarray(off_axis_mm, dtype=np.float64)[..., None] / self.width
        weight = np.array(self.weight)
        here = blurred_step(r, self.half_width_mm, self.edge_mm) @ weight
        return np.asarray(here / (blurred_step(0.0, self.half_width_mm, self.edge_mm) @ weight))


@dataclass(frozen=True, slots=True, eq=False)
class Collimator:
    """All beams of the unit through one collimator size; arrays have one entry a source.

    Parameters
    ----------
    size_mm : nominal size (4, 8, 16)
    directions : (n, 3) unit vectors from the focus to the source, unit frame
    aim_mm : (n,) where the beam's axis crosses that of the unit, mm superior of the focus: beams
        that aim a little beside it make edges of unequal steepness
    virtual_distance_mm : (n,) distance from the focus to the virtual source
    attenuation_per_mm : (n,) effective attenuation in water
    relative_output : (n,) dose rate of the beam at the centre of the calibration sphere as a
        fraction of the calibration dose rate; they add up to `output_factor`
    profile_index : (n,) which of `profiles` the beam has
    minimum_time_min : the shortest deliverable shot
    transit_min : minutes of its own dose rate that a shot gives on top of its time, while the
        sectors and the couch move
    """

    size_mm: int
    output_factor: float
    directions: Array
    aim_mm: Array
    virtual_distance_mm: Array
    attenuation_per_mm: Array
    relative_output: Array
    profile_index: NDArray[np.int64]
    profiles: tuple[OffAxisProfile, ...]
    minimum_time_min: float
    transit_min: float = 0.0

    @property
    def axis_shift_mm(self) -> Array:
        """How far each beam's axis passes from the focus, (n, 3), normal to it, unit frame."""
        superior = np.array([0.0, 0.0, -1.0])
        along = self.directions @ superior
        return np.asarray(self.aim_mm[:, None] * (superior - along[:, None] * self.directions))


@dataclass(frozen=True, slots=True)
class Calibration:
    """The dose rate at the centre of the calibration sphere on a date."""

    dose_rate_gy_per_min: float
    date: datetime.date
    half_life_days: float
    depth_mm: float
    collimator_mm: int

    def dose_rate_on(self, day: datetime.date) -> float:
        """Dose rate (Gy/min) on `day`: ``rate * 2 ** (-days / half_life)``."""
        days = (day - self.date).days
        return float(self.dose_rate_gy_per_min * 2.0 ** (-days / self.half_life_days))


@dataclass(frozen=True, slots=True, eq=False)
class RadiationUnit:
    """A Gamma Knife: its sources in sectors, its collimators, calibration and reach.

    Parameters
    ----------
    source_sector : (n,) sector of each source, 0-based; sources are sorted by sector
    reach_mm : (2, 3) Leksell coordinates an isocentre may have (lowest, highest)
    profiles : where the off-axis profiles come from, in a few words
    is_fitted : whether they come from profiles of a machine, none of them from geometry alone
    origin : where each group of numbers in the file comes from
    """

    name: str
    aliases: tuple[str, ...]
    title: str
    version: str
    n_sectors: int
    source_sector: NDArray[np.int64]
    source_ring: NDArray[np.int64]
    collimators: tuple[Collimator, ...]
    calibration: Calibration
    reach_mm: Array
    profiles: str
    is_fitted: bool
    origin: dict[str, str]
    sha256: str

    @property
    def n_sources(self) -> int:
        return len(self.source_sector)

    @property
    def has_helmets(self) -> bool:
        """Whether all sources have one collimator size at a time; then they can be plugged."""
        return self.n_sectors == 1

    @property
    def collimator_sizes_mm(self) -> tuple[int, ...]:
        return tuple(c.size_mm for c in self.collimators)

    def collimator(self, size_mm: int) -> Collimator:
        for collimator in self.collimators:
            if collimator.size_mm == size_mm:
                return collimator
        sizes = ", ".join(str(s) for s in self.collimator_sizes_mm)
        raise ValueError(f"{self.name} has no {size_mm} mm collimator, only {sizes} mm")

    @property
    def reach_text(self) -> str:
        """The range of isocentres in words, for messages."""
        low, high = self.reach_mm
        axes = (f"{n} {a:g} to {b:g}" for n, a, b in zip("xyz", low, high, strict=True))
        return f"{', '.join(axes)} mm"

    def reaches(self, points_mm: ArrayLike) -> NDArray[np.bool_]:
        """Which of the Leksell points (n, 3) can stand in the focus."""
        points = np.atleast_2d(np.asarray(points_mm, dtype=np.float64))
        low, high = self.reach_mm
        return np.asarray(((points >= low - 1e-9) & (points <= high + 1e-9)).all(axis=1))
