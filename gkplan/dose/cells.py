"""Scattered points in small cells, which share the coefficients of a beam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array

# Runs of so many points within a cell are compact themselves.
RUN = 64


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Points sorted so that each cell is a run of them.

    Parameters
    ----------
    order : (n,) numbers of the points, cell by cell
    starts : (cells + 1,) where each cell begins in `order`
    centers : (cells, 3) middle of the box about each cell's points
    """

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    centers: Array

    @classmethod
    def of(cls, points_mm: Array, edge_mm: float, most: int) -> Cells:
        """Cells of at most `most` points, each within a box with no side above `edge_mm`."""
        from gkplan.kernels.halving import halve

        if not len(points_mm):
            return cls(np.zeros(0, np.int64), np.zeros(1, np.int64), np.zeros((0, 3)))
        order, ends = halve(points_mm, edge_mm, most, RUN)
        starts = np.concatenate([[0], ends])
        ordered = points_mm[order]
        high = np.maximum.reduceat(ordered, starts[:-1], axis=0)
        low = np.minimum.reduceat(ordered, starts[:-1], axis=0)
        return cls(order, starts, (high + low) / 2)

    @property
    def places(self) -> NDArray[np.int64]:
        """Where in the order of the cells each point is, (n,)."""
        places = np.empty_like(self.order)
        places[self.order] = np.arange(len(self.order))
        return places
