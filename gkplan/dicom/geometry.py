"""From a grid of the Leksell frame to one along the axes of the patient, and back."""

from __future__ import annotations

import numpy as np

from gkplan.errors import PlanError
from gkplan.frames import Array, Frame, RigidTransform
from gkplan.grid import Grid, Volume

_HALF_TURN = np.diag([1.0, -1.0, -1.0])


def is_axial(patient_from_leksell: RigidTransform) -> bool:
    """Whether the axes of the frame are those of the patient."""
    return bool(np.allclose(patient_from_leksell.rotation, _HALF_TURN, atol=1e-6))


def check_axial(patient_from_leksell: RigidTransform) -> None:
    """Refuse a tilted frame where the images are ours to write: they would be oblique.

    Raises
    ------
    PlanError
    """
    if not is_axial(patient_from_leksell):
        raise PlanError(
            "patient_from_leksell: the Leksell frame is rotated against the patient axes; DICOM "
            "export writes axial images only, so without images of the user's own its rotation "
            "must be diag(1, -1, -1)"
        )


def in_patient_axes(dose: Volume, patient_from_leksell: RigidTransform) -> Volume:
    """A dose on voxels along the patient's axes: turned over, or, of a tilted frame, interpolated.

    Notes
    -----
    The tilted grid is the largest axial box of the same proportions and middle that lies within
    `dose` (`reach_of_tilted` says how much smaller it is), at the same spacing. A cubic spline
    between the voxels; where the dose jumps, at the surface of the head, it is off within a voxel.
    """
    if is_axial(patient_from_leksell):
        return flipped(dose, patient_from_leksell)
    from scipy.ndimage import map_coordinates

    axes = dose.grid.axes()
    low, high = (np.array([axis[end] for axis in axes]) for end in (0, -1))
    half = (high - low) / 2 * reach_of_tilted(high - low, patient_from_leksell)
    spacing = min(dose.grid.spacing_mm)
    # A whole number of steps: what `Grid.around` adds would lie outside.
    steps = np.floor(half / spacing) * spacing
    middle = patient_from_leksell((low + high) / 2)
    grid = Grid.around(np.array([middle - steps, middle + steps]), spacing, Frame.PATIENT)
    to_leksell = patient_from_leksell.inverse
    known = np.asarray(dose.array, dtype=np.float64)
    index = dose.grid.fractional_index(to_leksell(grid.points())).T
    values = map_coordinates(known, index, order=3, mode="nearest")
    values = np.clip(values, 0.0, known.max()).reshape(grid.shape).astype(np.float32)
    return Volume(values, grid, dose.quantity)


def reach_of_tilted(size_mm: Array, patient_from_leksell: RigidTransform) -> float:
    """How large an axial box can be within a tilted one of this size (3,), as a part of it."""
    turned = np.abs(patient_from_leksell.rotation.T) @ size_mm
    return float((size_mm / turned).min())


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
