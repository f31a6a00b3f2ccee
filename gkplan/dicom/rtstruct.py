"""RT Structure Set: contours of the head and the structures on the CT slices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import UID, RTStructureSetStorage

from gkplan.case import Case
from gkplan.dicom import private
from gkplan.dicom.common import Study, new_dataset, reference, short
from gkplan.dicom.private import Field
from gkplan.dicom.read.rois import contour_points
from gkplan.dicom.write.slices import Slices
from gkplan.dicom.write.trace import trace
from gkplan.disclaimer import DISCLAIMER
from gkplan.errors import PlanError
from gkplan.frames import Array, RigidTransform
from gkplan.solids import Moved, Solid
from gkplan.structures import Structure, solid_from_contours
from gkplan.structures.model import Role

SKULL = "*Skull"
_SKULL_COLOR = (200, 200, 200)
_TARGET_COLOR = (230, 40, 40)
_OAR_COLORS = ((60, 160, 255), (60, 200, 90), (255, 170, 30), (170, 90, 220), (0, 190, 190))
_CONTOUR_DATA = Tag("ContourData")
# Retired; detached study management is what every reader of structure sets still expects.
_STUDY_CLASS = UID("1.2.840.10008.3.1.2.3.1")


@dataclass(frozen=True, slots=True)
class _Roi:
    """A region to write: the solid, how DICOM calls it and its place in our private block."""

    name: str
    solid: Solid
    interpreted_type: str
    role: str
    color: tuple[int, int, int]


def roi_numbers(case: Case) -> dict[str, int]:
    """The ROI number of each structure; number 1 is the head."""
    return {s.name: number for number, s in enumerate(case.structures, start=2)}


def rtstruct_dataset(
    case: Case, slices: Slices, study: Study, progress: Callable[[str], None] | None = None
) -> Dataset:
    """The structure set of the case, traced on `slices`."""
    dataset = new_dataset(study, RTStructureSetStorage, "RTSTRUCT", series_number=2)
    dataset.StructureSetLabel = "gkplan"
    dataset.StructureSetName = short(case.name)
    dataset.StructureSetDescription = DISCLAIMER
    dataset.StructureSetDate, dataset.StructureSetTime = dataset.StudyDate, dataset.StudyTime
    dataset.ReferencedFrameOfReferenceSequence = [_frame_of_reference(slices, study)]
    dataset.StructureSetROISequence = []
    dataset.ROIContourSequence = []
    dataset.RTROIObservationsSequence = []
    for number, roi in enumerate(_rois(case), start=1):
        if progress is not None:
            progress(f"contours of {roi.name}")
        dataset.StructureSetROISequence.append(_structure_item(number, roi, study.frame_uid))
        dataset.ROIContourSequence.append(
            _contour_item(number, roi, slices, case.patient_from_leksell)
        )
        dataset.RTROIObservationsSequence.append(_observation(number, roi))
    dataset.ApprovalStatus = "UNAPPROVED"
    return dataset


def _rois(case: Case) -> list[_Roi]:
    rois = [_Roi(SKULL, case.head.surface, "EXTERNAL", "head", _SKULL_COLOR)]
    n_oars = 0
    for structure in case.structures:
        if structure.role == "target":
            kind, color = "PTV", _TARGET_COLOR
        else:
            kind, color = "ORGAN", _OAR_COLORS[n_oars % len(_OAR_COLORS)]
            n_oars += 1
        rois.append(_Roi(structure.name, structure.solid, kind, structure.role, color))
    return rois


def _frame_of_reference(slices: Slices, study: Study) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = slices.series_uid
    series.ContourImageSequence = [reference(slices.sop_class, uid) for uid in slices.uids]
    of_study = reference(_STUDY_CLASS, study.study_uid)
    of_study.RTReferencedSeriesSequence = [series]
    frame = Dataset()
    frame.FrameOfReferenceUID = study.frame_uid
    frame.RTReferencedStudySequence = [of_study]
    return frame


def _structure_item(number: int, roi: _Roi, frame_uid: UID) -> Dataset:
    item = Dataset()
    item.ROINumber = number
    item.ReferencedFrameOfReferenceUID = frame_uid
    item.ROIName = short(roi.name)
    item.ROIGenerationAlgorithm = "AUTOMATIC"
    private.put(item, Field.STRUCTURE, roi.name)
    private.put(item, Field.ROLE, roi.role)
    return item


def _observation(number: int, roi: _Roi) -> Dataset:
    item = Dataset()
    item.ObservationNumber = number
    item.ReferencedROINumber = number
    item.RTROIInterpretedType = roi.interpreted_type
    item.ROIInterpreter = ""
    return item


def _contour_item(number: int, roi: _Roi, slices: Slices, to_patient: RigidTransform) -> Dataset:
    item = Dataset()
    item.ROIDisplayColor = list(roi.color)
    item.ReferencedROINumber = number
    item.ContourSequence = []
    for slice_number, ring in _rings(roi, slices, to_patient):
        contour = Dataset()
        contour.ContourImageSequence = [reference(slices.sop_class, slices.uids[slice_number])]
        contour.ContourGeometricType = "CLOSED_PLANAR"
        contour.NumberOfContourPoints = len(ring)
        contour.ContourNumber = len(item.ContourSequence) + 1
        _set_contour_data(contour, ring)
        item.ContourSequence.append(contour)
    return item


def _rings(roi: _Roi, slices: Slices, to_patient: RigidTransform) -> list[tuple[int, Array]]:
    """Slice number and ring (patient frame, mm) of each contour."""
    solid = Moved(roi.solid, slices.from_leksell(to_patient))
    found = []
    for number, rings in enumerate(trace(solid, slices.heights, slices.limits)):
        for ring in rings:
            in_plane = np.round(ring, 3)
            in_plane[:, 2] = slices.heights[number]
            found.append((number, in_plane @ slices.axes))
    if not found:
        step = float(np.diff(slices.heights).mean())
        raise PlanError(
            f"structure {roi.name!r}: lies between two slices ({step:g} mm) or beyond them, so "
            f"DICOM cannot hold it; make it thicker"
        )
    return found


def _set_contour_data(contour: Dataset, ring: Array) -> None:
    """Set ContourData as the bytes of the file: pydicom would make an object of each number."""
    rounded = (np.round(ring, 6) + 0.0).tolist()
    text = "\\".join(f"{x:.10g}\\{y:.10g}\\{z:.10g}" for x, y, z in rounded)
    value = (text + " " * (len(text) % 2)).encode("ascii")
    contour[_CONTOUR_DATA] = RawDataElement(
        _CONTOUR_DATA, "DS", len(value), value, 0, False, True, True
    )
    # Says that the bytes are in the encoding we write (explicit, little endian) already.
    contour.set_original_encoding(False, True, "iso8859")


def read_rtstruct(
    dataset: Dataset, to_leksell: RigidTransform, slice_spacing_mm: float
) -> tuple[Solid, tuple[Structure, ...]]:
    """The head's surface and the structures (Leksell mm) of a structure set of ours."""
    if dataset.ApprovalStatus not in ("UNAPPROVED", "APPROVED", "REJECTED"):
        raise ValueError(f"ApprovalStatus: {dataset.ApprovalStatus!r}")
    rings = {
        int(item.ReferencedROINumber): [
            to_leksell(contour_points(contour)) for contour in item.ContourSequence
        ]
        for item in dataset.ROIContourSequence
    }
    surface: Solid | None = None
    structures = []
    for item in dataset.StructureSetROISequence:
        name, role = private.get(item, Field.STRUCTURE), private.get(item, Field.ROLE)
        solid = solid_from_contours(rings[int(item.ROINumber)], name, slice_spacing_mm)
        if role == "head":
            surface = solid
        elif role in ("target", "oar"):
            structures.append(Structure(name, cast(Role, role), solid))
        else:
            raise ValueError(f"structure {name!r}: unknown role {role!r}")
    if surface is None:
        raise ValueError(f"no structure {SKULL!r}")
    return surface, tuple(structures)


def referenced_slices(dataset: Dataset) -> list[str]:
    """The SOP instance UIDs of all slices of the series that the structures were drawn on."""
    (frame,) = dataset.ReferencedFrameOfReferenceSequence
    series = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
    return [str(item.ReferencedSOPInstanceUID) for item in series.ContourImageSequence]
