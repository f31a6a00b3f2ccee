"""Where the smooth tails of profiles are computed in a cell of points, and how they spread."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gkplan.dose.cells import Cells
from gkplan.dose.engine import Array32
from gkplan.frames import Array

# A polynomial of this total degree stands for the tail within a cell of at most this diagonal. Of a
# helmet the errors of all sources add up (see `tables`).
DEGREE = 4
CARRIED_MM, HELMET_CARRIED_MM = 22.0, 15.0
# For fewer points in a cell, nodes and what is carried from them cost more than they save.
_FEWEST = 129


@dataclass(frozen=True, slots=True, eq=False)
class TailNodes:
    """For each cell the nodes, and the polynomial through them at the cell's points.

    Parameters
    ----------
    offsets : (cells, 3, nodes and some more) float32 from the cell's centre, mm
    spread : (cells, nodes and some of no weight, most points) float32; the value at point p is
        the sum of spread[:, p] times that at the nodes
    carried : (cells,) whether that is worth it: not if the points are few, or too far apart
    """

    offsets: Array32
    spread: Array32
    carried: NDArray[np.bool_]

    @classmethod
    def of(cls, ordered_mm: Array, cells: Cells, diagonal_mm: float) -> TailNodes:
        """For the points in the order of the cells (n, 3); none in larger cells."""
        from gkplan.kernels.influence import TOGETHER
        from gkplan.kernels.placed import LANES, MOST_POINTS

        count = np.diff(cells.starts)
        cell = np.repeat(np.arange(len(count)), count)
        offset = ordered_mm - cells.centers[cell]
        # A flat cell has no extent along some axis; any will do then.
        half = np.maximum(np.maximum.reduceat(np.abs(offset), cells.starts[:-1], axis=0), 0.5)
        nodes, coefficients = _box_nodes()
        values = coefficients @ _monomials(offset / half[cell])
        rows = len(nodes) + -len(nodes) % TOGETHER
        spread = np.zeros((len(count), rows, MOST_POINTS), dtype=np.float32)
        spread[cell, : len(nodes), np.arange(len(offset)) - cells.starts[cell]] = values.T
        padded = np.pad(nodes.T, ((0, 0), (0, rows + -rows % LANES - len(nodes))))
        offsets = np.ascontiguousarray(padded * half[:, :, None], dtype=np.float32)
        carried = (count >= _FEWEST) & (2.0 * np.linalg.norm(half, axis=1) <= diagonal_mm)
        return cls(offsets, spread, carried)


def _monomials(points: Array) -> Array:
    """All products of Legendre polynomials up to the total degree, (terms, n)."""
    from scipy.special import eval_legendre

    x, y, z = ([eval_legendre(k, c) for k in range(DEGREE + 1)] for c in points.T)
    terms = [
        x[i] * y[j] * z[k]
        for i in range(DEGREE + 1)
        for j in range(DEGREE + 1 - i)
        for k in range(DEGREE + 1 - i - j)
    ]
    return np.array(terms)


@lru_cache(maxsize=1)
def _box_nodes() -> tuple[Array, Array]:
    """Nodes in the cube [-1, 1]^3 that determine the polynomial well, and its inverse matrix.

    Chosen one after the other out of a lattice, each where the polynomials differ most from
    those seen so far (QR with pivoting: approximate Fekete points).
    """
    from scipy.linalg import qr

    line = np.cos(np.pi * (np.arange(7) + 0.5) / 7)
    lattice: Array = np.stack(np.meshgrid(line, line, line), axis=-1).reshape(-1, 3)
    terms = _monomials(lattice)
    chosen = qr(terms, mode="r", pivoting=True)[1][: len(terms)]
    return lattice[chosen], np.asarray(np.linalg.inv(terms[:, chosen]), dtype=np.float64)
