"""RT Plan: one static photon beam a shot, and all of the shot in private elements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydicom import Dataset
from pydicom.uid import UID, RTPlanStorage, RTStructureSetStorage

from gkplan.dicom.common import Study, ds, mm, new_dataset, reference, short
from gkplan.dicom.planblock import put_plan, put_shot
from gkplan.disclaimer import DISCLAIMER
from gkplan.frames import RigidTransform
from gkplan.plan import Plan, engine_text
from gkplan.prescription import Prescription
from gkplan.shot import Shot

_CO60_MV = "1.25"


@dataclass(frozen=True, slots=True)
class BeamDoses:
    """Dose (Gy) of each shot at the point of the maximum, and Gy/min at its own focus if known."""

    maximum_mm: tuple[float, float, float]
    at_maximum_gy: Sequence[float]
    focus_rate_gy_per_min: Sequence[float] | None = None


def rtplan_dataset(
    plan: Plan, doses: BeamDoses, structures_uid: UID, roi_numbers: Mapping[str, int], study: Study
) -> Dataset:
    """The plan as a dataset that refers to a structure set and its ROI numbers."""
    to_patient = plan.case.patient_from_leksell
    dataset = new_dataset(study, RTPlanStorage, "RTPLAN", series_number=3)
    dataset.RTPlanLabel = "gkplan"
    dataset.RTPlanName = short(plan.case.name)
    dataset.RTPlanDescription = f"{DISCLAIMER} Dose: {engine_text(plan)}."
    dataset.RTPlanDate, dataset.RTPlanTime = dataset.StudyDate, dataset.StudyTime
    dataset.PlanIntent = "RESEARCH"
    dataset.RTPlanGeometry = "PATIENT"
    dataset.DoseReferenceSequence = [
        _dose_reference(number, prescription, roi_numbers[prescription.target])
        for number, prescription in enumerate(plan.case.prescriptions, start=1)
    ]
    maximum = mm(to_patient(doses.maximum_mm))
    dataset.FractionGroupSequence = [_fraction_group(plan.shots, doses.at_maximum_gy, maximum)]
    gammas = dict.fromkeys(shot.gamma_angle_deg for shot in plan.shots)
    setups = {gamma: number for number, gamma in enumerate(gammas, start=1)}
    dataset.BeamSequence = []
    for number, (name, shot) in enumerate(zip(beam_names(plan), plan.shots, strict=True), start=1):
        beam = _beam(number, name, shot, to_patient)
        # Named after its number of sources: a vendor's machine name must not appear.
        beam.TreatmentMachineName = short(f"gkplan-{plan.unit.n_sources}", 16)
        beam.ReferencedPatientSetupNumber = setups[shot.gamma_angle_deg]
        if doses.focus_rate_gy_per_min is not None:
            rate = doses.focus_rate_gy_per_min[number - 1]
            beam.ControlPointSequence[0].DoseRateSet = ds(rate)
        dataset.BeamSequence.append(beam)
    dataset.PatientSetupSequence = [_setup(number, gamma) for gamma, number in setups.items()]
    dataset.ReferencedStructureSetSequence = [reference(RTStructureSetStorage, structures_uid)]
    dataset.ApprovalStatus = "UNAPPROVED"
    put_plan(dataset, plan)
    return dataset


def beam_names(plan: Plan) -> list[str]:
    """A1, A2, B1, ...: a letter for each target and a number for each of its shots."""
    targets = dict.fromkeys([t.name for t in plan.case.targets] + [s.target for s in plan.shots])
    letters = {target: _letters(n) for n, target in enumerate(targets)}
    count = dict.fromkeys(targets, 0)
    names = []
    for shot in plan.shots:
        count[shot.target] += 1
        names.append(f"{letters[shot.target]}{count[shot.target]}")
    return names


def _letters(number: int) -> str:
    """A to Z, then AA, AB, ..."""
    before, last = divmod(number, 26)
    return (_letters(before - 1) if before else "") + chr(ord("A") + last)


def _dose_reference(number: int, prescription: Prescription, roi_number: int) -> Dataset:
    item = Dataset()
    item.ReferencedROINumber = roi_number
    item.DoseReferenceNumber = number
    item.DoseReferenceStructureType = "VOLUME"
    item.DoseReferenceDescription = short(prescription.target)
    item.DoseReferenceType = "TARGET"
    item.TargetPrescriptionDose = ds(prescription.dose_gy)
    return item


def _fraction_group(
    shots: Sequence[Shot], beam_doses_gy: Sequence[float], maximum: list[str]
) -> Dataset:
    group = Dataset()
    group.FractionGroupNumber = 1
    group.NumberOfFractionsPlanned = 1
    group.NumberOfBeams = len(shots)
    group.NumberOfBrachyApplicationSetups = 0
    group.ReferencedBeamSequence = []
    for number, (shot, dose) in enumerate(zip(shots, beam_doses_gy, strict=True), start=1):
        item = Dataset()
        item.BeamDoseSpecificationPoint = maximum
        item.BeamDose = ds(dose)
        item.BeamMeterset = ds(shot.time_min)
        item.ReferencedBeamNumber = number
        group.ReferencedBeamSequence.append(item)
    return group


def _beam(number: int, name: str, shot: Shot, to_patient: RigidTransform) -> Dataset:
    beam = Dataset()
    beam.BeamNumber = number
    beam.BeamName = name
    beam.BeamDescription = name
    beam.BeamType = "STATIC"
    beam.RadiationType = "PHOTON"
    beam.PrimaryDosimeterUnit = "MINUTE"
    beam.TreatmentDeliveryType = "TREATMENT"
    beam.NumberOfWedges = beam.NumberOfCompensators = 0
    beam.NumberOfBoli = beam.NumberOfBlocks = 0
    beam.FinalCumulativeMetersetWeight = ds(shot.time_min)
    beam.NumberOfControlPoints = 2
    beam.BeamLimitingDeviceSequence = []
    jaws = []
    for axis in ("X", "Y"):
        # There are no jaws in a Gamma Knife: the modules demand a pair, these are a placeholder.
        device = Dataset()
        device.RTBeamLimitingDeviceType = axis
        device.NumberOfLeafJawPairs = 1
        beam.BeamLimitingDeviceSequence.append(device)
        jaw = Dataset()
        jaw.RTBeamLimitingDeviceType = axis
        jaw.LeafJawPositions = mm((-10, 10))
        jaws.append(jaw)
    start, end = Dataset(), Dataset()
    start.ControlPointIndex, end.ControlPointIndex = 0, 1
    start.CumulativeMetersetWeight, end.CumulativeMetersetWeight = "0", ds(shot.time_min)
    start.NominalBeamEnergy = _CO60_MV
    start.BeamLimitingDevicePositionSequence = jaws
    for axis in ("Gantry", "BeamLimitingDevice", "PatientSupport", "TableTopEccentric"):
        setattr(start, f"{axis}Angle", "0")
        setattr(start, f"{axis}RotationDirection", "NONE")
    start.TableTopVerticalPosition = ""
    start.TableTopLongitudinalPosition = ""
    start.TableTopLateralPosition = ""
    start.IsocenterPosition = mm(to_patient(shot.isocenter_mm))
    beam.ControlPointSequence = [start, end]
    put_shot(beam, shot)
    return beam


def _setup(number: int, gamma_angle_deg: float) -> Dataset:
    device = Dataset()
    device.FixationDeviceType = "HEADFRAME"
    device.FixationDeviceLabel = "Leksell frame"
    device.FixationDevicePitchAngle = gamma_angle_deg
    setup = Dataset()
    setup.PatientSetupNumber = number
    setup.PatientPosition = "HFS"
    setup.SetupTechnique = "ISOCENTRIC"
    setup.FixationDeviceSequence = [device]
    return setup
