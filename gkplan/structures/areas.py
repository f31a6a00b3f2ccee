"""How the area of a structure goes on between its slices and beyond the outermost of them.

Areas of balls, ellipsoids and cones are quadratic in the height, those of prisms constant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gkplan.frames import Array

# An area that would still be this part of the last one where nothing is drawn was cut off flat.
_CUT_OFF = 0.5


def bends(heights: Array, areas: Array) -> Array:
    """Second divided difference of the areas within each interval between slices.

    Parameters
    ----------
    heights, areas : (n,) ascending

    Returns
    -------
    (n - 1,) The smaller of those through the slice before and the slice after, none where the two
    disagree in sign: a jump of the areas must not swing beyond it. Never more than that of a
    cone, which keeps areas from falling below zero.
    """
    gaps = np.diff(heights)
    if len(heights) < 3:
        return np.zeros(len(gaps))
    of_three = np.diff(np.diff(areas) / gaps) / (heights[2:] - heights[:-2])
    before, after = np.append(of_three[:1], of_three), np.append(of_three, of_three[-1:])
    smaller = np.where(np.abs(before) < np.abs(after), before, after)
    of_cone = (np.diff(np.sqrt(areas)) / gaps) ** 2
    return np.asarray(np.minimum(np.where(before * after > 0.0, smaller, 0.0), of_cone))


@dataclass(frozen=True, slots=True)
class End:
    """The end of a stack: the area at t mm beyond its last slice is area + slope t + bend t**2.

    Parameters
    ----------
    area : of the last slice, mm2
    slope, bend : 0 where nothing is known of them
    reach_mm : from the last slice to where the next one would be, which has no contour
    is_open : never cut off before its reach, such as a hole that is drilled through an end
    """

    area: float
    slope: float
    bend: float
    reach_mm: float
    is_open: bool = False

    @property
    def tip_mm(self) -> float:
        """Where an end that shrinks from the last slice on comes to nothing, else infinity."""
        if self.slope >= 0.0:
            return math.inf
        root = math.sqrt(max(self.slope**2 - 4 * self.bend * self.area, 0.0))
        return 2 * self.area / (root - self.slope)

    @property
    def cut_mm(self) -> float:
        """Where it ends at the latest: at the reach if the areas then have come to nothing.

        Areas that would go on were cut off flat, anywhere within the reach; half of it is the
        likeliest. In between the end moves with what would be left, without a jump.
        """
        if self.is_open or self.tip_mm <= self.reach_mm:
            return self.reach_mm
        left = max(self.at(self.reach_mm) / self.area, 0.0)
        return self.reach_mm * (1.0 - 0.5 * min(left / _CUT_OFF, 1.0))

    def at(self, beyond_mm: float) -> float:
        """The area so far beyond the last slice, mm2."""
        return self.area + self.slope * beyond_mm + self.bend * beyond_mm**2


def end_of(heights: Array, areas: Array, reach_mm: float, is_open: bool = False) -> End:
    """The end of a stack beyond its first slice.

    Parameters
    ----------
    heights, areas : (n,) from the outermost slice inward; heights may ascend or descend
    reach_mm, is_open : see `End`

    Notes
    -----
    The parabola of the outermost interval goes on. Two areas do not say whether they belong to a
    ball or to a cone: with fewer than three the end is flat.
    """
    if len(heights) < 3:
        return End(float(areas[0]), 0.0, 0.0, reach_mm, is_open)
    away = np.abs(heights - heights[0])
    bend = float(bends(away, areas)[0])
    slope = float((areas[0] - areas[1]) / away[1] + bend * away[1])
    return End(float(areas[0]), slope, bend, reach_mm, is_open)
