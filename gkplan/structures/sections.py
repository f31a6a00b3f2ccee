"""Sections of a solid at any height, from signed distances on the slices that were drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gkplan.frames import Array
from gkplan.structures.areas import End, bends, end_of

# Heights beyond a slice at which it is asked how far the wall has moved.
_ASKED = 16


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Slices of one piece: each follows the one before, none is missing but those bridged.

    Parameters
    ----------
    heights : (n,) ascending, mm
    images : (n,) signed distances (mm) on the same lattice, negative somewhere
    step_mm : of the lattice
    reach_mm : beyond the first and the last slice, to where the next one would be
    is_open : whether the piece goes on as far as that, below and above (`areas.End`)
    """

    heights: Array
    images: Sequence[Array]
    step_mm: float
    reach_mm: tuple[float, float]
    is_open: tuple[bool, bool] = (False, False)

    def sections(self, heights: Array) -> list[Array]:
        """Images at these heights (m,): negative inside, zero on the surface."""
        step = self.step_mm
        areas = np.array([_area(n, step) for n in self.images])
        bend = bends(self.heights, areas)
        low = end_of(self.heights, areas, self.reach_mm[0], self.is_open[0])
        high = end_of(self.heights[::-1], areas[::-1], self.reach_mm[1], self.is_open[1])
        below, above = (
            _Beyond.of(self.images[0], low, step),
            _Beyond.of(self.images[-1], high, step),
        )
        found = []
        for z in heights:
            k = int(np.searchsorted(self.heights, z, side="right")) - 1
            if z <= self.heights[0]:
                found.append(below.section(float(self.heights[0] - z)))
            elif z >= self.heights[-1]:
                found.append(above.section(float(z - self.heights[-1])))
            else:
                under, over = self.heights[k : k + 2]
                f = (z - under) / (over - under)
                area = (1 - f) * areas[k] + f * areas[k + 1] + bend[k] * (z - under) * (z - over)
                found.append(_between(self.images[k], self.images[k + 1], f, area, step))
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _Beyond:
    """What lies beyond a slice: an image that the surface has moved into by so much.

    Parameters
    ----------
    image : negative inside; the signed distance wherever the wall is not steep
    heights_mm, moved_mm : (k,) ascending from 0, and how far the surface has moved inward there
    rate : how fast it moves on beyond the last of them
    cut_mm : where the end is cut off flat
    """

    image: Array
    heights_mm: Array
    moved_mm: Array
    rate: float
    cut_mm: float

    @classmethod
    def of(cls, image: Array, end: End, step_mm: float) -> _Beyond:
        cut, part = end.cut_mm, np.linspace(0.0, 1.0, _ASKED)
        # Closer towards a tip: there a ball shrinks with the root of what is left of the height.
        heights = min(end.tip_mm, cut) * (part * (2.0 - part) if end.tip_mm <= cut else part)
        levels = [_level(image, max(end.at(t), 0.0), step_mm) for t in heights[1:]]
        deepest = -float(image.min())
        depths = np.minimum(np.append(0.0, np.negative(levels)), deepest)
        if end.slope >= 0.0:
            return cls(image, heights, depths, 0.0, cut)
        # Sideways, distances put a wall between two samples where it is; upward, only what is
        # linear in the height does so for a roof between two planes. Whichever way is shorter
        # counts, but next to the contour that of the slice, which the interval before shares.
        depths = np.maximum.accumulate(depths)
        rate = max(1.0, float(depths[1] / heights[1]))
        moved = np.append(0.0, np.cumsum(np.minimum(np.diff(depths), rate * np.diff(heights))))
        deeper = np.maximum(-image - depths[-1], 0.0)
        inside = -np.interp(-image, depths, moved) - deeper
        return cls(np.where(image < 0.0, inside, image), heights, moved, rate, cut)

    def section(self, beyond_mm: float) -> Array:
        last = min(beyond_mm, self.cut_mm) - self.heights_mm[-1]
        moved = np.interp(beyond_mm, self.heights_mm, self.moved_mm) + self.rate * max(last, 0.0)
        return np.asarray(np.maximum(self.image + moved, beyond_mm - self.cut_mm))


def _between(low: Array, high: Array, f: float, area: float, step: float) -> Array:
    """The image at the fraction `f` of the way from `low` to `high` that has this area."""
    if min(f, 1.0 - f) < 1e-6:
        return low if f < 0.5 else high
    return _of_area((1.0 - f) * low + f * high, area, step)


def _of_area(image: Array, area: float, step: float) -> Array:
    """The image shifted to enclose `area` mm2, or as much as leaves the lattice's edge outside."""
    return image - _level(image, area, step)


def _level(image: Array, area: float, step: float) -> float:
    edges = (image[0], image[-1], image[:, 0], image[:, -1])
    room = min(float(edge.min()) for edge in edges) - step
    return min(_shift(image, area, step), room)


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
