"""A coarse lattice under a grid, and the cubic spline from one to the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.dose.cells import Cells
from gkplan.dose.engine import Array32
from gkplan.dose.tables import LATTICE_MM
from gkplan.frames import Array
from gkplan.grid import Grid
from gkplan.head import Head

# Nodes this far (in steps) beyond the nearest to a voxel still matter to the spline there.
_REACH = 1
# Nodes beyond the grid on either side: at its own ends a spline is poor.
_BEYOND = 2
# Tails, being a small part of the dose, may share coefficients as far as this.
_CELL_MM, _CELL_POINTS = 20.0, 256


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """Nodes on axes that enclose a grid; only those near the voxels of interest are computed.

    Parameters
    ----------
    points : (n, 3) nodes to compute, mm
    cells : the same in cells
    nearest : (mz, my, mx) for each node the number of the nearest one that is computed
    along : for z, y and x the matrix (voxels, nodes) of the spline
    """

    points: Array
    cells: Cells
    nearest: NDArray[np.int64]
    along: tuple[Array32, Array32, Array32]

    @classmethod
    def under(cls, grid: Grid, inside: NDArray[np.bool_]) -> Lattice:
        """For the voxels `inside` (nk, nj, ni) of a grid."""
        from scipy.interpolate import make_interp_spline
        from scipy.ndimage import binary_dilation, distance_transform_edt

        axes, along = [], []
        near = inside
        for axis, coordinates in enumerate(grid.axes()[::-1]):
            span = coordinates[-1] - coordinates[0]
            steps = int(np.ceil(span / LATTICE_MM)) + 2 * _BEYOND
            start = coordinates[0] + (span - steps * LATTICE_MM) / 2
            nodes = start + LATTICE_MM * np.arange(steps + 1)
            axes.append(nodes)
            spline = make_interp_spline(nodes, np.eye(len(nodes)))
            along.append(spline(coordinates).astype(np.float32))
            near = _gathered(near, axis, np.rint((coordinates - start) / LATTICE_MM), len(nodes))
        wanted = binary_dilation(near, np.ones((3, 3, 3), dtype=np.bool_), iterations=_REACH)
        k, j, i = np.nonzero(wanted)
        points = np.stack([axes[2][i], axes[1][j], axes[0][k]], axis=1)
        number = np.zeros(wanted.shape, dtype=np.int64)
        number[wanted] = np.arange(len(points))
        if len(points):
            # Beyond the nodes computed the spline sees a continuation without a jump.
            nearest = distance_transform_edt(~wanted, return_distances=False, return_indices=True)
            number = number[tuple(nearest)]
        cells = Cells.of(points, _CELL_MM, _CELL_POINTS)
        return cls(points, cells, number, (along[0], along[1], along[2]))

    def on_grid(self, values: Array, out: Array32 | None = None) -> Array32:
        """Values (n,) at `points` as an array (nk, nj, ni) on the grid, float32."""
        along_z, along_y, along_x = self.along
        if not len(values):
            values = np.zeros(1)
        full = values.astype(np.float32)[self.nearest]
        planes = (along_z @ full.reshape(len(full), -1)).reshape(-1, *full.shape[1:])
        return np.matmul(np.matmul(along_y, planes), along_x.T, out=out)


@dataclass(frozen=True, slots=True, eq=False)
class GridInHead:
    """What of a grid lies in a head, (nk, nj, ni), and the lattice under that."""

    grid: Grid
    inside: NDArray[np.bool_]
    lattice: Lattice

    @classmethod
    def of(cls, grid: Grid, head: Head) -> GridInHead:
        inside = head.on_grid(grid)
        return cls(grid, inside, Lattice.under(grid, inside))


def _gathered(flags: NDArray[np.bool_], axis: int, number: Array, count: int) -> NDArray[np.bool_]:
    """Flags with an axis of `count` places; one is set where any flag with its number is.

    The numbers (one for each place along the axis) ascend.
    """
    first = np.flatnonzero(np.diff(number, prepend=-1.0))
    shape = list(flags.shape)
    shape[axis] = count
    gathered = np.zeros(shape, dtype=np.bool_)
    place: list[slice | NDArray[np.int64]] = [slice(None)] * 3
    place[axis] = number[first].astype(np.int64)
    gathered[tuple(place)] = np.logical_or.reduceat(flags, first, axis=axis)
    return gathered
