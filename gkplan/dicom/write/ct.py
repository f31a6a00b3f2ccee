"""CT images: the head on slices, for everything else to refer to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydicom import Dataset
from pydicom.uid import CTImageStorage, generate_uid

from gkplan.case import Case
from gkplan.dicom.common import Study, ds, mm, new_dataset, write
from gkplan.dicom.geometry import regrid
from gkplan.dicom.write.slices import Slices
from gkplan.frames import Array, Frame
from gkplan.grid import Grid, Volume
from gkplan.head import Head
from gkplan.solids import Solid, sample

_SPACING_MM = 1.0
_MARGIN_MM = 10.0
_FEWEST_SLICES = 12
_POINTS_AT_ONCE = 500_000
_AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def head_image(case: Case) -> Volume:
    """CT numbers (int16) of the head in the Leksell frame: its own image, or a synthetic one.

    The synthetic image has pixels of 1 mm at round numbers of the patient frame and reaches
    10 mm beyond the surface. Its slices are 1 mm apart, or 0.5 mm when the flattest target would
    have fewer than 12: contours hold no more of a shape than its slices do. They lie a quarter
    of their distance off the round numbers: were they where a phantom's shapes begin and end,
    both ends of a small one would be cut short, or long, alike.
    """
    head = case.head
    if head.image is not None:
        return Volume(_int16(head.image.array), head.image.grid, "hu")
    corners = np.sort(case.patient_from_leksell(_tight_bounds(head.surface)), axis=0)
    flattest = min((float(np.diff(t.solid.bounds[:, 2])[0]) for t in case.targets), default=np.inf)
    dz = _SPACING_MM if flattest >= _FEWEST_SLICES * _SPACING_MM else _SPACING_MM / 2
    spacing = (_SPACING_MM, _SPACING_MM, dz)
    first = np.floor(corners[0] - _MARGIN_MM) + np.array([0.0, 0.0, dz / 4])
    # An odd number of voxels along each axis, for `_painted`.
    n = 2 * np.ceil((corners[1] + _MARGIN_MM - first) / spacing / 2).astype(int) + 1
    shape = (int(n[2]), int(n[1]), int(n[0]))
    ascending = Grid(shape, spacing, tuple(first.tolist()), Frame.PATIENT)
    grid = regrid(ascending, case.patient_from_leksell.inverse)
    return Volume(_painted(head, grid), grid, "hu")


def _tight_bounds(surface: Solid) -> Array:
    """Bounds of a solid within 4 mm: those it states may be far larger (a neck cut by a plane)."""
    points = sample(surface, 4.0)
    low, high = surface.bounds
    return np.array(
        [np.maximum(low, points.min(axis=0) - 4.0), np.minimum(high, points.max(axis=0) + 4.0)]
    )


def _painted(head: Head, grid: Grid) -> NDArray[np.int16]:
    """CT numbers at the voxel centres of a grid of odd shape.

    Every second voxel along each axis is asked for; one between equal neighbours is taken to be
    like them, and only the others, near the surfaces, are asked for as well.
    """
    x, y, z = grid.axes()

    def hu(k: NDArray[np.intp], j: NDArray[np.intp], i: NDArray[np.intp]) -> NDArray[np.int16]:
        parts = [slice(n, n + _POINTS_AT_ONCE) for n in range(0, len(k), _POINTS_AT_ONCE)]
        points = (np.stack([x[i[p]], y[j[p]], z[k[p]]], axis=1) for p in parts)
        return np.concatenate([_int16(head.hu(chunk)) for chunk in points])

    coarse = tuple((n + 1) // 2 for n in grid.shape)
    nodes = hu(*(2 * index.ravel() for index in np.indices(coarse))).reshape(coarse)
    lowest, highest = _stretched(nodes, np.minimum), _stretched(nodes, np.maximum)
    mixed = np.nonzero(lowest != highest)
    if len(mixed[0]):
        lowest[mixed] = hu(*mixed)
    return lowest


def _stretched(nodes: NDArray[np.int16], between: np.ufunc) -> NDArray[np.int16]:
    """The nodes, and between each two neighbours along each axis what `between` makes of them."""
    for axis in range(3):
        ahead = np.moveaxis(nodes, axis, 0)
        out = np.empty((2 * len(ahead) - 1, *ahead.shape[1:]), dtype=np.int16)
        out[::2] = ahead
        out[1::2] = between(ahead[:-1], ahead[1:])
        nodes = np.moveaxis(out, 0, axis)
    return np.ascontiguousarray(nodes)


def _int16(values: ArrayLike) -> NDArray[np.int16]:
    """Rounded and kept within the range of 16 bits."""
    rounded = np.rint(np.asarray(values, dtype=np.float64))
    return np.clip(rounded, -32768, 32767).astype(np.int16)


def write_ct(image: Volume, study: Study, folder: Path) -> tuple[Slices, list[Path]]:
    """Write one file a slice; `image` holds CT numbers (int16) in the patient frame."""
    grid = image.grid
    dataset = _template(grid, study)
    x, y, _ = grid.origin_mm
    uids, paths = [], []
    for number, z in enumerate(grid.axes()[2], start=1):
        dataset.SOPInstanceUID = generate_uid()
        dataset.InstanceNumber = number
        dataset.ImagePositionPatient = mm((x, y, z))
        dataset.SliceLocation = mm([z])[0]
        pixels = np.ascontiguousarray(image.array[number - 1], dtype="<i2")
        dataset.PixelData = pixels.tobytes()
        uids.append(dataset.SOPInstanceUID)
        paths.append(write(dataset, folder / f"ct-{number:04d}.dcm"))
    return Slices.of_grid(grid, dataset.SeriesInstanceUID, tuple(uids)), paths


def _template(grid: Grid, study: Study) -> Dataset:
    """All that the slices have in common."""
    dataset = new_dataset(study, CTImageStorage, "CT", series_number=1)
    dx, dy, dz = grid.spacing_mm
    dataset.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    dataset.DerivationDescription = "CT numbers computed from a model of the head"
    dataset.ContentDate, dataset.ContentTime = dataset.StudyDate, dataset.StudyTime
    dataset.AcquisitionNumber = 1
    dataset.PatientPosition = "HFS"
    dataset.BodyPartExamined = "HEAD"
    dataset.KVP = ""
    dataset.SliceThickness = ds(dz)
    dataset.ImageOrientationPatient = mm(_AXIAL)
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = grid.shape[1:]
    dataset.PixelSpacing = [ds(dy), ds(dx)]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "HU"
    dataset.WindowCenter, dataset.WindowWidth = "40", "400"
    return dataset
