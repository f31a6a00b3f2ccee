"""The plan in a DICOM folder with the doses it states, for the secondary check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gkplan.check import StatedPlan, StatedShot
from gkplan.check.patterns import Observed
from gkplan.check.sectors import read_sectors, told_sectors
from gkplan.dicom.private import has_block
from gkplan.dicom.read.beams import Beam, BeamPlan, read_beams
from gkplan.dicom.read.choose import choose_series
from gkplan.dicom.read.dosegrid import read_dose
from gkplan.dicom.read.images import read_volume
from gkplan.dicom.read.ours import read_plan
from gkplan.dicom.read.plainrois import head_and_structures
from gkplan.dicom.read.scan import Found, Inventory, scan
from gkplan.dicom.read.stack import stack_of
from gkplan.dicom.reading import reading
from gkplan.dicom.registration import read_frame
from gkplan.errors import CaseError, PlanError
from gkplan.frames import RigidTransform, patient_from_leksell
from gkplan.grid import Volume
from gkplan.plan import check_rate
from gkplan.shot import check_shots
from gkplan.unit import load_unit


@dataclass(frozen=True, slots=True, eq=False)
class CheckOptions:
    """What the user says of a plan that does not say it itself.

    Parameters
    ----------
    pattern : JSON file with the sector states (see `gkplan.check.sectors`)
    rate_gy_per_min : calibration dose rate on the day
    unit_name : of the machine, for plans of other systems
    frame : localisation.json or a Spatial Registration: where the frame is, for plans of other
        systems
    with_images : whether the densities of the head count, which come from its CT
    """

    pattern: Path | None = None
    rate_gy_per_min: float | None = None
    unit_name: str = "perfexion"
    frame: Path | None = None
    with_images: bool = False


def read_stated(
    folder: Path,
    options: CheckOptions | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> StatedPlan:
    """The one plan in and below a folder: ours, or another system's with Gamma Knife beams.

    Raises
    ------
    CaseError
        If there is not exactly one plan, a part that it needs is missing, or a file is damaged.
    PlanError
        If the unit cannot deliver it, or what `options` say does not fit.
    """
    options = options or CheckOptions()
    if options.rate_gy_per_min is not None:
        check_rate(options.rate_gy_per_min)
    inventory = scan(folder, report)
    for path, reason in inventory.unreadable:
        raise CaseError(f"{path}: {reason}")
    files = inventory.files
    plans = [f for f in files if f.modality == "RTPLAN"]
    if len(plans) != 1:
        raise CaseError(
            f"{folder}: holds {len(plans)} RTPLAN files; a check needs exactly one, with its "
            f"RTSTRUCT and RTDOSE"
        )
    (plan,) = plans
    with reading(plan.path):
        beams = read_beams(plan.header)
    if has_block(plan.header):
        return _ours(folder, files, plan, beams, options)
    return _foreign(inventory, plan, beams, options, report)


def _ours(
    folder: Path, files: list[Found], file: Found, beams: BeamPlan, options: CheckOptions
) -> StatedPlan:
    if options.pattern is not None or options.frame is not None:
        raise PlanError(
            f"{file.path}: gkplan wrote it with its sector states and frame; leave --pattern and "
            f"--frame out"
        )
    plan = read_plan(folder)
    to_leksell = plan.case.patient_from_leksell.inverse
    own = "private elements of the plan"
    return StatedPlan(
        name=plan.case.name,
        unit=plan.unit,
        head=plan.case.head,
        structures=plan.case.structures,
        shots=tuple(
            StatedShot(beam.name, shot, beam.dose_gy, beam.rate_gy_per_min)
            for beam, shot in zip(beams.beams, plan.shots, strict=True)
        ),
        rate_gy_per_min=options.rate_gy_per_min or plan.calibration_dose_rate_gy_per_min,
        transit=plan.transit,
        depth=plan.depth,
        point_mm=None if beams.point_mm is None else to_leksell(beams.point_mm),
        dose=_dose(files, file, to_leksell),
        doses_gy=tuple(sorted({p.dose_gy for p in plan.case.prescriptions}, reverse=True)),
        pattern_source=own,
        rate_source="given" if options.rate_gy_per_min else own,
    )


def _foreign(
    inventory: Inventory,
    file: Found,
    beams: BeamPlan,
    options: CheckOptions,
    report: Callable[[str], None],
) -> StatedPlan:
    files = inventory.files
    unit = load_unit(options.unit_name)
    to_leksell, notes = _frame(file, beams, options)
    given = None
    if options.pattern is not None:
        given = read_sectors(options.pattern, [b.name for b in beams.beams])
    structure_set, told = _structure_set(files, file)
    report("structures")
    head, structures, left_out = head_and_structures(structure_set, to_leksell)
    if options.with_images:
        series = choose_series(inventory, structure_set, None)
        head = replace(head, image=read_volume(stack_of(series), to_leksell, report))
    point = None if beams.point_mm is None else to_leksell(beams.point_mm)
    dose = _dose(files, file, to_leksell)
    report("which sectors are open")
    told_of = told_sectors(
        [_observed(beam, to_leksell) for beam in beams.beams],
        unit,
        head,
        point,
        options.rate_gy_per_min,
        given,
        dose,
    )
    check_shots([s.shot for s in told_of.shots], unit)
    return StatedPlan(
        name=str(file.header.get("RTPlanLabel") or file.path.stem),
        unit=unit,
        head=head,
        structures=structures,
        shots=told_of.shots,
        rate_gy_per_min=told_of.rate_gy_per_min,
        transit=False,
        point_mm=point,
        dose=dose,
        doses_gy=beams.doses_gy,
        pattern_source=told_of.pattern_source,
        rate_source=told_of.rate_source,
        notes=(*notes, *told, *left_out, *told_of.notes),
    )


def _observed(beam: Beam, leksell_from_patient: RigidTransform) -> Observed:
    x, y, z = leksell_from_patient(beam.isocenter_mm).tolist()
    return Observed(
        beam.name,
        (x, y, z),
        beam.time_min,
        beam.gamma_angle_deg,
        beam.rate_gy_per_min,
        beam.dose_gy,
    )


def _frame(file: Found, beams: BeamPlan, options: CheckOptions) -> tuple[RigidTransform, list[str]]:
    if options.frame is not None:
        return read_frame(options.frame, str(file.header.get("FrameOfReferenceUID", ""))), []
    # Only directions matter to the dose: the unit goes to each isocentre by itself.
    center = np.mean([b.isocenter_mm for b in beams.beams], axis=0)
    note = (
        "the frame's place in the images is not stated: taken to be parallel to the patient's axes "
        "(--frame gives it)"
    )
    return patient_from_leksell(center).inverse, [note]


def _structure_set(files: Sequence[Found], plan: Found) -> tuple[Found, list[str]]:
    """The structure set that the plan refers to, or the only one."""
    with reading(plan.path):
        references = plan.header.get("ReferencedStructureSetSequence") or []
        wanted = {str(r.ReferencedSOPInstanceUID) for r in references}
    sets = [f for f in files if f.modality == "RTSTRUCT"]
    chosen = [f for f in sets if f.uid in wanted]
    if chosen:
        return chosen[0], []
    if len(sets) != 1:
        raise CaseError(
            f"{plan.path}: the RTSTRUCT that it refers to is missing ({len(sets)} others are "
            f"there); it holds the outline of the head"
        )
    return sets[0], [f"{sets[0].path.name} is not the RTSTRUCT that the plan refers to"]


def _dose(
    files: Sequence[Found], plan: Found, leksell_from_patient: RigidTransform
) -> Volume | None:
    """The dose that refers to the plan, or the only one."""
    doses = [f for f in files if f.modality == "RTDOSE"]
    chosen = []
    for file in doses:
        with reading(file.path):
            references = file.header.get("ReferencedRTPlanSequence") or []
            if plan.uid in {str(r.ReferencedSOPInstanceUID) for r in references}:
                chosen.append(file)
    if len(chosen) > 1:
        names = ", ".join(f.path.name for f in chosen)
        raise CaseError(f"{plan.path}: {len(chosen)} RTDOSE files are about it ({names}); keep one")
    if not chosen and len(doses) == 1:
        chosen = doses
    return read_dose(chosen[0].path).in_leksell(leksell_from_patient) if chosen else None
