"""Which contour planes there are, and which of them make one piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array

# Rings closer than this lie in one plane: coordinates carry two decimals at least.
_SAME_MM = 0.1
# A plane may lie this part of a spacing off its place in an even stack.
_OFF = 0.05
# One missing slice is bridged, more part the structure in two.
_BRIDGED = 2.25
# So many spacings stay clear between two parts, enough for a sampled plane.
_CLEAR = 0.25


def planes_of(height: Array) -> tuple[Array, NDArray[np.int64]]:
    """Heights of the distinct planes, ascending, and the plane number of each ring."""
    order = np.argsort(height, kind="stable")
    new = np.diff(height[order], prepend=-np.inf) > _SAME_MM
    number = np.empty(len(height), dtype=np.int64)
    number[order] = np.cumsum(new) - 1
    counts = np.bincount(number)
    return np.bincount(number, weights=height) / counts, number


def usual_spacing(heights: Array) -> float:
    """The median distance of the planes; 1 mm where there is only one."""
    return float(np.median(np.diff(heights))) if len(heights) > 1 else 1.0


def places_in_stack(heights: Array, spacing_mm: float) -> NDArray[np.int64] | None:
    """The number of each plane in an even stack of this spacing; None if they do not fit one."""
    number = (heights - heights[0]) / spacing_mm
    nearest = np.rint(number)
    if np.abs(number - nearest).max() > _OFF or len(np.unique(nearest)) < len(nearest):
        return None
    return np.asarray(nearest, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Run:
    """Planes from `first` to `last` that make one piece, and how far off the next ones would be.

    An end `is_open` if the piece is a hole through the end of what it is cut out of.
    """

    first: int
    last: int
    reach_mm: tuple[float, float]
    is_open: tuple[bool, bool] = (False, False)


def runs_of(heights: Array, has_rings: Sequence[bool], spacing_mm: float, even: bool) -> list[Run]:
    """The pieces of a structure, or of its holes, from the planes where it has rings.

    Parameters
    ----------
    heights : (n,) of all planes that were drawn on, ascending, mm
    has_rings : for each plane
    spacing_mm : the usual distance of planes
    even : whether all planes lie in a stack of that spacing

    Notes
    -----
    A plane without rings parts it, and so does a gap of more than 2.25 spacings. Where no plane
    follows, the next would be one spacing on; in an uneven stack as far as the one before, but
    not so far that parts meet half-way across a gap.
    """
    gaps = np.diff(heights)
    joined = [
        bool(gap <= _BRIDGED * spacing_mm and has_rings[k] and has_rings[k + 1])
        for k, gap in enumerate(gaps)
    ]
    firsts = [k for k, has in enumerate(has_rings) if has and not (k and joined[k - 1])]
    runs = []
    for first in firsts:
        last = first
        while last < len(joined) and joined[last]:
            last += 1
        inner = (spacing_mm, spacing_mm) if even or first == last else (gaps[first], gaps[last - 1])
        outer = (gaps[first - 1] if first else np.inf, gaps[last] if last < len(gaps) else np.inf)
        low, high = (
            float(o if o <= _BRIDGED * spacing_mm else min(i, (o - _CLEAR * spacing_mm) / 2))
            for o, i in zip(outer, inner, strict=True)
        )
        runs.append(Run(first, last, (low, high)))
    return runs


def opened(holes: Sequence[Run], around: Sequence[Run]) -> list[Run]:
    """Holes drawn on the last slice of what is `around` them, which no longer end before it does.

    Else there would be a lid over each, or one within it once the outline has shrunk into it.
    """
    below = {run.first: run.reach_mm[0] for run in around}
    above = {run.last: run.reach_mm[1] for run in around}
    return [
        replace(
            hole,
            reach_mm=(
                below.get(hole.first, hole.reach_mm[0]),
                above.get(hole.last, hole.reach_mm[1]),
            ),
            is_open=(hole.first in below, hole.last in above),
        )
        for hole in holes
    ]


def farthest_reach(heights: Array, spacing_mm: float) -> float:
    """The farthest that any run may reach beyond its last plane."""
    gaps = np.diff(heights)
    return float(np.max(gaps[gaps <= _BRIDGED * spacing_mm], initial=spacing_mm))
