"""A coarse lattice under a grid, and the cubic spline from one to the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.dose.cells import Cells
from gkplan.dose.engine import Array32
from gkplan.frames import Array
from gkplan.grid import Grid
from gkplan.head import Head

# Coarser than the tail of a single beam bears (`tables`): the errors of many average out.
LATTICE_MM = 5.0
# Nodes beyond the grid on either side: at its own ends a spline is poor. So far, less one step,
# nodes beyond the nearest to a voxel still matter to the spline there.
_BEYOND = 3
# Tails, being a small part of the dose, may share coefficients as far as this.
_CELL_MM = 20.0
# Edge of the boxes of a grid.
_BOX_MM = 5.0
# Diagonals on either side in a cubic spline without extra knots at its ends.
_BAND = 2


@dataclass(frozen=True, slots=True, eq=False)
class _Axis:
    """A cubic spline through nodes, and which coefficients (and how much of them) make a voxel.

    `bands` (5, n) are the diagonals of the matrix that makes values at nodes of coefficients.
    """

    nodes: Array
    bands: Array
    first: NDArray[np.int64]
    weights: Array32

    @classmethod
    def of(cls, nodes: Array, coordinates: Array) -> _Axis:
        from scipy.interpolate import BSpline, make_interp_spline

        knots = make_interp_spline(nodes, np.zeros(len(nodes))).t
        matrix = BSpline.design_matrix(coordinates, knots, 3)
        here = BSpline.design_matrix(nodes, knots, 3).toarray()
        bands = np.zeros((2 * _BAND + 1, len(nodes)))
        for off in range(-_BAND, _BAND + 1):
            row = np.diagonal(here, off)
            bands[_BAND - off, max(off, 0) : max(off, 0) + len(row)] = row
        return cls(
            nodes,
            bands,
            matrix.indices.reshape(-1, 4)[:, 0].astype(np.int64),
            matrix.data.reshape(-1, 4).astype(np.float32),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """Nodes on axes that enclose a grid; only those near the voxels of interest are computed.

    Parameters
    ----------
    points : (n, 3) nodes to compute, mm
    cells : the same in cells
    nearest : (mz, my, mx) for each node the number of the nearest one that is computed
    axes : for z, y and x the spline along that axis
    """

    points: Array
    cells: Cells
    nearest: NDArray[np.int64]
    axes: tuple[_Axis, _Axis, _Axis]

    @classmethod
    def under(cls, grid: Grid, inside: NDArray[np.bool_]) -> Lattice:
        """For the voxels `inside` (nk, nj, ni) of a grid."""
        from scipy.ndimage import binary_dilation, distance_transform_edt

        from gkplan.kernels.placed import MOST_POINTS

        axes, numbers = [], []
        for coordinates in grid.axes()[::-1]:
            span = coordinates[-1] - coordinates[0]
            steps = int(np.ceil(span / LATTICE_MM)) + 2 * _BEYOND
            start = coordinates[0] + (span - steps * LATTICE_MM) / 2
            axes.append(_Axis.of(start + LATTICE_MM * np.arange(steps + 1), coordinates))
            numbers.append(np.rint((coordinates - start) / LATTICE_MM).astype(np.int64))
        near = _any_in_box(inside, numbers, tuple(len(axis.nodes) for axis in axes))
        wanted = binary_dilation(near, np.ones((3, 3, 3), dtype=np.bool_), iterations=_BEYOND - 1)
        k, j, i = np.nonzero(wanted)
        points = np.stack([axes[2].nodes[i], axes[1].nodes[j], axes[0].nodes[k]], axis=1)
        number = np.zeros(wanted.shape, dtype=np.int64)
        number[wanted] = np.arange(len(points))
        if len(points):
            # Beyond the nodes computed the spline sees a continuation without a jump.
            nearest = distance_transform_edt(~wanted, return_distances=False, return_indices=True)
            number = number[tuple(nearest)]
        cells = Cells.of(points, _CELL_MM, MOST_POINTS)
        return cls(points, cells, number, (axes[0], axes[1], axes[2]))

    def on_grid(
        self, values: Array, inside: NDArray[np.bool_], out: Array32 | None = None
    ) -> Array32:
        """Values (n,) at `points` carried to the voxels `inside` (nk, nj, ni), 0 elsewhere."""
        from scipy.linalg import solve_banded

        from gkplan.kernels.spline import spline_on_grid

        result = np.empty(inside.shape, dtype=np.float32) if out is None else out
        coefficients = (values if len(values) else np.zeros(1))[self.nearest]
        for number, axis in enumerate(self.axes):
            first = np.moveaxis(coefficients, number, 0)
            columns = first.reshape(len(axis.nodes), -1)
            solved = solve_banded((_BAND, _BAND), axis.bands, columns, check_finite=False)
            coefficients = np.moveaxis(solved.reshape(first.shape), 0, number)
        spline_on_grid(
            np.ascontiguousarray(coefficients, dtype=np.float32),
            tuple(axis.first for axis in self.axes),
            tuple(axis.weights for axis in self.axes),
            inside,
            result,
        )
        return result


@dataclass(frozen=True, slots=True, eq=False)
class GridInHead:
    """What of a grid lies in a head, and the lattice under that.

    Parameters
    ----------
    inside : (nk, nj, ni) voxels
    edge : (3,) voxels (x, y, z) of a box: points near enough to share what beams have in common
    boxes : (mk, mj, mi) boxes that hold voxels inside
    """

    grid: Grid
    inside: NDArray[np.bool_]
    edge: NDArray[np.int64]
    boxes: NDArray[np.bool_]
    lattice: Lattice

    @classmethod
    def of(cls, grid: Grid, head: Head) -> GridInHead:
        inside = head.on_grid(grid)
        edge = np.maximum(np.rint(_BOX_MM / np.array(grid.spacing_mm)), 1).astype(np.int64)
        numbers = [np.arange(n) // size for n, size in zip(inside.shape, edge[::-1], strict=True)]
        boxes = _any_in_box(inside, numbers, tuple(int(number[-1]) + 1 for number in numbers))
        return cls(grid, inside, edge, boxes, Lattice.under(grid, inside))


def _any_in_box(
    flags: NDArray[np.bool_], numbers: Sequence[NDArray[np.int64]], counts: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Which boxes hold a set flag; along each axis the numbers of a voxel's box ascend."""
    from gkplan.kernels.rows import any_in_box

    first = np.searchsorted(numbers[0], np.arange(counts[0] + 1))
    return np.asarray(any_in_box(flags, first, numbers[1], numbers[2], counts))
