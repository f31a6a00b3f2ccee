"""Spatial Registration: the Leksell frame of some images, written and read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.uid import UID, SpatialRegistrationStorage, generate_uid

from gkplan.dicom.axial import AxialSeries, frame_uid
from gkplan.dicom.common import Study, ds_list, new_dataset, reference, write
from gkplan.dicom.reading import reading
from gkplan.disclaimer import DISCLAIMER
from gkplan.errors import CaseError
from gkplan.frames import Frame, RigidTransform

# Says that the registered coordinates are those of the frame, in Leksell mm.
LABEL = "LEKSELL_FRAME"
_PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
_STUDY = ("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName")


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """Rigid transforms into one frame of reference.

    Parameters
    ----------
    label : what the frame of reference is; `LABEL` if it is the Leksell frame
    frame_uid : of the frame that points are carried to
    matrices : (4, 4), mm, for each frame of reference that points come from
    """

    label: str
    frame_uid: str
    matrices: Mapping[str, np.ndarray]

    def leksell_from_patient(self, image_frame_uid: str) -> RigidTransform:
        """The transform of images of that frame of reference.

        Raises
        ------
        CaseError
            If the registration does not lead to the Leksell frame, or not from there.
        """
        if self.label != LABEL:
            raise CaseError(
                f"the registration is labelled {self.label!r}, expected {LABEL!r}: it does not "
                f"say where the Leksell frame is"
            )
        if image_frame_uid not in self.matrices:
            raise CaseError(
                f"the registration is not about the frame of reference {image_frame_uid} of the "
                f"images, only about {', '.join(self.matrices)}"
            )
        return RigidTransform.from_matrix(
            self.matrices[image_frame_uid], Frame.PATIENT, Frame.LEKSELL
        )


def write_registration(
    leksell_from_patient: RigidTransform, series: AxialSeries, path: Path
) -> Path:
    """Write the transform as a Spatial Registration of the study of the images."""
    leksell_uid = generate_uid()
    dataset = registration_dataset(series.header, leksell_uid, LABEL)
    dataset.ContentDescription = "Leksell mm from the images, by fiducials"
    dataset.RegistrationSequence = [
        registration_item(frame_uid(series), leksell_from_patient.matrix, _images(series)),
        registration_item(leksell_uid, np.eye(4), []),
    ]
    uid = UID(series.header.SeriesInstanceUID)
    dataset.ReferencedSeriesSequence = [referenced_series(uid, _images(series))]
    return write(dataset, path)


def registration_dataset(header: Dataset, target_uid: UID, label: str) -> Dataset:
    """A Spatial Registration into the frame `target_uid`, as yet without transforms.

    It is of the patient and study of the images with this `header`; `label` says what the frame
    of reference is.
    """
    study = Study("", "", UID(header.StudyInstanceUID), target_uid, datetime.now())
    dataset = new_dataset(study, SpatialRegistrationStorage, "REG", series_number=5)
    for keyword in (*_PATIENT, *_STUDY):
        setattr(dataset, keyword, header.get(keyword, ""))
    for keyword in ("PatientIdentityRemoved", "DeidentificationMethod"):
        if keyword in header:
            setattr(dataset, keyword, header.get(keyword))
        else:
            delattr(dataset, keyword)
    if "StudyDescription" in header:
        dataset.StudyDescription = header.StudyDescription
    dataset.SeriesDescription = DISCLAIMER
    dataset.BodyPartExamined = "HEAD"
    now = study.when
    dataset.ContentDate, dataset.ContentTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    dataset.ContentLabel = label
    dataset.ContentCreatorName = ""
    return dataset


def _images(series: AxialSeries) -> list[Dataset]:
    sop_class = UID(series.header.SOPClassUID)
    return [reference(sop_class, UID(uid)) for uid in series.uids]


def referenced_series(uid: UID, images: list[Dataset]) -> Dataset:
    """The series that a registration is about, and its images."""
    item = Dataset()
    item.SeriesInstanceUID = uid
    item.ReferencedInstanceSequence = images
    return item


def registration_item(uid: UID, matrix: np.ndarray, images: list[Dataset]) -> Dataset:
    """Where points of the frame of reference `uid`, that of `images`, go."""
    one = Dataset()
    one.FrameOfReferenceTransformationMatrixType = "RIGID"
    one.FrameOfReferenceTransformationMatrix = ds_list(matrix.ravel())
    step = Dataset()
    step.MatrixSequence = [one]
    step.RegistrationTypeCodeSequence = []
    item = Dataset()
    item.FrameOfReferenceUID = uid
    if images:
        item.ReferencedImageSequence = images
    item.MatrixRegistrationSequence = [step]
    return item


def read_frame(path: Path, image_frame_uid: str) -> RigidTransform:
    """Leksell from patient, of a localisation.json or a Spatial Registration of the images.

    Raises
    ------
    CaseError
        Naming the file and what is wrong with it.
    """
    if path.suffix.lower() != ".json":
        registration = read_registration(path)
        try:
            return registration.leksell_from_patient(image_frame_uid)
        except CaseError as error:
            raise CaseError(f"{path}: {error}") from error
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        matrix = np.array(table["leksell_from_patient"], dtype=np.float64)
        return RigidTransform.from_matrix(matrix, Frame.PATIENT, Frame.LEKSELL)
    except OSError as error:
        raise CaseError(f"{path}: cannot read it: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise CaseError(
            f"{path}: no localisation of gkplan (leksell_from_patient): {error}"
        ) from error


def read_registration(path: Path) -> Registration:
    """A Spatial Registration object: anybody's, rigid.

    Raises
    ------
    CaseError
        Naming the file for another object, damage, or a matrix that is not rigid.
    """
    with reading(path):
        dataset = dcmread(path)
        if dataset.SOPClassUID != SpatialRegistrationStorage:
            raise ValueError(
                f"SOPClassUID: expected a Spatial Registration, got {dataset.SOPClassUID.name}"
            )
        matrices = {}
        for item in dataset.RegistrationSequence:
            whole = np.eye(4)
            (step,) = item.MatrixRegistrationSequence
            for one in step.MatrixSequence:
                matrix = np.array(one.FrameOfReferenceTransformationMatrix, float).reshape(4, 4)
                if one.FrameOfReferenceTransformationMatrixType != "RIGID":
                    raise ValueError("FrameOfReferenceTransformationMatrixType: expected RIGID")
                # Refuses what is no proper rotation.
                RigidTransform.from_matrix(matrix, Frame.PATIENT, Frame.LEKSELL)
                whole = matrix @ whole
            matrices[str(item.FrameOfReferenceUID)] = whole
        label = str(dataset.get("ContentLabel", ""))
        return Registration(label, str(dataset.FrameOfReferenceUID), matrices)
