"""Axial CT or MR images of localizer boxes: written slice by slice, read with gaps between."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.uid import UID, CTImageStorage, MRImageStorage, generate_uid

from gkplan.dicom.common import Study, ds, mm, new_dataset, write
from gkplan.dicom.read.pixels import slice_values
from gkplan.dicom.read.scan import Found, scan
from gkplan.dicom.read.stack import placed
from gkplan.dicom.reading import reading
from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.localizer.slices import AxialSlices

_IMAGES = {"CT": CTImageStorage, "MR": MRImageStorage}


@dataclass(frozen=True, slots=True, eq=False)
class AxialSeries:
    """Images, and one header that stands for the patient, study and frame of all of them."""

    slices: AxialSlices
    header: Dataset
    uids: tuple[str, ...]
    folder: Path


def write_axial(slices: AxialSlices, thickness_mm: float, study: Study, folder: Path) -> list[Path]:
    """One file a slice, values rounded to 16 bits, into an existing folder."""
    dataset = _template(slices, thickness_mm, study)
    paths = []
    for number, (pixels, z) in enumerate(zip(slices.pixels, slices.z_mm, strict=True), start=1):
        dataset.SOPInstanceUID = generate_uid()
        dataset.InstanceNumber = number
        dataset.ImagePositionPatient = mm((*slices.origin_mm, z))
        dataset.SliceLocation = mm([z])[0]
        stored = np.clip(np.rint(pixels), -32768, 32767).astype("<i2")
        dataset.PixelData = np.ascontiguousarray(stored).tobytes()
        paths.append(write(dataset, folder / f"{slices.modality.lower()}-{number:04d}.dcm"))
    return paths


def _template(slices: AxialSlices, thickness_mm: float, study: Study) -> Dataset:
    dataset = new_dataset(study, _IMAGES[slices.modality], slices.modality, series_number=1)
    dx, dy = slices.spacing_mm
    dataset.ContentDate, dataset.ContentTime = dataset.StudyDate, dataset.StudyTime
    dataset.AcquisitionNumber = 1
    dataset.PatientPosition = "HFS"
    dataset.BodyPartExamined = "HEAD"
    dataset.SliceThickness = ds(thickness_mm)
    dataset.ImageOrientationPatient = mm((1, 0, 0, 0, 1, 0))
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = slices.pixels.shape[1:]
    dataset.PixelSpacing = [ds(dy), ds(dx)]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 1
    dataset.DerivationDescription = "Synthetic images of an indicator box on a model of a head"
    if slices.modality == "CT":
        dataset.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
        dataset.KVP = ""
        dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "HU"
        dataset.WindowCenter, dataset.WindowWidth = "200", "2000"
    else:
        dataset.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
        dataset.ScanningSequence, dataset.SequenceVariant = "RM", "NONE"
        dataset.ScanOptions, dataset.MRAcquisitionType = "", "3D"
        dataset.RepetitionTime, dataset.EchoTime, dataset.EchoTrainLength = "", "", ""
        dataset.WindowCenter, dataset.WindowWidth = "500", "1000"
    return dataset


def read_axial(folder: Path) -> AxialSeries:
    """The one axial CT or MR series in and below a folder.

    Slices may be missing, unevenly spaced and of any patient position; rows and columns have to
    follow the patient's x and y, either way.

    Raises
    ------
    CaseError
        If there is not exactly one series, or a slice is not axial, differs in size, spacing or
        corner, or lies where another does; naming the file and the tag.
    """
    inventory = scan(folder)
    for path, reason in inventory.unreadable:
        raise CaseError(f"{path}: {reason}")
    if len(inventory.images) != 1:
        raise CaseError(
            f"{folder}: holds {len(inventory.images)} series of CT or MR images; expected the one "
            f"axial series that shows the indicator box"
        )
    files = inventory.images[0].files
    slices = sorted((_read(file) for file in files), key=lambda s: s.z_mm)
    first = slices[0]
    for before, here in pairwise(slices):
        if here.pixels.shape != first.pixels.shape or not np.allclose(
            here.plane, first.plane, atol=1e-3
        ):
            raise CaseError(
                f"{here.path}: Rows, Columns, PixelSpacing or the corner in ImagePositionPatient "
                f"differ from {first.path.name}"
            )
        if here.z_mm - before.z_mm < 1e-3:
            raise CaseError(
                f"{here.path}: ImagePositionPatient: lies at z = {here.z_mm:g} mm like "
                f"{before.path.name}"
            )
    dx, dy, x, y = first.plane
    images = AxialSlices(
        np.stack([s.pixels for s in slices]),
        np.array([s.z_mm for s in slices]),
        (x, y),
        (dx, dy),
        files[0].modality,
    )
    return AxialSeries(images, files[0].header, tuple(f.uid for f in files), folder)


@dataclass(frozen=True, slots=True, eq=False)
class _Slice:
    """One image turned to ascending x and y; `plane` is pixel spacing and corner, mm."""

    path: Path
    pixels: Array
    plane: tuple[float, float, float, float]
    z_mm: float


def _read(file: Found) -> _Slice:
    place = placed(file)
    right, down = float(place.axes[0, 0]), float(place.axes[1, 1])
    if not np.allclose([abs(right), abs(down)], 1.0, atol=1e-4):
        cosines = " ".join(f"{c:.4g}" for c in place.axes[:2].ravel())
        raise CaseError(
            f"{file.path}: ImageOrientationPatient: expected axial slices, 1 0 0 0 1 0 or with "
            f"other signs, got {cosines}"
        )
    values = slice_values(file, place.shape)
    (dx, dy), (x, y, z) = place.spacing_mm, place.corner.tolist()
    if right < 0:
        values, x = values[:, ::-1], x - dx * (values.shape[1] - 1)
    if down < 0:
        values, y = values[::-1], y - dy * (values.shape[0] - 1)
    return _Slice(file.path, values.astype(np.float32), (dx, dy, x, y), z)


def frame_uid(series: AxialSeries) -> UID:
    """The frame of reference of a series."""
    with reading(series.folder):
        return UID(series.header.FrameOfReferenceUID)
