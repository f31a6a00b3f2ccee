"""The solver's side of the linear programme: rows for shots, columns for goals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array

Index = NDArray[np.int64]

_OPTIONS: dict[str, object] = {
    "output_flag": False,
    "presolve": "off",
    "solver": "simplex",
    "threads": 1,
    "simplex_strategy": 1,
    "simplex_scale_strategy": 2,
}
_OTHER_WAYS: tuple[dict[str, object], ...] = (
    {"presolve": "on"},
    {"simplex_strategy": 4},
    {"simplex_scale_strategy": 0},
    {"solver": "ipm"},
)


class DualModel:
    """``min sum_r level_r y_r`` with ``0 <= y <= weight`` and ``seen @ y >= floor``, growing.

    A row for every shot, a column for every goal; the dual value of a row is the time of its
    shot. The basis is kept from one solution to the next.
    """

    def __init__(self) -> None:
        import highspy

        # The base class: `Highs` itself prints a banner before it can be told not to.
        model_class: Any = highspy.Highs.__base__
        self._highs: Any = model_class()
        for option, value in _OPTIONS.items():
            self._highs.setOptionValue(option, value)

    def add_rows(self, seen: Array, floor: Array) -> None:
        """Shots with what they give to each goal so far, (n, columns)."""
        n, width = seen.shape
        self._highs.addRows(
            n,
            floor,
            np.full(n, np.inf),
            seen.size,
            (np.arange(n) * width).astype(np.int32),
            np.tile(np.arange(width, dtype=np.int32), n),
            np.ascontiguousarray(seen, dtype=np.float64).ravel(),
        )

    def add_columns(self, seen: Array, level: Array, weight: Array) -> None:
        """Goals with what each shot so far gives to them, (n, rows)."""
        n, height = seen.shape
        self._highs.addCols(
            n,
            level,
            np.zeros(n),
            weight,
            seen.size,
            (np.arange(n) * height).astype(np.int32),
            np.tile(np.arange(height, dtype=np.int32), n),
            np.ascontiguousarray(seen, dtype=np.float64).ravel(),
        )

    def set_weights(self, weight: Array) -> None:
        """The weight of every column."""
        n = len(weight)
        self._highs.changeColsBounds(n, np.arange(n, dtype=np.int32), np.zeros(n), weight)

    def set_floors(self, floor: Array) -> None:
        """The floor of every row; minus infinity makes its shot impossible."""
        n = len(floor)
        self._highs.changeRowsBounds(n, np.arange(n, dtype=np.int32), floor, np.full(n, np.inf))

    def solve(self) -> tuple[Array, Array]:
        """Times of the rows and values of the columns at the optimum."""
        status = self._run()
        # A basis of near-equal shots can be too ill-conditioned to go on from: begin anew, then by
        # other ways to the same optimum.
        for other in ({}, *_OTHER_WAYS):
            if status == "Optimal":
                break
            self._highs.clearSolver()
            for option, value in other.items():
                self._highs.setOptionValue(option, value)
            status = self._run()
            for option in other:
                self._highs.setOptionValue(option, _OPTIONS[option])
        if status != "Optimal":
            raise RuntimeError(f"the linear programme was not solved: {status}")
        solution: Any = self._highs.getSolution()
        return np.maximum(np.asarray(solution.row_dual), 0.0), np.asarray(solution.col_value)

    def _run(self) -> str:
        self._highs.run()
        return str(self._highs.modelStatusToString(self._highs.getModelStatus()))
