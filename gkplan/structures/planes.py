"""Contour planes at uneven distances, brought onto an even stack."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array

# Rings closer than this lie in one plane: coordinates carry two decimals at least.
_SAME_MM = 0.1
# A plane may lie this part of a spacing off its place in an even stack.
_OFF = 0.05
# One missing slice is bridged, more part the structure in two.
_BRIDGED = 2.25
_FINEST_MM = 0.3


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


def evened(
    heights: Array,
    images: Sequence[Array],
    usual_mm: float,
    blend: Callable[[Array, Array, float], Array],
) -> tuple[float, float, list[Array | None]]:
    """Signed distances on an even stack, from those of planes at uneven heights.

    Parameters
    ----------
    heights : (n,) ascending, mm
    images : of each plane
    usual_mm : the usual distance of planes
    blend : the image at a fraction of the way from one to the next

    Returns
    -------
    height of the first slice, spacing, and the images; None where the structure is parted.

    Notes
    -----
    Each end is continued by half the distance to its neighbour, as in an even stack; a gap of
    more than 2.25 usual distances parts the structure, its ends continued by half a usual one.
    """
    gaps = np.diff(heights)
    first = heights[0] - min(gaps[0], usual_mm * _BRIDGED) / 2
    last = heights[-1] + min(gaps[-1], usual_mm * _BRIDGED) / 2
    count = int(np.ceil((last - first) / max(float(gaps.min()), _FINEST_MM)))
    spacing = (last - first) / count
    stack: list[Array | None] = []
    for z in first + spacing * (np.arange(count) + 0.5):
        upper = int(np.searchsorted(heights, z))
        if upper in (0, len(heights)):
            stack.append(images[min(upper, len(heights) - 1)])
            continue
        below, above = z - heights[upper - 1], heights[upper] - z
        if below + above <= _BRIDGED * usual_mm:
            stack.append(blend(images[upper - 1], images[upper], below / (below + above)))
        elif min(below, above) <= usual_mm / 2:
            stack.append(images[upper - 1] if below < above else images[upper])
        else:
            stack.append(None)
    return float(first + spacing / 2), float(spacing), stack
