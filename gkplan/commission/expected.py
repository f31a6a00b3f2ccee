"""What a beam's profile should be like: a blurred aperture, and the spread of dose in water."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from gkplan.frames import Array
from gkplan.unit import unit_table
from gkplan.unit.channel import Channel, Spread, folded

# The spread in water is that of this unit's file, which has it from EGSnrc. What the collimator's
# edge lets through adds to the Gaussian of this width.
_SPREAD_OF, _EDGE_MM = "4c", 1.8
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
        spread = _spread()
        at_edge = np.array(spread.sigma_mm) == _EDGE_MM
        dose = parts @ np.where(at_edge, self.edge * np.array(spread.weight), spread.weight)
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
    to one per cent.
    """
    return np.where(places(size_mm) <= 0.5 * size_mm + _BEYOND_MM, 0.3, 0.9)


@functools.lru_cache(maxsize=1)
def _spread() -> Spread:
    table = unit_table(_SPREAD_OF)["spread"]
    return Spread(tuple(table["sigma_mm"]), tuple(table["weight"]))


# A fit changes one number at a time, most of which are not of the shape.
@functools.lru_cache(maxsize=64)
def _parts(size_mm: int, half_width_mm: float, blur_mm: float) -> Array:
    # Half-way between source and focus the aperture has half the size and the source its own.
    channel = Channel(2 * blur_mm, 400.0, ((200.0, half_width_mm / 2),))
    return folded(channel, _spread().sigma_mm, places(size_mm))
