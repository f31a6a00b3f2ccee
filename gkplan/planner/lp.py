"""The linear programme of inverse planning, solved through its dual.

``min  sum_r w_r max(0, s_r (A_r x - l_r)) + cost . x   over x >= 0`` with ``G x <= 0``.

Rows r are voxels (or any linear functional of the dose) with a level l, a sign s (+1: too much
hurts, -1: too little hurts) and a weight w. In the dual each row is one bounded column, which
the simplex method handles far faster than a constraint (planning literature: dualization).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array, hstack

from gkplan.frames import Array


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Goals on linear functionals of the variables: `matrix` (n, m), the rest (n,)."""

    matrix: NDArray[np.float32]
    level: Array
    sign: Array
    weight: Array

    def hinge(self, x: Array) -> Array:
        """Signed violation (n,) of each goal, before the weight."""
        return np.asarray(self.sign * (self.matrix @ x - self.level), dtype=np.float64)


def solve(rows: Rows, cost: Array, coupling: csr_array | None = None) -> Array:
    """The optimal x (m,), exact over all rows by a growing working set.

    `coupling` is G, (k, m + extra): variables beyond those of `rows` have `cost` only.
    """
    n = len(rows.level)
    m = rows.matrix.shape[1]
    rng = np.random.default_rng(1)
    active = np.zeros(n, dtype=bool)
    active[rng.permutation(n)[: max(300, n // 12)]] = True
    x = np.zeros(len(cost))
    for _ in range(8):
        x = _solve_active(rows, np.flatnonzero(active), cost, coupling)
        hinge = rows.hinge(x[:m])
        missing = (hinge > -0.02) & ~active
        if not (hinge[~active] > 1e-4).any():
            break
        active |= missing
    return x


def _solve_active(
    rows: Rows, active: NDArray[np.int64], cost: Array, coupling: csr_array | None
) -> Array:
    signed = rows.sign[active, None] * rows.matrix[active]
    extra = len(cost) - rows.matrix.shape[1]
    block = np.vstack([-signed.T, np.zeros((extra, len(active)))])
    dual_cost = rows.sign[active] * rows.level[active]
    bounds = [(0.0, w) for w in rows.weight[active]]
    matrix = csr_array(block)
    if coupling is not None:
        matrix = csr_array(hstack([matrix, -coupling.T]))
        dual_cost = np.concatenate([dual_cost, np.zeros(coupling.shape[0])])
        bounds += [(0.0, np.inf)] * coupling.shape[0]
    limits = np.array(bounds)
    result = linprog(dual_cost, A_ub=matrix, b_ub=cost, bounds=limits, method="highs-ds")  # type: ignore[call-overload]
    if result.status != 0:
        raise RuntimeError(f"the linear programme was not solved: {result.message}")
    return np.maximum(-np.asarray(result.ineqlin.marginals, dtype=np.float64), 0.0)
