"""A coarse lattice under a grid, and the cubic spline from one to the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.dose.engine import Array32
from gkplan.dose.tables import LATTICE_MM
from gkplan.frames import Array
from gkplan.grid import Grid
from gkplan.head import Head

# Nodes this far (in steps) beyond the nearest to a voxel still matter to the spline there.
_REACH = 1
# Nodes beyond the grid on either side: at its own ends a spline is poor.
_BEYOND = 2


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """Nodes on axes that enclose a grid; only those near the voxels of interest are computed.

    Parameters
    ----------
    axes : coordinates of the nodes along x, y and z, mm
    wanted : (mz, my, mx) nodes to compute
    grid : the grid above
    """

    axes: tuple[Array, Array, Array]
    wanted: NDArray[np.bool_]
    grid: Grid

    @classmethod
    def under(cls, grid: Grid, inside: NDArray[np.bool_]) -> Lattice:
        """For the voxels `inside` (nk, nj, ni) of a grid."""
        from scipy.ndimage import binary_dilation

        axes, numbers = [], []
        for coordinates in grid.axes():
            span = coordinates[-1] - coordinates[0]
            steps = int(np.ceil(span / LATTICE_MM)) + 2 * _BEYOND
            start = coordinates[0] + (span - steps * LATTICE_MM) / 2
            axes.append(start + LATTICE_MM * np.arange(steps + 1))
            numbers.append(np.rint((coordinates - start) / LATTICE_MM).astype(np.int64))
        near = inside
        for axis, (number, nodes) in enumerate(zip(numbers[::-1], axes[::-1], strict=True)):
            first = np.flatnonzero(np.diff(number, prepend=-1))
            some = np.logical_or.reduceat(near, first, axis=axis)
            shape = list(near.shape)
            shape[axis] = len(nodes)
            near = np.zeros(shape, dtype=np.bool_)
            place: list[slice | NDArray[np.int64]] = [slice(None)] * 3
            place[axis] = number[first]
            near[tuple(place)] = some
        x, y, z = axes
        return cls(
            (x, y, z),
            binary_dilation(near, np.ones((3, 3, 3), dtype=np.bool_), iterations=_REACH),
            grid,
        )

    def points(self) -> Array:
        """The nodes to compute, (n, 3)."""
        k, j, i = np.nonzero(self.wanted)
        x, y, z = self.axes
        return np.stack([x[i], y[j], z[k]], axis=1)

    def on_grid(self, values: Array, out: Array32 | None = None) -> Array32:
        """Values (n,) at `points` as an array (nk, nj, ni) on the grid, float32."""
        from scipy.interpolate import make_interp_spline
        from scipy.ndimage import distance_transform_edt

        # Beyond the nodes computed the spline sees a continuation without a jump.
        nearest = distance_transform_edt(~self.wanted, return_distances=False, return_indices=True)
        full = np.zeros(self.wanted.shape)
        full[self.wanted] = values
        full = full[tuple(nearest)].astype(np.float32)
        along_x, along_y, along_z = (
            make_interp_spline(nodes, np.eye(len(nodes)))(coordinates).astype(np.float32)
            for nodes, coordinates in zip(self.axes, self.grid.axes(), strict=True)
        )
        rows = np.tensordot(along_z, full, axes=1)
        rows = np.matmul(along_y, rows)
        return np.matmul(rows, along_x.T, out=out)


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
