"""The linear programme of inverse planning, solved through its dual, growing both ways.

``min  sum_r w_r max(0, s_r (A_r t - l_r)) + cost sum_i tau_i``  over sector times t[i, s, c] >= 0
with ``tau_i >= sum_c t[i, s, c]`` for every sector s: the sectors of an isocentre run in parallel.

In the dual every goal r is one column ``0 <= y_r <= w_r`` and every time variable one row, which
the simplex method handles far faster than the primal form. Three things keep it small, and all
are exact when it ends:

- only goals near their level are columns; those clearly missed have ``y_r = w_r`` and go to the
  right-hand side, those clearly met have ``y_r = 0``;
- an isocentre enters with the variables that pay when ``sum_s max_c (-A' (s y))_+ > cost``;
- each solution starts from the basis of the one before.

Every round gives a plan (an upper bound over ALL goals) and, with y scaled until no candidate
pays, a lower bound over ALL candidates: their gap says how far from the optimum the plan can be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.planner.goals import Goals

Array32 = NDArray[np.float32]
Index = NDArray[np.int64]

_NEAR = 0.02  # of a goal's level: goals so close to it become columns before they must
_ENTER = 12  # isocentres that may enter in one round
_FIRST_GOALS = 600


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Times (n, sectors, collimators) in minutes, and what is known about them.

    `objective` is the value of the plan on all goals; no plan with any of the candidates has
    less than `bound`. `price` (points,) is the worth of dose at each point (negative: harm).
    """

    times: Array
    objective: float
    bound: float
    price: Array

    @property
    def gap(self) -> float:
        return (self.objective - self.bound) / max(abs(self.objective), 1e-12)

    def pays(self, influence: Array32, cost: float) -> NDArray[np.bool_]:
        """Which further isocentres, (n, sectors, collimators, points), would improve the plan."""
        worth = influence @ self.price.astype(np.float32)
        return np.asarray(np.maximum(worth.max(axis=2), 0.0).sum(axis=1) > cost)


class Programme:
    """A programme that keeps its basis, so that it can be solved again after a change."""

    def __init__(self, goals: Goals, influence: Array32, cost: float) -> None:
        import highspy

        self._goals = goals
        self._cost = cost
        self._pool = influence
        # Everything is divided by the cost of a minute, so that numbers are near 1.
        self._weight = goals.weight / cost
        self._fixed = np.zeros(len(goals.level), dtype=bool)
        self._column_of_goal = np.full(len(goals.level), -1, dtype=np.int64)
        self._active = np.empty(0, dtype=np.int64)
        self._row_of_variable: dict[int, int] = {}
        self._columns_of_group: dict[int, Index] = {}
        # The base class: `Highs` itself prints a banner before it can be told not to.
        model_class: Any = highspy.Highs.__base__
        self._model: Any = model_class()
        for option, value in _OPTIONS.items():
            self._model.setOptionValue(option, value)

    def extend(self, influence: Array32) -> None:
        """Offer more candidates: their numbers follow those of the present ones."""
        self._pool = np.concatenate([self._pool, influence])

    def start(self, groups: Index) -> None:
        """Begin with all variables of some isocentres and a sample of the goals."""
        for group in groups:
            size = self._pool[0, :, :, 0].size
            self._add_variables(group, np.arange(size) + group * size)
        rng = np.random.default_rng(1)
        n = len(self._weight)
        chosen = np.sort(rng.permutation(n)[: max(_FIRST_GOALS, n // 10)])
        self._add_goals(chosen, self._weight[chosen] * n / len(chosen))
        self._run()
        times, _ = self._times()
        self._model.changeColsBounds(
            len(self._active),
            self._column_of_goal[self._active].astype(np.int32),
            np.zeros(len(self._active)),
            self._weight[self._active],
        )
        self._sort_goals(self._goals.hinge(self._dose(times)))

    def start_from(self, times: Array) -> None:
        """Begin with the variables that are not zero in given times."""
        flat = times.reshape(len(times), -1)
        for group in np.flatnonzero(flat.any(axis=1)):
            used = np.flatnonzero(flat[group]) + group * flat.shape[1]
            self._add_variables(int(group), used)
        self._sort_goals(self._goals.hinge(self._dose(times.ravel())))

    def solve(self, gap: float = 1e-3, rounds: int = 40) -> Solution:
        """Solve until the gap is reached; the best plan and the best bound of all rounds."""
        best: Solution | None = None
        bound = -np.inf
        for _ in range(rounds):
            self._run()
            times, duals = self._times()
            hinge = self._goals.hinge(self._dose(times))
            objective = self._objective(times, hinge)
            price = self._goals.price(duals)
            of_variable = self._worth(price)
            worth = np.maximum(of_variable.max(axis=2), 0.0).sum(axis=1)
            value = float(-(self._goals.sign * self._goals.level) @ duals)
            bound = max(bound, value * min(1.0, 1.0 / max(float(worth.max()), 1e-12)))
            if best is None or objective < best.objective / self._cost:
                shape = self._pool.shape[:3]
                best = Solution(
                    times.reshape(shape), objective * self._cost, 0.0, price * self._cost
                )
            if (best.objective / self._cost - bound) <= gap * abs(objective):
                break
            wrong = self._sort_goals(hinge)
            entered = self._enter(of_variable, worth)
            if not wrong and not entered:
                break
        assert best is not None
        return Solution(best.times, best.objective, bound * self._cost, best.price)

    def _dose(self, flat_times: Array) -> Array:
        used = np.flatnonzero(flat_times)
        block = self._pool.reshape(-1, self._pool.shape[-1])[used]
        return np.asarray(flat_times[used].astype(np.float32) @ block, dtype=np.float64)

    def _worth(self, price: Array) -> Array:
        """What a minute of each variable is worth, in minutes of beam-on time."""
        flat = self._pool.reshape(-1, self._pool.shape[-1])
        worth = flat @ price.astype(np.float32)
        return np.asarray(worth, dtype=np.float64).reshape(self._pool.shape[:3])

    def _objective(self, flat_times: Array, hinge: Array) -> float:
        per_sector = flat_times.reshape(self._pool.shape[:3]).sum(axis=2)
        return float(self._weight @ np.maximum(hinge, 0.0) + per_sector.max(axis=1).sum())

    def _sort_goals(self, hinge: Array) -> bool:
        """Bring goals whose state is wrong, or may soon be, into the model; say if any was."""
        near = _NEAR * np.maximum(np.abs(self._goals.level), 1e-6)
        outside = self._column_of_goal < 0
        wrong = outside & np.where(self._fixed, hinge < -1e-5, hinge > 1e-5)
        close = outside & np.where(self._fixed, hinge < near, hinge > -near) & (hinge < near)
        first = len(self._active) == 0 or not self._fixed.any()
        if first:
            # A goal for MORE dose must stay a column: without it the programme has no bound.
            self._fixed = outside & (hinge >= near) & (self._goals.sign > 0)
            wrong = close = outside & ~self._fixed & (hinge > -near)
        if not wrong.any() and not first:
            return False
        new = np.flatnonzero(wrong | close)
        self._fixed[new] = False
        self._add_goals(new, self._weight[new])
        self._update_right_side()
        return True

    def _enter(self, of_variable: Array, worth: Array) -> bool:
        """Add the variables that pay of the isocentres that pay most."""
        groups = np.argsort(worth)[::-1][:_ENTER]
        groups = groups[worth[groups] > 1.0 + 1e-7]
        added = False
        n_sectors, n_sizes = of_variable.shape[1:]
        for group in groups:
            best = of_variable[group].argmax(axis=1)
            pays = of_variable[group].max(axis=1) > 1e-9
            sectors = np.flatnonzero(pays)
            flat = group * n_sectors * n_sizes + sectors * n_sizes + best[sectors]
            new = np.array([v for v in flat.tolist() if v not in self._row_of_variable])
            if len(new):
                self._add_variables(int(group), new)
                added = True
        return added

    def _add_variables(self, group: int, flat: Index) -> None:
        n_sectors, n_sizes = self._pool.shape[1:3]
        model = self._model
        if group not in self._columns_of_group:
            first = model.getNumCol()
            none = np.zeros(n_sectors)
            model.addCols(
                n_sectors, none, none, np.full(n_sectors, np.inf), 0, [0] * n_sectors, [], []
            )
            columns = np.arange(first, first + n_sectors)
            self._columns_of_group[group] = columns
            model.addRow(-np.inf, 1.0, n_sectors, columns.astype(np.int32), np.ones(n_sectors))
        block = self._pool.reshape(-1, self._pool.shape[-1])[flat]
        signed = self._goals.functionals(block, self._active) * self._goals.sign[self._active]
        sector = (flat // n_sizes) % n_sectors
        coupling = self._columns_of_group[group][sector]
        values = np.concatenate([signed, np.ones((len(flat), 1))], axis=1)
        columns = np.concatenate(
            [
                np.broadcast_to(self._column_of_goal[self._active], signed.shape),
                coupling[:, None],
            ],
            axis=1,
        )
        row = model.getNumRow()
        starts = np.arange(len(flat)) * values.shape[1]
        model.addRows(
            len(flat),
            -(block @ self._fixed_price()),
            np.full(len(flat), np.inf),
            values.size,
            starts.astype(np.int32),
            columns.ravel().astype(np.int32),
            values.ravel().astype(np.float64),
        )
        for k, variable in enumerate(flat.tolist()):
            self._row_of_variable[variable] = row + k

    def _add_goals(self, new: Index, weight: Array) -> None:
        if len(new) == 0:
            return
        variables = np.array(list(self._row_of_variable), dtype=np.int64)
        rows = np.array(list(self._row_of_variable.values()), dtype=np.int64)
        block = self._pool.reshape(-1, self._pool.shape[-1])[variables]
        values = (self._goals.functionals(block, new) * self._goals.sign[new]).T
        first = self._model.getNumCol()
        self._model.addCols(
            len(new),
            self._goals.sign[new] * self._goals.level[new],
            np.zeros(len(new)),
            weight,
            values.size,
            (np.arange(len(new)) * len(rows)).astype(np.int32),
            np.tile(rows, len(new)).astype(np.int32),
            np.ascontiguousarray(values, dtype=np.float64).ravel(),
        )
        self._column_of_goal[new] = np.arange(first, first + len(new))
        self._active = np.concatenate([self._active, new])

    def _fixed_price(self) -> Array32:
        """What the goals that are clearly missed say of dose at each point, with sign s."""
        duals = np.where(self._fixed, self._weight, 0.0)
        return np.asarray(-self._goals.price(duals), dtype=np.float32)

    def _update_right_side(self) -> None:
        variables = np.array(list(self._row_of_variable), dtype=np.int64)
        rows = np.array(list(self._row_of_variable.values()), dtype=np.int32)
        block = self._pool.reshape(-1, self._pool.shape[-1])[variables]
        lower = -(block @ self._fixed_price()).astype(np.float64)
        self._model.changeRowsBounds(len(rows), rows, lower, np.full(len(rows), np.inf))

    def _run(self) -> None:
        self._model.run()
        status = self._model.modelStatusToString(self._model.getModelStatus())
        if status != "Optimal":
            raise RuntimeError(f"the linear programme was not solved: {status}")

    def _times(self) -> tuple[Array, Array]:
        """Times of all candidates (flat) and dual values of all goals."""
        solution: Any = self._model.getSolution()
        times = np.zeros(self._pool[..., 0].size)
        variables = np.array(list(self._row_of_variable), dtype=np.int64)
        rows = np.array(list(self._row_of_variable.values()), dtype=np.int64)
        times[variables] = np.maximum(np.asarray(solution.row_dual)[rows], 0.0)
        duals = np.where(self._fixed, self._weight, 0.0)
        values = np.asarray(solution.col_value)[self._column_of_goal[self._active]]
        duals[self._active] = np.clip(values, 0.0, self._weight[self._active])
        return times, duals


_OPTIONS: dict[str, object] = {
    "output_flag": False,
    "presolve": "off",
    "solver": "simplex",
    "threads": 1,
}
