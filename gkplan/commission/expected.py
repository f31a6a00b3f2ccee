"""What a beam's profile should be like: a blurred aperture, and the spread of dose in water."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from gkplan.frames import Array
from gkplan.unit.channel import Channel, folded

# The Gaussians, and the energy in each, about the path of a photon of cobalt in water 80 mm deep:
# fitted to EGSnrc, see [origin] of the unit 4c. What the collimator's edge lets through
# adds to the one of 1.8 mm.
_SIGMA_MM = (0.0, 0.3, 0.9, 1.8, 10.0, 32.0)
_ENERGY = (0.0619, 0.2556, 0.3783, 0.0694, 0.0752, 0.1596)
_EDGE = 3
_BEYOND_MM, _FARTHEST_MM = 3.0, 60.0


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of all the beams of one collimator before their profiles are.

    Parameters
    ----------
    half_width_mm : of the aperture, seen from the source, in the plane of the focus
    blur_mm : radius of the source, seen through the aperture, in that plane
    edge : factor of the energy that goes 2 to 4 mm astray
    """

    half_width_mm: float
    blur_mm: float
    edge: float = 1.0

    @classmethod
    def of(cls, size_mm: int) -> Expected:
        """For a nominal size: a source of 1 mm at 400 mm, an aperture that ends at 240 mm."""
        return cls(half_width_mm=0.5 * size_mm + 0.25, blur_mm=0.5 * 240 / (400 - 240))

    def profile(self, size_mm: int) -> Array:
        """Dose at `places` of the nominal size, 1 on the axis."""
        parts = _parts(size_mm, self.half_width_mm, self.blur_mm)
        energy = np.array(_ENERGY)
        energy[_EDGE] *= self.edge
        dose = parts @ energy
        return np.asarray(dose / dose[0])


def places(size_mm: int) -> Array:
    """Distances from the axis: every 0.25 mm within and at the edge, farther apart beyond."""
    edge = 0.5 * size_mm + _BEYOND_MM
    return np.concatenate(
        [np.arange(0.0, edge + 0.01, 0.25), np.geomspace(edge + 0.3, _FARTHEST_MM, 12)]
    )


def trust(size_mm: int) -> Array:
    """How much the dose at each of `places` counts beside a point of a measured profile.

    Where the dose is steep the expectation is right to some per cent of the maximum, farther out
    to some tenths of a per cent.
    """
    return np.where(places(size_mm) <= 0.5 * size_mm + _BEYOND_MM, 0.3, 0.9)


# A fit changes one number at a time, most of which are not of the shape.
@functools.lru_cache(maxsize=64)
def _parts(size_mm: int, half_width_mm: float, blur_mm: float) -> Array:
    # Half-way between source and focus the aperture has half the size and the source its own.
    channel = Channel(2 * blur_mm, 400.0, ((200.0, half_width_mm / 2),))
    return folded(channel, _SIGMA_MM, places(size_mm))
