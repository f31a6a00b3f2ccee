"""From a grid of the Leksell frame to that of a DICOM series, and back."""

from __future__ import annotations

import numpy as np

from gkplan.errors import PlanError
from gkplan.frames import RigidTransform
from gkplan.grid import Grid, Volume

_HALF_TURN = np.diag([1.0, -1.0, -1.0])


def check_axial(patient_from_leksell: RigidTransform) -> None:
    """Refuse a frame that is tilted in the images: its grids would be oblique series.

    Raises
    ------
    PlanError
    """
    if not np.allclose(patient_from_leksell.rotation, _HALF_TURN, atol=1e-6):
        raise PlanError(
            "patient_from_leksell: the Leksell frame is rotated against the patient axes; DICOM "
            "export writes axial series only, so its rotation must be diag(1, -1, -1)"
        )


def regrid(grid: Grid, transform: RigidTransform) -> Grid:
    """The same voxels in the other frame, their indices ascending along its axes.

    Between the Leksell and the patient frame lies half a turn about x, so the first voxel of
    the one has the last row and the last slice of the other.
    """
    x, y, z = grid.axes()
    corner = transform([x[0], y[-1], z[-1]])
    # A millionth of a millimetre is noise of the arithmetic; + 0.0 makes a zero of minus zero.
    ox, oy, oz = (float(c) for c in np.round(corner, 6) + 0.0)
    return Grid(grid.shape, grid.spacing_mm, (ox, oy, oz), transform.target)


def flipped(volume: Volume, transform: RigidTransform) -> Volume:
    """The volume on the grid of `regrid`: rows and slices reversed, nothing interpolated."""
    grid = regrid(volume.grid, transform)
    return Volume(volume.array[::-1, ::-1, :], grid, volume.quantity)
