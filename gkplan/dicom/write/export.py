"""A plan as a folder of DICOM files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from pydicom.uid import UID, generate_uid

from gkplan.case import Case
from gkplan.dicom.common import Study, reference, write
from gkplan.dicom.geometry import check_axial, flipped, in_patient_axes, is_axial
from gkplan.dicom.registration import (
    LABEL,
    referenced_series,
    registration_dataset,
    registration_item,
)
from gkplan.dicom.rtstruct import roi_numbers, rtstruct_dataset
from gkplan.dicom.write.ct import head_image, write_ct
from gkplan.dicom.write.rtdose import write_rtdose
from gkplan.dicom.write.rtplan import BeamDoses, rtplan_dataset
from gkplan.dicom.write.slices import Slices, slices_of_user
from gkplan.errors import OutputError, PlanError
from gkplan.frames import Frame
from gkplan.grid import Volume
from gkplan.plan import Plan, sees_density


def export_plan(
    plan: Plan,
    dose: Volume,
    beam_doses_gy: Sequence[float],
    folder: Path,
    *,
    focus_rates_gy_per_min: Sequence[float] | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Path]:
    """Write RT Plan, RT Dose, RT Structure Set and the CT they refer to.

    The plan of a case from the user's own images refers to these instead, in their study and
    frame of reference: no images are written.

    Parameters
    ----------
    plan : Plan
        With metrics; its Leksell frame may be rotated in the user's images, not in ours.
    dose : Volume
        Gy on a grid in the Leksell frame. Of a rotated frame, the largest axial box within it is
        written, interpolated (see `gkplan.dicom.geometry.in_patient_axes`).
    beam_doses_gy : (n,) float
        Dose of each shot at ``plan.metrics.max_dose_point_mm``; their sum is the maximum dose.
    folder : Path
        An existing, empty folder.
    focus_rates_gy_per_min : (n,) float, optional
        Dose rate of each shot at its own focus.
    progress : callable, optional
        Called with a few words before each step.

    Returns
    -------
    list of Path
        The files written: plan, dose, structures, then any slices from inferior to superior, or
        the registration of a rotated frame.

    Raises
    ------
    PlanError
        If the plan has no metrics, or DICOM cannot hold its frame or one of its structures.
    CaseError
        If the user's images are no longer where they were.
    OutputError
        If the folder is absent, not empty or not writable.

    Notes
    -----
    Other systems read the isocentres, times, doses and contours. Collimators and sectors, and
    every number of the shots in full precision, are in private elements of creator "GKPLAN 1",
    from which `read_plan` restores the same shots.
    """
    if plan.metrics is None:
        raise PlanError("metrics: the plan has none; evaluate it before exporting DICOM")
    doses = BeamDoses(plan.metrics.max_dose_point_mm, beam_doses_gy, focus_rates_gy_per_min)
    _check(plan, dose, doses)
    if not folder.is_dir() or any(folder.iterdir()):
        raise OutputError(f"{folder}: DICOM export needs an existing, empty folder")
    tell = progress or (lambda _: None)
    to_patient = plan.case.patient_from_leksell
    try:
        slices, study, image_paths = _images(plan.case, folder, tell)
        structures = rtstruct_dataset(plan.case, slices, study, progress)
        tell("plan and dose")
        set_uid = UID(structures.SOPInstanceUID)
        rtplan = rtplan_dataset(plan, doses, set_uid, roi_numbers(plan.case), study)
        plan_uid = UID(rtplan.SOPInstanceUID)
        place, dense = in_patient_axes(dose, to_patient), sees_density(plan)
        return [
            write(rtplan, folder / "rtplan.dcm"),
            write_rtdose(place, plan_uid, study, folder / "rtdose.dcm", dense),
            write(structures, folder / "rtstruct.dcm"),
            *image_paths,
            *_frame(plan.case, slices, study, folder),
        ]
    except OSError as error:
        where = error.filename or folder
        raise OutputError(f"{where}: cannot write there: {error.strerror}") from error


def _images(
    case: Case, folder: Path, tell: Callable[[str], None]
) -> tuple[Slices, Study, list[Path]]:
    """The images to refer to: the user's, or a CT that is written for the purpose."""
    if case.selection is not None:
        slices, header = slices_of_user(case, case.selection)
        return slices, Study.on(header), []
    tell("CT slices")
    study = Study.of(case.name)
    (folder / "ct").mkdir()
    image = flipped(head_image(case), case.patient_from_leksell)
    slices, paths = write_ct(image, study, folder / "ct")
    return slices, study, paths


def _frame(case: Case, slices: Slices, study: Study, folder: Path) -> list[Path]:
    """A tilted frame as a Spatial Registration: others cannot tell it from the isocentres."""
    if study.images is None or is_axial(case.patient_from_leksell):
        return []
    uid = generate_uid()
    dataset = registration_dataset(study.images, uid, LABEL)
    dataset.ContentDescription = "Leksell mm from the images"
    images = [reference(slices.sop_class, image) for image in slices.uids]
    dataset.RegistrationSequence = [
        registration_item(study.frame_uid, case.patient_from_leksell.inverse.matrix, images),
        registration_item(uid, np.eye(4), []),
    ]
    dataset.ReferencedSeriesSequence = [referenced_series(slices.series_uid, images)]
    return [write(dataset, folder / "registration.dcm")]


def _check(plan: Plan, dose: Volume, doses: BeamDoses) -> None:
    """Refuse, before anything is written, what would fail half-way."""
    if plan.case.selection is None:
        check_axial(plan.case.patient_from_leksell)
    if dose.grid.frame is not Frame.LEKSELL:
        raise ValueError(f"dose: expected a grid in the leksell frame, got {dose.grid.frame}")
    for name, values in (
        ("beam_doses_gy", doses.at_maximum_gy),
        ("focus_rates_gy_per_min", doses.focus_rate_gy_per_min),
    ):
        if values is not None and len(values) != len(plan.shots):
            raise ValueError(f"{name}: {len(values)} numbers for {len(plan.shots)} shots")
