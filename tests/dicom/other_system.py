"""A small folder of another system, written without any code of gkplan: a cylinder with a ball."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    RTStructureSetStorage,
    generate_uid,
)

from gkplan.frames import Array

# Head: elliptic cylinder of these half axes about the origin of LPS; target: ball.
HEAD_MM = (44.0, 52.0, 42.0)
BALL_MM = 9.0
BALL_AT_MM = (12.0, -8.0, 4.0)
SPACING_MM = (4.0, 4.0, 4.0)
AROUND = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False)


def uid(*words: object) -> str:
    return str(generate_uid(entropy_srcs=["gkplan tests", *map(str, words)]))


def dataset(modality: str, sop_class: str, name: str) -> Dataset:
    """What all files have."""
    made = Dataset()
    made.SOPClassUID = sop_class
    made.SOPInstanceUID = uid(name)
    made.Modality = modality
    made.Manufacturer = "Another System"
    made.PatientName, made.PatientID = "Doe^J", "17"
    made.PatientBirthDate = made.PatientSex = made.StudyDate = made.StudyTime = ""
    made.StudyID = made.AccessionNumber = made.ReferringPhysicianName = ""
    made.StudyInstanceUID = uid("study")
    made.SeriesInstanceUID = uid("series", modality)
    made.FrameOfReferenceUID = uid("frame")
    made.SeriesNumber, made.InstanceNumber = 5, 1
    made.PositionReferenceIndicator = ""
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = sop_class
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    return made


def slice_of(
    number: int, corner: Array, axes: Array, shape: tuple[int, int], modality: str = "CT"
) -> Dataset:
    """An image whose first pixel is at `corner`, its rows along axes[0], its columns axes[1]."""
    made = dataset(modality, CTImageStorage if modality == "CT" else MRImageStorage, f"im{number}")
    made.InstanceNumber = number
    made.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    rows, columns = shape
    dx, dy, _ = SPACING_MM
    j, i = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    inside = np.zeros(shape)
    # Edge pixels hold the mean of what they cover, as a scanner's do.
    for di in (-0.375, -0.125, 0.125, 0.375):
        for dj in (-0.375, -0.125, 0.125, 0.375):
            along, down = (i + di) * dx, (j + dj) * dy
            points = corner + along[..., None] * axes[0] + down[..., None] * axes[1]
            inside += in_head(points) / 16.0
    hu = -1000.0 + 1040.0 * inside
    made.ImagePositionPatient = [f"{c:.6f}" for c in corner]
    made.ImageOrientationPatient = [f"{c:.9f}" for c in axes.ravel()]
    made.PixelSpacing = [str(dy), str(dx)]
    made.SliceThickness = str(SPACING_MM[2])
    made.Rows, made.Columns = shape
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    stored = np.rint(hu + 1024.0)
    if modality == "CT":
        made.RescaleIntercept, made.RescaleSlope, made.RescaleType = "-1024", "1", "HU"
    made.PixelData = stored.astype("<u2").tobytes()
    return made


def in_head(points: Array) -> Array:
    x, y, z = (points[..., n] / HEAD_MM[n] for n in range(3))
    return ((x * x + y * y <= 1.0) & (np.abs(z) <= 1.0)).astype(float)


def axial_series(
    axes: Array | None = None, order: int = 1, modality: str = "CT", shear: float = 0.0
) -> list[Dataset]:
    """Slices that cover the head: along z, or along the normal of `axes` (2, 3)."""
    axes = np.array([[1.0, 0, 0], [0, 1.0, 0]]) if axes is None else axes
    normal = np.cross(axes[0], axes[1])
    reach = 64.0
    n = int(2 * reach / 4.0) + 1
    heights = order * (np.arange(n) * 4.0 - reach)
    slices = []
    for number, height in enumerate(heights, start=1):
        corner = height * normal - reach * axes[0] - reach * axes[1] + shear * height * axes[1]
        slices.append(slice_of(number, corner, axes, (n, n), modality))
    return slices


def ring(center: Sequence[float], radii: Sequence[float]) -> list[str]:
    x = center[0] + radii[0] * np.cos(AROUND)
    y = center[1] + radii[1] * np.sin(AROUND)
    return [f"{c:.4f}" for p in zip(x, y, [center[2]] * len(x), strict=True) for c in p]


def contour(numbers: Sequence[str], image: Dataset | None = None) -> Dataset:
    made = Dataset()
    if image is not None:
        item = Dataset()
        item.ReferencedSOPClassUID = image.SOPClassUID
        item.ReferencedSOPInstanceUID = image.SOPInstanceUID
        made.ContourImageSequence = [item]
    made.ContourGeometricType = "CLOSED_PLANAR"
    made.NumberOfContourPoints = len(numbers) // 3
    made.ContourData = list(numbers)
    return made


def ball_contours(slices: Sequence[Dataset]) -> list[Dataset]:
    contours = []
    for image in slices:
        z = float(image.ImagePositionPatient[2])
        across = BALL_MM**2 - (z - BALL_AT_MM[2]) ** 2
        if across > 0.0:
            size = np.sqrt(across)
            contours.append(contour(ring((*BALL_AT_MM[:2], z), (size, size)), image))
    return contours


def skull_contours(slices: Sequence[Dataset]) -> list[Dataset]:
    heights = [(float(s.ImagePositionPatient[2]), s) for s in slices]
    return [
        contour(ring((0.0, 0.0, z), HEAD_MM[:2]), s) for z, s in heights if abs(z) <= HEAD_MM[2]
    ]


def structure_set(slices: Sequence[Dataset], rois: dict[str, list[Dataset]]) -> Dataset:
    """A structure set with these contours; "Outer" is of type EXTERNAL."""
    made = dataset("RTSTRUCT", RTStructureSetStorage, "set")
    made.StructureSetLabel = "PLAN1"
    del made.FrameOfReferenceUID
    series = Dataset()
    series.SeriesInstanceUID = slices[0].SeriesInstanceUID
    study = Dataset()
    study.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
    study.ReferencedSOPInstanceUID = slices[0].StudyInstanceUID
    study.RTReferencedSeriesSequence = [series]
    frame = Dataset()
    frame.FrameOfReferenceUID = slices[0].FrameOfReferenceUID
    frame.RTReferencedStudySequence = [study]
    made.ReferencedFrameOfReferenceSequence = [frame]
    made.StructureSetROISequence, made.ROIContourSequence = [], []
    made.RTROIObservationsSequence = []
    for number, (name, contours) in enumerate(rois.items(), start=1):
        item = Dataset()
        item.ROINumber, item.ROIName = number, name
        item.ReferencedFrameOfReferenceUID = slices[0].FrameOfReferenceUID
        made.StructureSetROISequence.append(item)
        item = Dataset()
        item.ReferencedROINumber = number
        if contours:
            item.ContourSequence = contours
        made.ROIContourSequence.append(item)
        item = Dataset()
        item.ObservationNumber = item.ReferencedROINumber = number
        item.RTROIInterpretedType = "EXTERNAL" if name == "Outer" else ""
        made.RTROIObservationsSequence.append(item)
    return made


def file_bytes(made: Dataset) -> bytes:
    stream = io.BytesIO()
    made.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def folder_files(slices: Sequence[Dataset], structures: Dataset) -> dict[str, bytes]:
    """Names and contents, as exported by a system that numbers its files."""
    files = {f"IM{n:04d}": file_bytes(s) for n, s in enumerate(slices, start=1)}
    return {**files, "RS0001.dcm": file_bytes(structures)}


def whole_folder() -> dict[str, bytes]:
    slices = axial_series()
    rois = {"Outer": skull_contours(slices), "GTV": ball_contours(slices)}
    return folder_files(slices, structure_set(slices, rois))
