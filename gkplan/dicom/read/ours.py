"""A case or a plan from a folder of DICOM files that gkplan wrote."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gkplan.case.check import check_case
from gkplan.case.model import Case
from gkplan.dicom.planblock import PlanRecord, read_rtplan
from gkplan.dicom.read.folder import DicomFolder, open_folder
from gkplan.dicom.read.images import read_volume
from gkplan.dicom.read.stack import stack_of
from gkplan.dicom.reading import reading
from gkplan.dicom.rtstruct import read_rtstruct, referenced_slices
from gkplan.errors import CaseError
from gkplan.files import sha256_of
from gkplan.head import Head
from gkplan.plan import Plan
from gkplan.unit import load_unit


def read_case(folder: Path) -> Case:
    """The case of an export in or below `folder`: CT, structures, prescriptions and limits.

    Raises
    ------
    CaseError
        Naming the file for anything incomplete, damaged or not written by gkplan.
    """
    files = open_folder(folder)
    return _case(files, _record(files))


def read_plan(folder: Path) -> Plan:
    """The plan of an export in or below `folder`, with shots equal to those exported.

    Raises
    ------
    CaseError
        As `read_case`.
    UnitError
        If the unit is unknown here, or its file has moved.
    PlanError
        If the unit cannot deliver the shots.

    Notes
    -----
    Structures come back from their contours and the head from its CT slices and outline, so the
    dose agrees with the exported one only within the accuracy of 1 mm slices. The plan has no
    metrics: they are computed anew.
    """
    files = open_folder(folder)
    record = _record(files)
    return Plan(
        case=check_case(_case(files, record)),
        unit=load_unit(record.unit_name),
        unit_name=record.unit_name,
        shots=record.shots,
        calibration_dose_rate_gy_per_min=record.calibration_dose_rate_gy_per_min,
        transit=record.transit,
        depth=record.depth,
        treatment_date=record.treatment_date,
        provenance={"read_from": str(files.plan.path)},
    )


def _record(files: DicomFolder) -> PlanRecord:
    with reading(files.plan.path):
        return read_rtplan(files.plan.header)


def _case(files: DicomFolder, record: PlanRecord) -> Case:
    to_leksell = record.patient_from_leksell.inverse
    with reading(files.structures.path):
        wanted = set(referenced_slices(files.structures.header))
    slices = tuple(f for f in files.images.files if f.uid in wanted)
    if missing := len(wanted) - len(slices):
        raise CaseError(
            f"{files.path}: {missing} of the {len(wanted)} slices that the structure set refers "
            f"to are missing; copy the complete folder"
        )
    stack = stack_of(replace(files.images, files=slices))
    image = read_volume(stack, to_leksell, lambda _: None)
    with reading(files.structures.path):
        surface, structures = read_rtstruct(files.structures.header, to_leksell, stack.step_mm)
        content = files.plan.path.read_bytes() + files.structures.path.read_bytes()
    return Case(
        name=record.case_name,
        kind="dicom",
        path=str(files.path),
        sha256=sha256_of(content),
        source=record.case_source,
        head=Head(record.head_name or "dicom", surface, image=image),
        structures=structures,
        prescriptions=record.prescriptions,
        limits=record.limits,
        patient_from_leksell=record.patient_from_leksell,
        # Of the case the files say nothing: new shots get the tilt of the old ones.
        gamma_angle_deg=record.shots[0].gamma_angle_deg,
    )
