"""Sections of a solid at any height, from signed distances on the slices that were drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gkplan.frames import Array
from gkplan.structures.areas import End, bends, end_of


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Slices of one piece: each follows the one before, none is missing but those bridged.

    Parameters
    ----------
    heights : (n,) ascending, mm
    images : (n,) signed distances (mm) on the same lattice, negative somewhere
    step_mm : of the lattice
    reach_mm : beyond the first and the last slice, to where the next one would be
    """

    heights: Array
    images: Sequence[Array]
    step_mm: float
    reach_mm: tuple[float, float]

    def sections(self, heights: Array) -> list[Array]:
        """Images at these heights (m,): negative inside, zero on the surface."""
        step = self.step_mm
        areas = np.array([_area(n, step) for n in self.images])
        bend = bends(self.heights, areas)
        below = _Beyond.of(self.images[0], end_of(self.heights, areas, self.reach_mm[0]), step)
        backward = end_of(self.heights[::-1], areas[::-1], self.reach_mm[1])
        above = _Beyond.of(self.images[-1], backward, step)
        found = []
        for z in heights:
            k = int(np.searchsorted(self.heights, z, side="right")) - 1
            if z <= self.heights[0]:
                found.append(below.section(float(self.heights[0] - z)))
            elif z >= self.heights[-1]:
                found.append(above.section(float(z - self.heights[-1])))
            else:
                low, high = self.heights[k : k + 2]
                f = (z - low) / (high - low)
                area = (1 - f) * areas[k] + f * areas[k + 1] + bend[k] * (z - low) * (z - high)
                found.append(_between(self.images[k], self.images[k + 1], f, area, step))
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _Beyond:
    """What lies beyond a slice: the height of the surface above each sample of its `image`."""

    image: Array
    end: End
    step_mm: float
    slope: float
    height_mm: Array

    @classmethod
    def of(cls, image: Array, end: End, step_mm: float) -> _Beyond:
        lines = np.sort(image[image < 0.0])
        enclosed = np.searchsorted(lines, lines) + np.searchsorted(lines, lines, side="right")
        if end.slope >= 0.0:
            return cls(image, end, step_mm, 0.0, image)
        heights = end.heights(end.area * enclosed / (2 * len(lines)))
        slope = float(-end.slope / np.sqrt(4 * np.pi * end.area))
        height = np.where(image < 0.0, np.interp(image, lines, heights), -image / slope)
        return cls(image, end, step_mm, slope, height)

    def section(self, beyond_mm: float) -> Array:
        cut = beyond_mm - self.end.cut_mm
        if self.end.slope < 0.0:
            # Linear in the height, so that the surface between two planes is where it should be.
            walls = np.maximum(self.image, self.slope * (beyond_mm - self.height_mm))
        else:
            area = self.end.at(min(beyond_mm, self.end.cut_mm))
            widens = area > self.end.area
            walls = _of_area(self.image, area, self.step_mm) if widens else self.image
        return np.maximum(walls, cut)


def _between(low: Array, high: Array, f: float, area: float, step: float) -> Array:
    """The image at the fraction `f` of the way from `low` to `high` that has this area."""
    if min(f, 1.0 - f) < 1e-6:
        return low if f < 0.5 else high
    return _of_area((1.0 - f) * low + f * high, area, step)


def _of_area(image: Array, area: float, step: float) -> Array:
    """The image shifted to enclose `area` mm2, or as much as leaves the lattice's edge outside."""
    edges = (image[0], image[-1], image[:, 0], image[:, -1])
    room = min(float(edge.min()) for edge in edges) - step
    return image - min(_shift(image, area, step), room)


def _area(distance: Array, step: float) -> float:
    """Area (mm2) inside the zero line of a signed distance, finer than the cells of its lattice."""
    covered = np.minimum(np.maximum(0.5 - distance / step, 0.0), 1.0)
    return float(covered.sum(dtype=np.float64)) * step**2


def _shift(distance: Array, area: float, step: float) -> float:
    """The level of `distance` that encloses `area` mm2, within 0.001 of a step."""
    values = distance.ravel()
    count = min(int(area / step**2), len(values) - 1)
    about = float(np.partition(values, count)[count])
    # The level lies this close; all samples farther off count whole or not at all.
    low, high = about - 2 * step, about + 2 * step
    near = values[np.abs(values - about) < 3 * step]
    rest = area - float(np.count_nonzero(values <= about - 3 * step)) * step**2
    while high - low > 1e-3 * step:
        middle = (low + high) / 2
        if _area(near - middle, step) < rest:
            low = middle
        else:
            high = middle
    return (low + high) / 2
