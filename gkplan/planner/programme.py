"""The linear programme of inverse planning: which shots, and for how long.

``min  sum_r w_r max(0, s_r (A_r t - l_r)) + sum_j cost_j t_j``  over the times t >= 0 of ALL
composite shots j: every isocentre of a pool with every choice of a collimator, or none, for each
sector. There are 4^8 of them at an isocentre, and none needs to be listed: with y the dual values
of the goals, a shot pays when its dose is worth more than its minute, and the shot of an isocentre
that pays most takes in each sector the collimator that is worth most, if it is worth anything. So
the programme is solved over few shots, the best ones missing are added, and so on: what it ends
with are shots that the unit can deliver, and no sequencing can lose anything.

It is solved through its dual (a row a shot, a column ``0 <= y_r <= w_r`` a goal), which the simplex
method handles far faster than the primal form. Only goals near their level are columns: those
clearly missed have ``y_r = w_r`` and go to the right-hand side, those clearly met have ``y_r = 0``.

Every round gives a plan (an upper bound over ALL goals) and, with y scaled until no shot of the
pool pays, a lower bound over ALL shots: their gap says how far from the optimum the plan can be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.planner.goals import Goals
from gkplan.planner.model import DualModel, Index

Array32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_NEAR = 0.02  # of a goal's level: goals so close to it become columns before they must
_TOLERANCE = 1e-5  # Gy
_ENTER = 16  # shots that may enter in one round
_FIRST_GOALS = 600
_ROUNDS = 60
_USED_MIN = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Shots:
    """m composite shots: number of the isocentre, and of the collimator of each sector or -1."""

    isocenter: Index
    state: Index

    def __len__(self) -> int:
        return len(self.isocenter)

    def at(self, chosen: Index | Mask) -> Shots:
        return Shots(self.isocenter[chosen], self.state[chosen])

    def patterns(self, influence: Array32) -> Array32:
        """Dose rates (m, points) from the influence (isocentres, sectors, collimators, points)."""
        out = np.zeros((len(self), influence.shape[-1]), dtype=np.float32)
        for n, (place, state) in enumerate(zip(self.isocenter, self.state, strict=True)):
            for sector in np.flatnonzero(state >= 0):
                out[n] += influence[place, sector, state[sector]]
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Times (min) of the programme's shots, and what is known about them.

    `objective` is the score of the plan on all goals; no plan with any shot of the pool scores
    less than `bound`. `price` (points,) is the worth of dose at each point (negative: harm).
    """

    times: Array
    objective: float
    bound: float
    price: Array

    @property
    def gap(self) -> float:
        return (self.objective - self.bound) / max(abs(self.objective), 1e-12)


def best_shots(influence: Array32, price: Array) -> tuple[Shots, Array]:
    """The shot of each isocentre whose minute is worth most at these prices, and that worth."""
    flat = influence.reshape(-1, influence.shape[-1])
    worth = (flat @ price.astype(np.float32)).reshape(influence.shape[:3]).astype(np.float64)
    top = worth.max(axis=2)
    state = np.where(top > 0.0, worth.argmax(axis=2), -1)
    return Shots(np.arange(len(influence)), state), np.maximum(top, 0.0).sum(axis=1)


class Programme:
    """The programme over a pool of isocentres; it keeps its basis from one solution to the next.

    Parameters
    ----------
    weight : (goals,) of each goal
    influence : (isocentres, sectors, collimators, points) Gy/min of the pool
    cost : of one minute of beam-on time
    """

    def __init__(self, goals: Goals, weight: Array, influence: Array32, cost: float) -> None:
        self._goals = goals
        self._pool = influence
        # In minutes of beam-on time: numbers near 1 suit the solver.
        self._scale = cost
        self._weight = weight / cost
        self._minute = 1.0
        self._model = DualModel()
        self._fixed = np.zeros(len(weight), dtype=bool)
        self._is_column = np.zeros(len(weight), dtype=bool)
        self._columns = np.empty(0, dtype=np.int64)
        n_sectors = influence.shape[1]
        self.shots = Shots(np.empty(0, dtype=np.int64), np.empty((0, n_sectors), dtype=np.int64))
        self._allowed = np.empty(0, dtype=bool)
        self._patterns = np.empty((0, influence.shape[-1]), dtype=np.float32)
        self._known: set[tuple[int, ...]] = set()

    def start(self, isocenters: Index) -> None:
        """Begin with whole-collimator shots at some isocentres and a sample of the goals."""
        n_sectors, n_sizes = self._pool.shape[1:3]
        for size in range(n_sizes):
            self.add(Shots(isocenters, np.full((len(isocenters), n_sectors), size)))
        rng = np.random.default_rng(1)
        n = len(self._weight)
        chosen = np.sort(rng.permutation(n)[: max(_FIRST_GOALS, n // 10)])
        self._add_columns(chosen, self._weight[chosen] * n / len(chosen))
        times, _ = self._model.solve()
        self._model.set_weights(self._weight[self._columns])
        self._settle(self._missed(times))

    def start_from(self, shots: Shots, times: Array) -> None:
        """Begin with given shots and the goals that matter at these times."""
        self.add(shots)
        self._settle(self._missed(times))

    def narrowed(self, solution: Solution) -> tuple[Programme, Solution]:
        """The programme over the shots that a solution uses, and the solution in their numbers.

        What is small is quick to solve again and again.
        """
        used = solution.times > _USED_MIN
        small = Programme(
            self._goals, self._weight * self._scale, self._pool, self._minute * self._scale
        )
        small.start_from(self.shots.at(used), solution.times[used])
        return small, replace(solution, times=solution.times[used])

    def extend(self, influence: Array32) -> None:
        """More isocentres for the pool: their numbers follow those of the present ones."""
        self._pool = np.concatenate([self._pool, influence])

    def add(self, shots: Shots) -> int:
        """Shots that the next solution may use; the number of those that are new and open."""
        keys = [(int(n), *map(int, s)) for n, s in zip(shots.isocenter, shots.state, strict=True)]
        new = [k for k, key in enumerate(keys) if key not in self._known and max(key[1:]) >= 0]
        self._known |= {keys[k] for k in new}
        if new:
            added = shots.at(np.array(new))
            patterns = added.patterns(self._pool)
            self.shots = Shots(
                np.concatenate([self.shots.isocenter, added.isocenter]),
                np.concatenate([self.shots.state, added.state]),
            )
            self._patterns = np.concatenate([self._patterns, patterns])
            self._allowed = np.concatenate([self._allowed, np.ones(len(new), dtype=bool)])
            seen = self._goals.functionals(patterns, self._columns)
            self._model.add_rows(
                seen * self._goals.sign[self._columns], self._floors(patterns, np.inf)
            )
        return len(new)

    def reweight(self, weight: Array) -> None:
        """Other weights of the goals."""
        self._weight = weight / self._scale
        self._model.set_weights(self._weight[self._columns])
        self._set_floors()

    def set_cost(self, cost: float) -> None:
        """Another cost of a minute."""
        self._minute = cost / self._scale
        self._set_floors()

    def allow(self, allowed: Mask) -> None:
        """Which of the shots a solution may use."""
        self._allowed = allowed.copy()
        self._set_floors()

    def solve(self, gap: float = 1e-3) -> Solution:
        """The best plan over all shots of the pool, within the gap."""
        return self._solved(gap, grow=True)

    def solve_allowed(self) -> Solution:
        """The best plan over the shots that are allowed (its bound holds for these only)."""
        return self._solved(1e-4, grow=False)

    def score(self, times: Array) -> float:
        """The score of any times (m,) of the shots."""
        return self._score(times, self._missed(times)) * self._scale

    def dose(self, times: Array) -> Array:
        """Dose (points,) in Gy of times (m,) of the shots."""
        used = np.flatnonzero(times)
        return np.asarray(times[used].astype(np.float32) @ self._patterns[used], dtype=np.float64)

    def _solved(self, gap: float, grow: bool) -> Solution:
        best, price, bound = np.empty(0), np.empty(0), -np.inf
        least = np.inf
        for _ in range(_ROUNDS):
            times, values = self._model.solve()
            duals = np.where(self._fixed, self._weight, 0.0)
            duals[self._columns] = np.clip(values, 0.0, self._weight[self._columns])
            missed = self._missed(times)
            now = self._goals.price(duals)
            found, worth = best_shots(self._pool, now) if grow else (self.shots, np.empty(0))
            # With prices scaled until nothing pays, the dual value is a bound.
            most = float(worth.max(initial=0.0)) / self._minute
            value = -float((self._goals.sign * self._goals.level) @ duals)
            bound = max(bound, value * min(1.0, 1.0 / max(most, 1e-12)))
            score = self._score(times, missed)
            if score < least:
                best, price, least = times, now, score
            if least - bound <= gap * abs(least):
                break
            wrong = self._settle(missed)
            entered = grow and self._enter(found, worth)
            if not wrong and not entered:
                break
        times = np.zeros(len(self.shots))
        times[: len(best)] = best
        return Solution(times, least * self._scale, bound * self._scale, price * self._scale)

    def _enter(self, found: Shots, worth: Array) -> bool:
        """Add the shots that pay most."""
        order = np.argsort(worth)[::-1][:_ENTER]
        return self.add(found.at(order[worth[order] > self._minute + 1e-7])) > 0

    def _missed(self, times: Array) -> Array:
        return self._goals.missed_by(self.dose(times))

    def _score(self, times: Array, missed: Array) -> float:
        return float(self._weight @ np.maximum(missed, 0.0) + self._minute * times.sum())

    def _settle(self, missed: Array) -> bool:
        """Bring goals whose state is wrong, or may soon be, into the model; say if any was."""
        near = _NEAR * np.maximum(np.abs(self._goals.level), 1e-6)
        outside = ~self._is_column
        if not self._fixed.any():
            # A goal for MORE dose must stay a column: without it the programme has no bound.
            self._fixed = outside & (missed >= near) & (self._goals.sign > 0)
            new = outside & ~self._fixed & (missed > -near)
        else:
            wrong = outside & np.where(self._fixed, missed < -_TOLERANCE, missed > _TOLERANCE)
            if not wrong.any():
                return False
            new = wrong | (outside & np.where(self._fixed, missed < near, missed > -near))
            new &= missed < np.where(wrong, np.inf, near)
        self._fixed[new] = False
        chosen = np.flatnonzero(new)
        self._add_columns(chosen, self._weight[chosen])
        self._set_floors()
        return True

    def _add_columns(self, chosen: Index, weight: Array) -> None:
        if len(chosen) == 0:
            return
        sign = self._goals.sign[chosen]
        seen = self._goals.functionals(self._patterns, chosen) * sign
        self._model.add_columns(seen.T, sign * self._goals.level[chosen], weight)
        self._is_column[chosen] = True
        self._columns = np.concatenate([self._columns, chosen])

    def _floors(self, patterns: Array32, allowed: Array | float) -> Array:
        """What a shot's columns must add up to: minus its cost, and what fixed goals say of it."""
        duals = np.where(self._fixed, self._weight, 0.0)
        fixed = self._goals.price(duals).astype(np.float32)
        floors = -self._minute + (patterns @ fixed).astype(np.float64)
        return np.where(np.asarray(allowed) > 0, floors, -np.inf)

    def _set_floors(self) -> None:
        self._model.set_floors(self._floors(self._patterns, self._allowed))
