"""Sets of intervals along many rays: what a ray sees of a solid, and how booleans combine it.

A set is an array (n, k, 2): for each of n rays k disjoint intervals [start, end] in ascending
order of the ray parameter t; an empty one is [inf, inf] and stands last.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gkplan.frames import Array


def single(start: Array, end: Array) -> Array:
    """One interval a ray from (n,) starts and ends; empty where they are NaN or reversed."""
    pair = np.stack([start, end], axis=1)
    with np.errstate(invalid="ignore"):
        pair[~(start < end)] = np.inf
    return pair[:, None, :]


def union(sets: Sequence[Array]) -> Array:
    """What lies in at least one of the sets."""
    every = np.concatenate(sets, axis=1)
    order = np.argsort(every[:, :, 0], axis=1)
    every = np.take_along_axis(every, order[:, :, None], axis=1)
    out = np.full_like(every, np.inf)
    start, end = every[:, 0, 0].copy(), every[:, 0, 1].copy()
    for k in range(1, every.shape[1]):
        apart = every[:, k, 0] > end
        out[apart, k - 1] = np.stack([start[apart], end[apart]], axis=1)
        start = np.where(apart, every[:, k, 0], start)
        end = np.where(apart, every[:, k, 1], np.maximum(end, every[:, k, 1]))
    out[:, -1, 0], out[:, -1, 1] = start, end
    return _compact(out)


def complement(intervals: Array) -> Array:
    """What lies in no interval."""
    n, k, _ = intervals.shape
    gaps = np.empty((n, k + 1, 2))
    gaps[:, 0, 0], gaps[:, 1:, 0] = -np.inf, intervals[:, :, 1]
    gaps[:, -1, 1], gaps[:, :-1, 1] = np.inf, intervals[:, :, 0]
    gaps[~(gaps[:, :, 0] < gaps[:, :, 1])] = np.inf
    return _compact(gaps)


def intersection(sets: Sequence[Array]) -> Array:
    """What lies in all of the sets."""
    return complement(union([complement(s) for s in sets]))


def length_ahead(intervals: Array) -> Array:
    """Total length (n,) at t > 0."""
    with np.errstate(invalid="ignore"):
        length = intervals[:, :, 1] - np.maximum(intervals[:, :, 0], 0.0)
    return np.asarray(np.where(np.isfinite(length), np.maximum(length, 0.0), 0.0).sum(axis=1))


def last_end(intervals: Array) -> Array:
    """Largest end (n,) of all intervals; -inf where there is none."""
    ends = intervals[:, :, 1]
    return np.asarray(np.where(np.isfinite(ends), ends, -np.inf).max(axis=1))


def _compact(intervals: Array) -> Array:
    """Sorted, without columns that are empty for every ray (at least one is kept)."""
    order = np.argsort(intervals[:, :, 0], axis=1)
    intervals = np.take_along_axis(intervals, order[:, :, None], axis=1)
    filled = np.flatnonzero((intervals[:, :, 0] < np.inf).any(axis=0))
    return intervals[:, : max(len(filled), 1)]
