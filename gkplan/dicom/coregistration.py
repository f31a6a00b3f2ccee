"""Two series of one head: read for co-registration, and the Spatial Registration between them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.uid import UID, generate_uid

from gkplan.dicom.common import reference, write
from gkplan.dicom.geometry import flipped
from gkplan.dicom.read.choose import check_clashes, only_series
from gkplan.dicom.read.images import read_volume
from gkplan.dicom.read.scan import Series, scan
from gkplan.dicom.read.stack import stack_of
from gkplan.dicom.registration import (
    LABEL,
    referenced_series,
    registration_dataset,
    registration_item,
)
from gkplan.errors import CaseError, OutputError
from gkplan.frames import RigidTransform, patient_from_leksell
from gkplan.grid import Volume

COREGISTRATION_LABEL = "COREGISTRATION"


def find_series(
    folder: Path, wanted: str | None, option: str, report: Callable[[str], None]
) -> Series:
    """The one CT or MR series in and below a folder, or the one that `option` asks for.

    Raises
    ------
    CaseError
        If it is not clear which, or its images name no frame of reference.
    """
    inventory = scan(folder, report)
    series = only_series(inventory, wanted, option)
    check_clashes(inventory, series.files)
    if not series.frame_uid:
        raise CaseError(
            f"{series.first.path}: FrameOfReferenceUID: is missing; a registration is from one "
            f"frame of reference to another"
        )
    return series


def check_registrable(fixed: Series, moving: Series) -> None:
    """Refuse series that share a frame of reference, or are of two patients.

    Raises
    ------
    CaseError
    """
    if fixed.frame_uid == moving.frame_uid:
        raise CaseError(
            f"{moving.first.path}: FrameOfReferenceUID: is that of {fixed.first.path}: the scanner "
            f"says that both lie in one place already; there is nothing to register"
        )
    one, other = (s.first.text("PatientID") for s in (fixed, moving))
    if one and other and one != other:
        raise CaseError(
            f"{moving.first.path}: PatientID: {other!r}, but {one!r} in {fixed.first.path}; "
            f"expected images of one patient"
        )


def read_upright(series: Series, report: Callable[[str], None]) -> Volume:
    """The images of a series along the axes of the patient (LPS mm).

    Raises
    ------
    CaseError
        Naming file and tag of what cannot be read as one stack.
    """
    stack = stack_of(series)
    # Any place would do: images are read along the Leksell axes, which are turned back here.
    place = patient_from_leksell(np.round(stack.corners.mean(axis=0), 1))
    return flipped(read_volume(stack, place.inverse, report), place)


def write_coregistration(
    fixed: Series,
    moving: Series,
    fixed_from_moving: RigidTransform,
    path: Path,
    leksell_from_fixed: RigidTransform | None = None,
) -> Path:
    """Write a Spatial Registration of the study of the fixed images, whole or not at all.

    It leads from both series to the frame of reference of the fixed one; or, where
    `leksell_from_fixed` is given, to Leksell mm, so that either can be planned on.
    """
    target, label = UID(fixed.frame_uid), COREGISTRATION_LABEL
    description = "moving images to fixed images"
    of_fixed, of_moving = np.eye(4), fixed_from_moving.matrix
    if leksell_from_fixed is not None:
        target, label = generate_uid(), LABEL
        description = "Leksell mm from either images"
        of_fixed = leksell_from_fixed.matrix
        of_moving = of_fixed @ of_moving
    dataset = registration_dataset(fixed.first.header, target, label)
    dataset.ContentDescription = description
    dataset.RegistrationSequence = [
        registration_item(UID(moving.frame_uid), of_moving, _images(moving)),
        registration_item(UID(fixed.frame_uid), of_fixed, _images(fixed)),
    ]
    if leksell_from_fixed is not None:
        dataset.RegistrationSequence.append(registration_item(target, np.eye(4), []))
    dataset.ReferencedSeriesSequence = [_referenced(fixed)]
    if moving.first.study_uid == fixed.first.study_uid:
        dataset.ReferencedSeriesSequence.append(_referenced(moving))
    else:
        other = Dataset()
        other.StudyInstanceUID = moving.first.study_uid
        other.ReferencedSeriesSequence = [_referenced(moving)]
        dataset.StudiesContainingOtherReferencedInstancesSequence = [other]
    temporary = path.with_name(f".{path.name}.part")
    try:
        write(dataset, temporary)
        return temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot write there: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _images(series: Series) -> list[Dataset]:
    return [reference(UID(str(file.header.SOPClassUID)), UID(file.uid)) for file in series.files]


def _referenced(series: Series) -> Dataset:
    return referenced_series(UID(series.uid), _images(series))
