"""Profiles and attenuation as the kernels look them up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.dose.engine import Array32
from gkplan.frames import Array
from gkplan.unit import RadiationUnit
from gkplan.unit.model import OffAxisProfile

# Water depths that the polynomial for the attenuation covers; beyond lies no head.
_DEEPEST_MM = 300.0
# A spline through samples of the tail so far apart errs by at most so much of the axis.
_SAMPLES_MM = 4.0
_TAIL_ERROR = 5e-4
# All sources of a helmet are alike: their errors add up where those of single sectors are small
# beside the whole, and average out.
_HELMET_TAIL_ERROR = 5e-5
_LARGEST_CORE_MM = 40.0


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """All off-axis profiles of a unit, whole and split into a core and a tail.

    Parameters
    ----------
    whole, core, tail : packed int32, one profile after the other; whole = core + tail
    core_mm : (profiles,) float32, off-axis distance beyond which there is no core
    decay : coefficients of the polynomial for exp(-s)
    """

    whole: NDArray[np.int32]
    core: NDArray[np.int32]
    tail: NDArray[np.int32]
    core_mm: Array32
    decay: Array32

    @classmethod
    def of(cls, unit: RadiationUnit) -> Tables:
        profiles = [p for c in unit.collimators for p in c.profiles]
        error = _HELMET_TAIL_ERROR if unit.has_helmets else _TAIL_ERROR
        halves = [Split.of(p, error) for p in profiles]
        return cls(
            _packed(profiles),
            _packed([half.core for half in halves]),
            _packed([half.tail for half in halves]),
            np.array([half.radius_mm for half in halves], dtype=np.float32),
            attenuation_polynomial(unit),
        )


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
    def of(cls, profile: OffAxisProfile, most: float) -> Split:
        """The smallest core whose tail a cubic spline through `_SAMPLES_MM` steps represents.

        It errs by `most` at most (a fraction of the axis): by ``h^4 / 384`` times the fourth
        derivative.
        """
        step = _SAMPLES_MM / 8
        r = np.arange(-2, round(_LARGEST_CORE_MM / step)) * step
        error = np.abs(np.diff(profile(np.abs(r)), 4)) * 8**4 / 384
        return cls.at(profile, float(step * (1 + np.flatnonzero(error > most).max())))

    @classmethod
    def at(cls, profile: OffAxisProfile, radius_mm: float) -> Split:
        x, step = radius_mm**2, 0.02 * radius_mm**2
        below, here, above = profile(np.sqrt([x - step, x, x + step])).tolist()
        slope = (above - below) / (2 * step)
        return cls(profile, radius_mm, (here, slope, (above - 2 * here + below) / (2 * step**2)))

    def tail(self, off_axis_mm: Array) -> Array:
        value, slope, bend = self.taylor
        x = off_axis_mm**2 - self.radius_mm**2
        return np.where(x < 0.0, value + x * (slope + x * bend), self.profile(off_axis_mm))

    def core(self, off_axis_mm: Array) -> Array:
        return self.profile(off_axis_mm) - self.tail(off_axis_mm)


def _packed(profiles: Sequence[Callable[[Array], Array]]) -> NDArray[np.int32]:
    """Profiles, one after the other, packed as the kernels want them.

    A cell's straight line goes through its two ends, moved by half of what the profile differs
    from it in the middle of the cell, so that the error is shared.
    """
    from gkplan.kernels.superposition import CELLS, OCTAVES, SCALE, SHIFT

    step = np.arange(OCTAVES * CELLS + 1)
    ends = SHIFT * 2.0 ** (step // CELLS) * (1.0 + (step % CELLS) / CELLS)
    middles = (ends[1:] + ends[:-1]) / 2
    tables = []
    for profile in profiles:
        at_end = profile(np.sqrt(ends - SHIFT))
        at_middle = profile(np.sqrt(middles - SHIFT))
        sag = (at_middle - (at_end[1:] + at_end[:-1]) / 2) / 2
        value = np.rint((at_end[:-1] + sag) * SCALE).astype(np.int64)
        slope = np.rint((at_end[1:] - at_end[:-1]) * SCALE).astype(np.int64)
        tables.append((value << 16) | (slope & 0xFFFF))
    return np.concatenate(tables).astype(np.uint32).view(np.int32)


def attenuation_polynomial(unit: RadiationUnit) -> Array32:
    """Coefficients of exp(-s) for s = attenuation x depth, degree 6."""
    strongest = max(float(c.attenuation_per_mm.max()) for c in unit.collimators)
    fit = np.polynomial.Chebyshev.interpolate(
        lambda s: np.exp(-s), 6, domain=[0.0, strongest * _DEEPEST_MM]
    )
    coefficients = fit.convert(kind=np.polynomial.Polynomial).coef
    return np.asarray(coefficients, dtype=np.float32)
