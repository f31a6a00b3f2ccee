"""What the fit may change: a few numbers of the whole unit, and deviations of each collimator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gkplan.commission.expected import Expected
from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.unit import RadiationUnit

N_RINGS = 5
LOWEST_MU, HIGHEST_MU = 0.0055, 0.0066
_RAMP = np.linspace(-0.5, 0.5, N_RINGS)
_BOW = 4 * (_RAMP + 0.5) * (0.5 - _RAMP) - 0.5

# Each parameter is a departure from the unit to start from, in units of the spread that is
# thought possible. Sources slide along a cone when a sector changes collimator: one travel moves
# the elevations of all collimators, and turns sources that are in line with one channel out of
# line with the next; what a beam's aim owes to that goes with the travel.
_SHARED = {
    "elevation": 5.0,  # deg
    "elevation, slope over the rings": 8.0,
    "elevation, bow over the rings": 3.0,
    **{f"elevation of ring {n + 1}": 2.0 for n in range(N_RINGS)},
    "travel between collimators": 0.6,  # relative
    "virtual distance": 10.0,  # mm
    "virtual distance, slope": 10.0,
    "attenuation": 0.0002,  # /mm
    "width, slope": 0.05,  # relative
    "width, bow": 0.03,
    "edge, slope": 0.5,  # log
    "edge, bow": 0.3,
    "aim, slope": 0.2,  # mm
    "aim, bow": 0.2,
    "aim, slope with travel": 0.1,  # mm / deg
    "aim, bow with travel": 0.1,
    "blur": 0.3,  # log
    "blur with size": 0.15,  # log, each doubling
    "edge lets through": 0.6,  # log
}
# Those that a collimator has for itself are as likely to differ as makes the nine profiles of
# GammaPlan likeliest (to a factor of two): less than one would allow.
_OWN = {
    "elevation": 0.1,
    "elevation, slope over the rings": 0.5,
    **{f"elevation of ring {n + 1}": 0.3 for n in range(N_RINGS)},
    "width, slope": 0.006,
    "width, bow": 0.005,
    "edge, slope": 0.06,
    "edge, bow": 0.05,
    "aim": 0.05,
    "aim, slope": 0.02,
    "aim, bow": 0.02,
    "ring weights, slope": 0.015,  # log
    "ring weights, bow": 0.01,
    "half-width": 0.04,  # relative
    "blur": 0.04,  # log
}


@dataclass(frozen=True, slots=True, eq=False)
class Rings:
    """What there is to know of the beams of one collimator; one entry a ring.

    `expected` is what the profile is held against, of a ring of width and edge 1.
    """

    elevation_deg: Array
    virtual_distance_mm: Array
    width: Array
    edge: Array
    aim_mm: Array
    output_factor: Array
    attenuation_per_mm: float
    expected: Expected

    def flat(self) -> Array:
        """All numbers in the order of `NAMES_OF_RINGS`."""
        rows = (self.elevation_deg, self.virtual_distance_mm, self.width, self.edge)
        weight = self.output_factor / self.output_factor.mean()
        return np.concatenate([*rows, self.aim_mm, weight, [self.attenuation_per_mm]])

    @classmethod
    def of(cls, unit: RadiationUnit, size_mm: int) -> Rings:
        """Those of a unit; edges relative to their mean over the rings."""
        collimator = unit.collimator(size_mm)
        n = int(unit.source_ring.max()) + 1
        if n != N_RINGS:
            raise CaseError(f"{unit.name} has {n} rings; commissioning needs {N_RINGS}")
        first = [int(np.flatnonzero(unit.source_ring == r)[0]) for r in range(n)]
        profiles = [collimator.profiles[collimator.profile_index[k]] for k in first]
        edge = np.array([p.edge_mm[0] for p in profiles])
        return cls(
            elevation_deg=np.rad2deg(np.arcsin(-collimator.directions[first, 2])),
            virtual_distance_mm=collimator.virtual_distance_mm[first],
            width=np.array([p.width for p in profiles]),
            edge=edge / np.exp(np.log(edge).mean()),
            aim_mm=collimator.aim_mm[first],
            output_factor=collimator.relative_output[first],
            attenuation_per_mm=float(collimator.attenuation_per_mm.mean()),
            expected=Expected.of(size_mm),
        )


NAMES_OF_RINGS = (
    *(
        f"{what} of ring {n + 1}"
        for what in ("elevation", "virtual distance", "width", "edge", "aim", "weight")
        for n in range(N_RINGS)
    ),
    "attenuation",
)


@dataclass(frozen=True, slots=True, eq=False)
class Parameters:
    """The parameters of a fit: for each its name, and the collimator it belongs to (0: all).

    Parameters
    ----------
    start : the rings of each collimator that the fit starts from
    travel_deg : how far each collimator's elevations lie from the mean of all of the unit's
    """

    start: dict[int, Rings]
    travel_deg: dict[int, float]
    names: tuple[str, ...]
    owner: tuple[int, ...]

    @classmethod
    def of(cls, unit: RadiationUnit, sizes_mm: Sequence[int]) -> Parameters:
        every = {size: Rings.of(unit, size) for size in unit.collimator_sizes_mm}
        mean = np.mean([rings.elevation_deg for rings in every.values()])
        return cls(
            start={size: every[size] for size in sizes_mm},
            travel_deg={s: float(every[s].elevation_deg.mean() - mean) for s in sizes_mm},
            names=(*_SHARED, *(name for _ in sizes_mm for name in _OWN)),
            owner=(*([0] * len(_SHARED)), *(size for size in sizes_mm for _ in _OWN)),
        )

    def bounds(self) -> tuple[Array, Array]:
        """Lowest and highest; the attenuation stays within what is plausible for the unit."""
        low, high = np.full(len(self.names), -6.0), np.full(len(self.names), 6.0)
        k, start = self.names.index("attenuation"), [*self.start.values()]
        mu, spread = [r.attenuation_per_mm for r in start], _SHARED["attenuation"]
        low[k] = max((LOWEST_MU - min(mu)) / spread, -6.0)
        high[k] = min((HIGHEST_MU - max(mu)) / spread, 6.0)
        return np.minimum(low, -1e-3), np.maximum(high, 1e-3)

    def rings(self, p: Array, size_mm: int) -> Rings:
        """The rings of one collimator, from all parameters (in units of their spreads)."""
        first = len(_SHARED) + list(self.start).index(size_mm) * len(_OWN)
        shared = dict(zip(_SHARED, p, strict=False))
        own = dict(zip(_OWN, p[first:], strict=False))

        def both(name: str) -> float:
            return float(
                shared.get(name, 0.0) * _SHARED.get(name, 0.0)
                + own.get(name, 0.0) * _OWN.get(name, 0.0)
            )

        start = self.start[size_mm]
        travel = self.travel_deg[size_mm] * (1.0 + both("travel between collimators"))
        each = np.array([both(f"elevation of ring {n + 1}") for n in range(N_RINGS)])
        slope, bow = "slope over the rings", "bow over the rings"
        return Rings(
            elevation_deg=start.elevation_deg
            + (both("elevation") + travel - self.travel_deg[size_mm])
            + both(f"elevation, {slope}") * _RAMP
            + both(f"elevation, {bow}") * _BOW
            + each,
            virtual_distance_mm=start.virtual_distance_mm
            + both("virtual distance")
            + both("virtual distance, slope") * _RAMP,
            width=start.width * (1.0 + both("width, slope") * _RAMP + both("width, bow") * _BOW),
            edge=start.edge * np.exp(both("edge, slope") * _RAMP + both("edge, bow") * _BOW),
            aim_mm=start.aim_mm
            + both("aim")
            + (both("aim, slope") + both("aim, slope with travel") * travel) * _RAMP
            + (both("aim, bow") + both("aim, bow with travel") * travel) * _BOW,
            output_factor=start.output_factor
            * np.exp(both("ring weights, slope") * _RAMP + both("ring weights, bow") * _BOW),
            attenuation_per_mm=start.attenuation_per_mm + both("attenuation"),
            expected=Expected(
                start.expected.half_width_mm * (1.0 + both("half-width")),
                start.expected.blur_mm
                * np.exp(both("blur") + both("blur with size") * np.log2(size_mm / 8)),
                start.expected.edge * np.exp(both("edge lets through")),
            ),
        )
