"""Profiles and attenuation as the kernels look them up."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gkplan.dose.engine import Array32
from gkplan.dose.tails import CARRIED_MM, DEGREE
from gkplan.frames import Array
from gkplan.unit import RadiationUnit
from gkplan.unit.model import OffAxisProfile

# Water depths that the polynomial for the attenuation covers; beyond lies no head.
_DEEPEST_MM = 300.0
# How much of the axis's dose a tail may be off a polynomial on any line of the length of a cubic
# cell of an influence: on a grid, where a spline through samples 4 mm apart errs as much on a line
# and less when many beams add up; and in cells, where many beams and three axes make four times
# that.
_LINE_MM = CARRIED_MM / 3**0.5
_GRID_ERROR, _CELL_ERROR = 4e-4, 1.3e-4
# All sources of a helmet are alike: their errors add up where those of single sectors are small
# beside the whole, and average out. Cells are smaller there.
_HELMET_GRID_ERROR, _HELMET_CELL_ERROR = 4e-5, 8e-5
_CORE_STEP_MM, _LARGEST_CORE_MM = 0.5, 40.0
# So far out tails are looked at; with a core of this radius nothing is left of them.
_FARTHEST_MM, _ALL_MM = 80.0, 300.0


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """All off-axis profiles of a unit, each split into a core and a tail.

    Parameters
    ----------
    core, tail : packed int32, one profile after the other; they add up to the whole
    core_mm : (profiles,) float32, off-axis distance beyond which there is no core
    """

    core: NDArray[np.int32]
    tail: NDArray[np.int32]
    core_mm: Array32

    @classmethod
    def of(cls, splits: Sequence[Split]) -> Halves:
        radius = np.array([split.radius_mm for split in splits], dtype=np.float32)
        return cls(_packed([s.core for s in splits]), _packed([s.tail for s in splits]), radius)


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """What the kernels look up of a unit.

    Parameters
    ----------
    whole : the off-axis profiles, packed int32, one after the other
    grid : them split for tails on a lattice, with a spline between
    cells : them split for tails as polynomials in the cells of an influence
    decay : coefficients of the polynomial for exp(-s)
    """

    whole: NDArray[np.int32]
    grid: Halves
    cells: Halves
    decay: Array32

    @classmethod
    def of(cls, unit: RadiationUnit) -> Tables:
        profiles = [p for c in unit.collimators for p in c.profiles]
        errors = _GRID_ERROR, _CELL_ERROR
        if unit.has_helmets:
            errors = _HELMET_GRID_ERROR, _HELMET_CELL_ERROR
        on_grid, in_cells = (Halves.of([Split.of(p, most) for p in profiles]) for most in errors)
        return cls(_packed(profiles), on_grid, in_cells, attenuation_polynomial(unit))


@dataclass(frozen=True, slots=True)
class Split:
    """A profile as a tail that is smooth everywhere, and a core that ends at `radius_mm`.

    Beyond the radius the tail is the profile; within, its Taylor polynomial in the squared
    distance (second order), which has no edge.
    """

    profile: OffAxisProfile
    radius_mm: float
    taylor: tuple[float, float, float]

    @classmethod
    @lru_cache(maxsize=128)
    def of(cls, profile: OffAxisProfile, most: float) -> Split:
        """A core whose tail is within `most` of a polynomial on every line.

        The smallest one if tails become smoother the farther out they begin; if none will do, the
        whole profile.
        """

        def at(step: int) -> Split:
            return cls.at(profile, step * _CORE_STEP_MM)

        steps = range(1, round(_LARGEST_CORE_MM / _CORE_STEP_MM) + 1)
        found = bisect_left(steps, True, key=lambda step: at(step).line_error() <= most)
        return at(steps[found]) if found < len(steps) else cls.at(profile, _ALL_MM)

    @classmethod
    def at(cls, profile: OffAxisProfile, radius_mm: float) -> Split:
        x, step = radius_mm**2, 0.02 * radius_mm**2
        below, here, above = profile(np.sqrt([x - step, x, x + step])).tolist()
        slope = (above - below) / (2 * step)
        return cls(profile, radius_mm, (here, slope, (above - 2 * here + below) / (2 * step**2)))

    def line_error(self) -> float:
        """How much of the axis's dose the tail is off a polynomial on a line across it, at most.

        The polynomial goes through Chebyshev's nodes; looked at are lines every 2 mm.
        """
        nodes, places, matrix = _interpolation()
        middle = np.arange(0.0, _FARTHEST_MM, 2.0)[:, None]
        here, there = (self.tail(np.abs(middle + at)) for at in (nodes, places))
        return float(np.abs(here @ matrix - there).max())

    def tail(self, off_axis_mm: Array) -> Array:
        value, slope, bend = self.taylor
        x = off_axis_mm**2 - self.radius_mm**2
        return np.where(x < 0.0, value + x * (slope + x * bend), self.profile(off_axis_mm))

    def core(self, off_axis_mm: Array) -> Array:
        return self.profile(off_axis_mm) - self.tail(off_axis_mm)


@lru_cache(maxsize=1)
def _interpolation() -> tuple[Array, Array, Array]:
    """Nodes on a line, places on it, and what makes values at the places of those at the nodes."""
    node = np.polynomial.chebyshev.chebpts1(DEGREE + 1)
    place = np.linspace(-1.0, 1.0, 9)
    at_node, at_place = (np.polynomial.chebyshev.chebvander(u, DEGREE) for u in (node, place))
    matrix = np.asarray((at_place @ np.linalg.inv(at_node)).T)
    return node * _LINE_MM / 2, place * _LINE_MM / 2, matrix


def _packed(profiles: Sequence[Callable[[Array], Array]]) -> NDArray[np.int32]:
    """Profiles, one after the other, packed as the kernels want them."""
    return np.concatenate([_table(profile) for profile in profiles])


# Engines are made for the same few units again and again, and sources of a ring are alike.
@lru_cache(maxsize=512)
def _table(profile: Callable[[Array], Array]) -> NDArray[np.int32]:
    """One profile.

    A cell's straight line goes through its two ends, moved by half of what the profile differs
    from it in the middle of the cell, so that the error is shared.
    """
    from gkplan.kernels.lookup import CELLS, OCTAVES, PACKED, SHIFT

    step = np.arange(OCTAVES * CELLS + 1)
    ends = SHIFT * 2.0 ** (step // CELLS) * (1.0 + (step % CELLS) / CELLS)
    middles = (ends[1:] + ends[:-1]) / 2
    at_end = profile(np.sqrt(ends - SHIFT))
    at_middle = profile(np.sqrt(middles - SHIFT))
    sag = (at_middle - (at_end[1:] + at_end[:-1]) / 2) / 2
    # See `lookup`. Before the first cell nothing changes.
    fall = np.rint(-np.diff(at_end, prepend=at_end[0]) * PACKED).astype(np.int64)
    beyond = np.concatenate([at_end[:1], at_end[1:] + sag]) * PACKED - fall
    low = fall & 0xFFFF
    high = np.rint(beyond - low / 65536).astype(np.int64)
    if max(np.abs(fall).max(), np.abs(high).max()) > 0x7FFF:
        raise ValueError("a profile is not what tables can hold: more than 1, or rising steeply")
    return ((high << 16) | low).astype(np.uint32).view(np.int32)


def attenuation_polynomial(unit: RadiationUnit) -> Array32:
    """Coefficients of exp(-s) for s = attenuation x depth, degree 6."""
    strongest = max(float(c.attenuation_per_mm.max()) for c in unit.collimators)
    fit = np.polynomial.Chebyshev.interpolate(
        lambda s: np.exp(-s), 6, domain=[0.0, strongest * _DEEPEST_MM]
    )
    coefficients = fit.convert(kind=np.polynomial.Polynomial).coef
    return np.asarray(coefficients, dtype=np.float32)
