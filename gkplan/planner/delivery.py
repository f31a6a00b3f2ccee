"""From optimal sector times to few shots that the machine can deliver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.planner.goals import Goals
from gkplan.planner.programme import Programme
from gkplan.planner.sequence import State, composite_states, minimum_time
from gkplan.shot import BLOCKED
from gkplan.unit import RadiationUnit

_LOSS = 0.01  # of the objective, that fewer shots may cost


@dataclass(frozen=True, slots=True)
class Piece:
    """One deliverable sector state at one isocentre (number)."""

    isocenter: int
    state: State


def pieces_of(
    times: Array, influence: NDArray[np.float32], unit: RadiationUnit
) -> tuple[list[Piece], NDArray[np.float32]]:
    """States that deliver times (n, sectors, sizes), and their influence (pieces, points)."""
    sizes = unit.collimator_sizes_mm
    pieces = [
        Piece(n, state) for n in range(len(times)) for state, _ in composite_states(times[n], unit)
    ]
    patterns = [
        np.sum(
            [
                influence[p.isocenter, s, sizes.index(size)]
                for s, size in enumerate(p.state)
                if size != BLOCKED
            ],
            axis=0,
        )
        for p in pieces
    ]
    return pieces, np.array(patterns)


def polished(
    goals: Goals,
    pieces: list[Piece],
    influence: NDArray[np.float32],
    unit: RadiationUnit,
    cost: float,
    report: Callable[[str], None],
) -> tuple[list[Piece], Array]:
    """Times (min) with the states fixed; shots too short, or hardly missed, are dropped."""
    shortest = np.array([minimum_time(p.state, unit) for p in pieces])

    def optimum(kept: NDArray[np.int64]) -> tuple[Array, float]:
        programme = Programme(goals, influence[kept][:, None, None, :], cost)
        programme.start(np.arange(len(kept)))
        solution = programme.solve(gap=1e-4)
        return solution.times.ravel(), solution.objective

    kept = np.arange(len(pieces))
    x, best = optimum(kept)
    while len(kept) > 1:
        report(f"polishing {len(kept)} shots")
        short = x < shortest[kept]
        if short.any():
            drop = short & (x <= np.median(x[short]))
        else:
            drop = np.zeros(len(kept), dtype=bool)
            drop[np.argsort(x)[: max(1, len(kept) // 12)]] = True
        trial, value = optimum(kept[~drop])
        if not short.any() and value > best * (1 + _LOSS):
            break
        kept, x = kept[~drop], trial
        if short.any():
            best = min(best, value)
    return [pieces[k] for k in kept], np.maximum(x, shortest[kept])
