"""Sets of intervals along many rays: what a ray sees of a solid, and how booleans combine it.

A set is an array (n, k, 2): for each of n rays k disjoint intervals [start, end] in ascending
order of the ray parameter t; an empty one is [inf, inf] and stands last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array

# So many rays at a time stay in the processor's cache.
_RAYS = 10_000


def parts(count: int) -> Iterator[slice]:
    """Slices of at most so many rays as are quickest together."""
    return (slice(first, first + _RAYS) for first in range(0, count, _RAYS))


def single(start: Array, end: Array) -> Array:
    """One interval a ray from (n,) starts and ends; empty where they are NaN or reversed."""
    pair = np.empty((len(start), 1, 2))
    with np.errstate(invalid="ignore"):
        filled = start < end
    pair[:, 0, 0] = np.where(filled, start, np.inf)
    pair[:, 0, 1] = np.where(filled, end, np.inf)
    return pair


def from_crossings(t: Array, side: NDArray[np.int8]) -> Array:
    """Where a ray is inside at least once, from its crossings (n, k) in any order.

    `side` is 1 where the ray enters a part, -1 where it leaves one; t is inf where there is none.
    """
    order = np.argsort(t, axis=1)
    t = np.take_along_axis(t, order, axis=1)
    inside = np.cumsum(np.take_along_axis(side, order, axis=1), axis=1) > 0
    before = np.zeros_like(inside)
    before[:, 1:] = inside[:, :-1]
    return _compact(np.where(inside & ~before, t, np.inf), np.where(before & ~inside, t, np.inf))


def union(sets: Sequence[Array]) -> Array:
    """What lies in at least one of the sets."""
    return _in_so_many(sets, 1)


def complement(intervals: Array) -> Array:
    """What lies in no interval."""
    infinite = np.full((len(intervals), 1), np.inf)
    start = np.concatenate([-infinite, intervals[:, :, 1]], axis=1)
    end = np.concatenate([intervals[:, :, 0], infinite], axis=1)
    none = ~(start < end)
    start[none] = end[none] = np.inf
    return _compact(start, end)


def intersection(sets: Sequence[Array]) -> Array:
    """What lies in all of the sets."""
    return _in_so_many(sets, len(sets))


def length_ahead(intervals: Array) -> Array:
    """Total length (n,) at t > 0."""
    with np.errstate(invalid="ignore"):
        length = intervals[:, :, 1] - np.maximum(intervals[:, :, 0], 0.0)
    return np.asarray(np.where(np.isfinite(length), np.maximum(length, 0.0), 0.0).sum(axis=1))


def last_end(intervals: Array) -> Array:
    """Largest end (n,) of all intervals; -inf where there is none."""
    ends = intervals[:, :, 1]
    return np.asarray(np.where(np.isfinite(ends), ends, -np.inf).max(axis=1))


def _in_so_many(sets: Sequence[Array], need: int) -> Array:
    from gkplan.kernels.intervals import covered

    return np.asarray(covered(np.concatenate(sets, axis=1), need))


def _compact(start: Array, end: Array) -> Array:
    """Disjoint intervals in order, without columns that are empty for every ray but one."""
    start, end = np.sort(start, axis=1), np.sort(end, axis=1)
    filled = max(int((start < np.inf).any(axis=0).sum()), 1)
    return np.stack([start[:, :filled], end[:, :filled]], axis=2)
