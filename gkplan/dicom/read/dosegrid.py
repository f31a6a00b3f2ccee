"""RT Dose of any system onto a grid of the Leksell frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread

from gkplan.dicom.reading import reading
from gkplan.frames import Array, Frame, RigidTransform
from gkplan.grid import Grid, Volume

# A rotation this near to a turn by right angles is one: files hold about six decimals.
_SQUARE = 1e-4
_MOST_VOXELS = 60_000_000
# Voxels that a dose is carried on for, and part of one by which rounding may pass its edge.
_CARRIED, _EDGE = 12, 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class DoseImage:
    """Gy in voxels of any orientation.

    Parameters
    ----------
    dose_gy : (nk, nj, ni)
    axes : (3, 3) unit vectors of the patient frame along which i, j, k ascend, as columns
    spacing_mm : of i, j, k
    origin_mm : (3,) patient frame, centre of voxel [0, 0, 0]
    """

    dose_gy: Array
    axes: Array
    spacing_mm: tuple[float, float, float]
    origin_mm: Array

    def in_leksell(self, leksell_from_patient: RigidTransform) -> Volume:
        """On a grid of the Leksell frame: turned by right angles if that does, else interpolated.

        An interpolated grid spans what the image does, with its smallest spacing; beyond the
        image the dose is nan.
        """
        axes = leksell_from_patient.rotate(self.axes.T).T
        origin = leksell_from_patient(self.origin_mm)
        square = np.rint(axes)
        if np.allclose(np.abs(square).sum(axis=0), 1.0) and np.allclose(axes, square, atol=_SQUARE):
            return self._turned(square, origin)
        spacing = np.array(self.spacing_mm)
        size = (np.array(self.dose_gy.shape[::-1]) - 1) * spacing
        corners = (
            origin
            + (np.stack(np.meshgrid([0, 1], [0, 1], [0, 1]), -1).reshape(-1, 3) * size) @ axes.T
        )
        grid = Grid.around(
            [corners.min(axis=0), corners.max(axis=0)], float(spacing.min()), Frame.LEKSELL
        )
        return Volume(self._sampled(grid, axes, origin), grid, "dose_gy")

    def _turned(self, square: Array, origin: Array) -> Volume:
        # Which of i, j, k runs along x, y, z, and whether backwards.
        along = np.abs(square).argmax(axis=1)
        signs = square[np.arange(3), along]
        array = self.dose_gy.transpose([2 - along[2], 2 - along[1], 2 - along[0]])
        corner = origin.copy()
        for axis in range(3):
            if signs[axis] < 0:
                array = np.flip(array, 2 - axis)
                corner[axis] -= self.spacing_mm[along[axis]] * (
                    self.dose_gy.shape[2 - along[axis]] - 1
                )
        sx, sy, sz = (self.spacing_mm[a] for a in along)
        x, y, z = (float(c) for c in np.round(corner, 6) + 0.0)
        shape = (array.shape[0], array.shape[1], array.shape[2])
        grid = Grid(shape, (sx, sy, sz), (x, y, z), Frame.LEKSELL)
        return Volume(np.ascontiguousarray(array), grid, "dose_gy")

    def _sampled(self, grid: Grid, axes: Array, origin: Array) -> Array:
        from scipy.ndimage import map_coordinates, spline_filter

        x, y, z = grid.axes()
        out = np.empty(grid.shape)
        # Linear, the peak of a small shot between voxels of 1 mm would come out 2 % low. A spline
        # bends at an edge; carried on beyond it as it came, the dose does not.
        carried = np.pad(self.dose_gy, _CARRIED, mode="reflect", reflect_type="odd")
        nodes = spline_filter(carried, mode="mirror")
        last = np.array(self.dose_gy.shape) - 1
        yy, xx = np.meshgrid(y, x, indexing="ij")
        for k, height in enumerate(z):
            points = np.stack([xx, yy, np.full(xx.shape, height)], axis=-1)
            index = (((points - origin) @ axes) / np.array(self.spacing_mm))[..., ::-1]
            values = map_coordinates(
                nodes, np.moveaxis(index + _CARRIED, -1, 0), order=3, prefilter=False
            )
            known = ((index >= -_EDGE) & (index <= last + _EDGE)).all(axis=-1)
            out[k] = np.where(known, np.clip(values, 0.0, None), np.nan)
        return out


def read_dose(path: Path) -> DoseImage:
    """The dose of a plan from an RT Dose file of any system.

    Integers of any width, any orientation of rows and columns, frames at relative or absolute
    offsets in either order.

    Raises
    ------
    CaseError
        Naming the file and the tag: another unit than Gy, another summation than the plan's,
        uneven frames, or damage.
    """
    with reading(path):
        dataset = dcmread(path)
        if dataset.DoseUnits != "GY":
            raise ValueError(f"DoseUnits: expected GY, got {dataset.DoseUnits}")
        if dataset.DoseSummationType != "PLAN":
            raise ValueError(f"DoseSummationType: expected PLAN, got {dataset.DoseSummationType}")
        frames = int(dataset.get("NumberOfFrames", 1) or 1)
        if frames * int(dataset.Rows) * int(dataset.Columns) > _MOST_VOXELS:
            raise ValueError(
                f"NumberOfFrames, Rows, Columns: {frames} x {dataset.Rows} x {dataset.Columns} "
                f"voxels, expected at most {_MOST_VOXELS}"
            )
        scaling = float(dataset.DoseGridScaling)
        if not 0.0 < scaling < 1e6:
            raise ValueError(f"DoseGridScaling: expected a positive number, got {scaling}")
        array = dataset.pixel_array.astype(np.float64) * scaling
        array = array.reshape(frames, int(dataset.Rows), int(dataset.Columns))
        row, column = np.array(dataset.ImageOrientationPatient, float).reshape(2, 3)
        normal = np.cross(row, column)
        axes = np.stack([row, column, normal], axis=1)
        if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-3):
            raise ValueError("ImageOrientationPatient: rows and columns are not at right angles")
        dy, dx = (float(v) for v in dataset.PixelSpacing)
        origin = np.array(dataset.ImagePositionPatient, float)
        offsets = _offsets(dataset, frames, origin, normal)
        if frames > 1 and offsets[1] < offsets[0]:
            array, offsets = array[::-1], offsets[::-1]
        dz = _spacing(offsets, dataset)
        numbers = np.array([dx, dy, dz, *origin])
        if not (np.isfinite(numbers).all() and min(dx, dy, dz) > 0.0):
            raise ValueError("PixelSpacing, ImagePositionPatient: expected finite numbers")
        return DoseImage(array, axes, (dx, dy, dz), origin + offsets[0] * normal)


def _offsets(dataset: Dataset, frames: int, origin: Array, normal: Array) -> Array:
    """Where the frames lie along the normal, from ImagePositionPatient."""
    if frames == 1:
        return np.zeros(1)
    offsets = np.array(dataset.GridFrameOffsetVector, dtype=np.float64).ravel()
    if len(offsets) != frames or not np.isfinite(offsets).all():
        raise ValueError(
            f"GridFrameOffsetVector: expected {frames} finite numbers, got {len(offsets)}"
        )
    if offsets[0] == 0.0:
        return offsets
    # The other form of the standard, for axial frames: z of each frame.
    if (
        not np.allclose(np.abs(normal), [0.0, 0.0, 1.0], atol=1e-4)
        or abs(offsets[0] - origin[2]) > 0.01
    ):
        raise ValueError(
            f"GridFrameOffsetVector: begins with {offsets[0]:g}, expected 0 or, for axial frames, "
            f"the z of ImagePositionPatient, {origin[2]:g}"
        )
    return np.asarray((offsets - origin[2]) * np.sign(normal[2]))


def _spacing(offsets: Array, dataset: Dataset) -> float:
    if len(offsets) == 1:
        return float(dataset.get("SliceThickness") or 1.0)
    steps = np.diff(offsets)
    if np.ptp(steps) > 0.01 or steps.min() <= 0.0:
        raise ValueError(
            f"GridFrameOffsetVector: frames are {steps.min():g} to {steps.max():g} mm apart, "
            f"expected even distances"
        )
    return float(offsets[-1] - offsets[0]) / (len(offsets) - 1)
