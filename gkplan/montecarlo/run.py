"""Batches of histories: computed anywhere, added up in order, until the dose is sure enough."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.montecarlo.problem import Work

Report = Callable[[str], None]
# The spread of fewer batches says little of the uncertainty.
FEWEST_BATCHES = 8


@dataclass(slots=True, eq=False)
class Tally:
    """Sums over the batches so far: of the dose a ray (MeV cm3/g), and of its square."""

    batches: int
    total: Array
    squares: Array

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> Tally:
        return cls(0, np.zeros(shape), np.zeros(shape))

    def add(self, dose: Array) -> None:
        self.batches += 1
        for k, slab in enumerate(dose):
            self.total[k] += slab
            self.squares[k] += slab * slab

    @property
    def mean(self) -> Array:
        return self.total / self.batches

    @property
    def standard_error(self) -> Array:
        """One sigma of the mean of each voxel, from the spread of the batches."""
        if self.batches < 2:
            return np.full(self.total.shape, np.inf)
        return _error(self.total, self.squares, self.batches)

    def uncertainty(self) -> float:
        """Root mean square of the relative uncertainty where the dose is above half its maximum.

        Every voxel counts by what it has for sure, three standard errors below its mean, so that
        one lucky voxel neither is the maximum nor near it.
        """
        if self.batches < 2:
            return float("inf")
        # Few voxels are near the maximum: the others are looked at only if it is a lucky one.
        least = 0.1 * self.total.max()
        mean, error, sure = self._sure(self.total > least)
        if sure.max(initial=0.0) * 0.5 * self.batches < least:
            mean, error, sure = self._sure(self.total > 0.0)
        if sure.max(initial=0.0) <= 0.0:
            return float("inf")
        there = sure > 0.5 * sure.max()
        return float(np.sqrt(np.mean((error[there] / mean[there]) ** 2)))

    def _sure(self, there: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        """Mean, one sigma of it, and three of these below it, of chosen voxels."""
        total, squares, n = self.total[there], self.squares[there], self.batches
        mean, error = total / n, _error(total, squares, n)
        return mean, error, mean - 3.0 * error


def _error(total: Array, squares: Array, n: int) -> Array:
    return np.asarray(np.sqrt(np.maximum(squares / n - (total / n) ** 2, 0.0) / (n - 1)))


def run(
    work: Work,
    uncertainty: float,
    tally: Tally,
    most_batches: int = 100_000,
    executor: Executor | None = None,
    report: Report = lambda _: None,
    keep: Callable[[Tally], None] = lambda _: None,
    workers: int = 1,
) -> Tally:
    """Add batches to a tally until the dose is known to the uncertainty.

    Parameters
    ----------
    uncertainty : the aim, a fraction: see `Tally.uncertainty`
    tally : where to begin: an empty one, or what an earlier run came to
    executor : where batches are computed; threads of this process if it is not given
    keep : called now and then with the tally, to save it
    workers : how many batches are computed at once

    Notes
    -----
    Batches are added in order and the end is decided after each, so that neither the executor,
    the number of workers nor an interruption changes a bit of the result.
    """
    if executor is None:
        with ThreadPoolExecutor(workers) as pool:
            return run(work, uncertainty, tally, most_batches, pool, report, keep, workers)
    for dose in _in_order(executor, work, tally.batches, most_batches, 2 * workers):
        tally.add(dose)
        reached = tally.uncertainty() if tally.batches >= FEWEST_BATCHES else float("inf")
        keep(tally)
        if np.isfinite(reached):
            report(
                f"Monte Carlo: {tally.batches} batches, uncertainty {100 * reached:.2f} % "
                f"of {100 * uncertainty:g} %"
            )
        else:
            report(f"Monte Carlo: {tally.batches} of at least {FEWEST_BATCHES} batches")
        if reached <= uncertainty:
            break
    return tally


def _in_order(executor: Executor, work: Work, first: int, most: int, ahead: int) -> Iterator[Array]:
    """The doses of batches `first` to `most`, in order; some are begun ahead."""
    waiting: deque[Future[Array]] = deque()
    number = first
    try:
        while True:
            while number < most and len(waiting) < ahead:
                waiting.append(executor.submit(work.dose, number))
                number += 1
            if not waiting:
                return
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
