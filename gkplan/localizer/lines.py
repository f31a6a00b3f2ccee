"""Straight lines through spots of many slices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.localizer.blobs import Spots

_BASELINES_MM = (24.0, 40.0)
_STEEPEST = 2.0  # mm sideways a mm of height: a diagonal rod tilted by 18 degrees more
_PLACE_BIN_MM, _SLOPE_BIN = 3.0, 0.08
_NEAR_MM = 1.5
_MOST = 40
_FEWEST, _SHORTEST_MM, _DENSEST = 6, 18.0, 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """``x, y = place + slope * (z - middle)`` in the patient frame, and the spots on it.

    Parameters
    ----------
    place_mm, slope : (2,) x and y
    middle_mm : height where the line is at `place_mm`
    points : (n, 3) its spots, by height
    """

    place_mm: Array
    slope: Array
    middle_mm: float
    points: Array

    def at(self, z_mm: Array) -> Array:
        """x, y (n, 2) at heights (n,)."""
        return np.asarray(self.place_mm + (z_mm[:, None] - self.middle_mm) * self.slope)

    @property
    def low_mm(self) -> float:
        return float(self.points[0, 2])

    @property
    def high_mm(self) -> float:
        return float(self.points[-1, 2])

    @property
    def direction(self) -> Array:
        """Unit vector (3,), superior."""
        along = np.array([*self.slope, 1.0])
        return np.asarray(along / np.linalg.norm(along))


def find_lines(spots: Spots, z_mm: Array) -> list[Line]:
    """Lines that many spots lie on, those with the most first.

    Every spot votes, with each spot of slices about 24 and 40 mm above it, for the line through
    both (four numbers); the line with the most votes is fitted, its spots are taken away, and so
    on. Missing slices, a gap in a rod and spots that belong to nothing do not matter.
    """
    if len(spots.points) < _FEWEST:
        return []
    middle = float(np.mean(z_mm[[0, -1]]))
    pairs, votes = _votes(spots, z_mm, middle)
    free = np.ones(len(spots.points), dtype=np.bool_)
    lines: list[Line] = []
    for _ in range(3 * _MOST):
        valid = free[pairs[:, 0]] & free[pairs[:, 1]]
        pairs, votes = pairs[valid], votes[valid]
        if not len(pairs) or len(lines) == _MOST:
            break
        counts = np.bincount(votes)
        best = int(counts.argmax())
        if counts[best] < _FEWEST:
            break
        members = pairs[votes == best]
        line, used = _fitted(spots, free, members, middle)
        # What made a vote that leads to no line must not lead there again.
        free[used if line is not None else members.ravel()] = False
        if line is not None and _is_dense(line, z_mm):
            lines.append(line)
    return lines


def _votes(spots: Spots, z_mm: Array, middle: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs (n, 2) of spots, and the number of the line that each votes for."""
    starts = np.searchsorted(spots.slice_number, np.arange(len(z_mm) + 1))
    pairs = []
    for base in _BASELINES_MM:
        partner = np.abs(z_mm[None, :] - z_mm[:, None] - base).argmin(axis=1)
        for k, other in enumerate(partner):
            if abs(z_mm[other] - z_mm[k] - base) > 4.0:
                continue
            a, b = np.arange(*starts[k : k + 2]), np.arange(*starts[other : other + 2])
            pairs.append(np.stack(np.broadcast_arrays(a[:, None], b[None, :]), -1).reshape(-1, 2))
    if not pairs:
        return np.empty((0, 2), dtype=np.int64), np.empty(0, dtype=np.int64)
    every = np.concatenate(pairs)
    first, second = spots.points[every[:, 0]], spots.points[every[:, 1]]
    slope = (second - first)[:, :2] / (second - first)[:, 2:]
    steep = np.hypot(*slope.T) <= _STEEPEST
    every, slope, first = every[steep], slope[steep], first[steep]
    place = first[:, :2] + slope * (middle - first[:, 2:])
    bins = np.rint(np.column_stack([place / _PLACE_BIN_MM, slope / _SLOPE_BIN])).astype(np.int64)
    _, votes = np.unique(bins, axis=0, return_inverse=True)
    return every, votes.ravel()


def _fitted(
    spots: Spots, free: NDArray[np.bool_], members: NDArray[np.int64], middle: float
) -> tuple[Line | None, NDArray[np.int64]]:
    """The line through the spots near those that voted for it; and which spots they are."""
    chosen = np.unique(members)
    available = np.flatnonzero(free)
    for reach in (2.0 * _NEAR_MM, _NEAR_MM, _NEAR_MM):
        if len(chosen) < _FEWEST:
            return None, chosen
        points = spots.points[chosen]
        height = points[:, 2] - middle
        matrix = np.column_stack([np.ones(len(height)), height])
        (place, slope), *_ = np.linalg.lstsq(matrix, points[:, :2], rcond=None)
        away = place + (spots.points[available, 2:] - middle) * slope - spots.points[available, :2]
        chosen = available[np.hypot(*away.T) <= reach]
    if len(chosen) < _FEWEST:
        return None, chosen
    points = spots.points[chosen]
    return Line(place, slope, middle, points[np.argsort(points[:, 2])]), chosen


def _is_dense(line: Line, z_mm: Array) -> bool:
    """Whether enough slices between a line's ends show it, over a long enough way."""
    between = ((z_mm >= line.low_mm) & (z_mm <= line.high_mm)).sum()
    seen = len(np.unique(line.points[:, 2]))
    return seen >= _DENSEST * between and line.high_mm - line.low_mm >= _SHORTEST_MM
