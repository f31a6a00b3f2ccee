"""The order of delivery: little travel of the couch, few changes of the sectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gkplan.frames import Array
from gkplan.planner.model import Index
from gkplan.shot import Shot

# What a change of the sectors counts, in mm of couch travel: a convention of gkplan without a
# published source. It is charged once a shot, for all sectors move at the same time, and is
# small: it decides between paths of the couch that are about as long.
SECTORS_MM = 1.0
# So many shots are ordered exactly: the work grows as 2^n n^2.
_EXACT = 9
_TOLERANCE = 1e-9


def in_order(shots: Sequence[Shot]) -> tuple[Shot, ...]:
    """The same shots in an order of little travel; equal to the given one if that is as good.

    Shots of one helmet follow each other, then those of one gamma angle, then those of one
    target, then those of one isocentre: as far as these groups lie within each other, none is left
    and returned to.

    Notes
    -----
    The cost of an order is the sum of `step_costs` from shot to shot, with free ends. Up to 9
    shots the order is optimal (Held and Karp, J SIAM 1962 10(1):196, dynamic programming over
    sets). Beyond, the best tour of nearest neighbours over all starts is improved by reversing
    stretches (2-opt) and moving stretches of up to three shots (or-opt) until neither helps.
    """
    if len(shots) < 3:
        return tuple(shots)
    cost = step_costs(shots)
    given = list(range(len(shots)))
    found = _exact(cost) if len(shots) <= _EXACT else _improved(cost, _nearest(cost))
    better = _length(cost, found) < _length(cost, given) * (1.0 - _TOLERANCE)
    return tuple(shots[n] for n in (found if better else given))


def step_costs(shots: Sequence[Shot]) -> Array:
    """What it costs (n, n) to deliver one shot after another: a metric, in mm.

    The distance of the isocentres and `SECTORS_MM` if any sector differs. On top of it to change
    the isocentre, the target, the gamma angle or the helmet costs more than any detour that could
    avoid it.
    """
    places = np.array([shot.isocenter_mm for shot in shots])
    cost: Array = np.linalg.norm(places[:, None] - places[None], axis=2)
    cost += SECTORS_MM * _differ([shot.sectors for shot in shots])
    helmets = [shot.sectors if shot.has_helmet else None for shot in shots]
    for keys in (
        [(shot.gamma_angle_deg, shot.isocenter_mm) for shot in shots],
        [shot.target for shot in shots],
        [shot.gamma_angle_deg for shot in shots],
        helmets,
    ):
        # To bring two parts of a group together makes three new steps, none above the largest.
        cost += (1.0 + 3.0 * cost.max()) * _differ(keys)
    return cost


def _differ(keys: Sequence[object]) -> Array:
    return np.array([[float(a != b) for b in keys] for a in keys])


def _length(cost: Array, path: Sequence[int]) -> float:
    return float(cost[path[:-1], path[1:]].sum())


def _exact(cost: Array) -> list[int]:
    """The shortest path: the best way to end at each shot after each set of shots."""
    n = len(cost)
    least = np.full((1 << n, n), np.inf)
    before = np.zeros((1 << n, n), dtype=np.int64)
    for k in range(n):
        least[1 << k, k] = 0.0
    for visited in range(1, 1 << n):
        for k in range(n):
            if visited >> k & 1 and visited != 1 << k:
                ways = least[visited ^ (1 << k)] + cost[:, k]
                before[visited, k] = ways.argmin()
                least[visited, k] = ways.min()
    visited = (1 << n) - 1
    path = [int(least[visited].argmin())]
    while len(path) < n:
        last = path[-1]
        path.append(int(before[visited, last]))
        visited ^= 1 << last
    return path[::-1]


def _nearest(cost: Array) -> list[int]:
    """The shortest of the paths that go on to the nearest shot, one from each start."""
    paths = []
    for start in range(len(cost)):
        path, left = [start], set(range(len(cost))) - {start}
        while left:
            path.append(min(left, key=lambda k: cost[path[-1], k]))
            left.remove(path[-1])
        paths.append(path)
    return min(paths, key=lambda path: _length(cost, path))


def _improved(cost: Array, path: list[int]) -> list[int]:
    """No stretch reversed, and no stretch of up to three moved, makes the path shorter."""
    n = len(path)
    # One more place, as near to every shot as can be, closes the path to a tour.
    closed = np.zeros((n + 1, n + 1))
    closed[:n, :n] = cost
    least = _TOLERANCE * _length(cost, path)
    while True:
        tour = np.array([n, *path, n])
        gain, better = max((_reversal(closed, tour), _move(closed, tour)), key=lambda c: c[0])
        if gain <= least:
            return path
        path = better[1:-1].tolist()


def _reversal(closed: Array, tour: Index) -> tuple[float, Index]:
    """What the best reversal gains, and the tour then."""
    a, b = tour[:-1], tour[1:]
    edge = closed[a, b]
    gain = edge[:, None] + edge[None] - closed[np.ix_(a, a)] - closed[np.ix_(b, b)]
    i, j = np.unravel_index(np.triu(gain, 1).argmax(), gain.shape)
    stretch = tour[i + 1 : j + 1]
    return float(gain[i, j]), np.concatenate([tour[: i + 1], stretch[::-1], tour[j + 1 :]])


def _move(closed: Array, tour: Index) -> tuple[float, Index]:
    """What the best move of up to three shots gains, and the tour then."""
    most, best = 0.0, tour
    for size in range(1, min(3, len(tour) - 3) + 1):
        for i in range(1, len(tour) - size):
            piece, rest = tour[i : i + size], np.delete(tour, slice(i, i + size))
            away = closed[tour[i - 1], piece[0]] + closed[piece[-1], tour[i + size]]
            away -= closed[tour[i - 1], tour[i + size]]
            a, b = rest[:-1], rest[1:]
            for turned in (piece, piece[::-1]):
                gain = away + closed[a, b] - closed[a, turned[0]] - closed[turned[-1], b]
                k = int(gain.argmax())
                if gain[k] > most:
                    most = float(gain[k])
                    best = np.concatenate([rest[: k + 1], turned, rest[k + 1 :]])
    return most, best
