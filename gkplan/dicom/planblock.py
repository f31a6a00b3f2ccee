"""A plan in the private elements of an RT Plan, and back without loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from pydicom import Dataset

from gkplan.dicom import private
from gkplan.dicom.private import Field
from gkplan.frames import Frame, RigidTransform
from gkplan.head import DepthRule, depth_rule
from gkplan.plan import Plan
from gkplan.prescription import Limit, Prescription
from gkplan.shot import Shot


def put_shot(beam: Dataset, shot: Shot) -> None:
    """Add to a beam the shot that it stands for."""
    private.put(beam, Field.SECTORS, list(shot.sectors))
    if shot.plugged:
        private.put(beam, Field.PLUGGED, list(shot.plugged))
    private.put(beam, Field.TIME, float(shot.time_min))
    private.put(beam, Field.ISOCENTER, [float(c) for c in shot.isocenter_mm])
    private.put(beam, Field.GAMMA, float(shot.gamma_angle_deg))
    private.put(beam, Field.STRUCTURE, shot.target)


def put_plan(dataset: Dataset, plan: Plan) -> None:
    """Add to an RT Plan what belongs to no single beam."""
    case = plan.case
    private.put(dataset, Field.UNIT_NAME, plan.unit_name)
    private.put(dataset, Field.CALIBRATION_RATE, float(plan.calibration_dose_rate_gy_per_min))
    day = plan.treatment_date
    private.put(dataset, Field.TREATMENT_DATE, day.strftime("%Y%m%d") if day else "")
    private.put(
        dataset, Field.PATIENT_FROM_LEKSELL, case.patient_from_leksell.matrix.ravel().tolist()
    )
    prescriptions, limits = [], []
    for prescription in case.prescriptions:
        item = Dataset()
        private.put(item, Field.STRUCTURE, prescription.target)
        private.put(item, Field.DOSE, float(prescription.dose_gy))
        private.put(item, Field.ISODOSE, [float(f) for f in prescription.isodose])
        private.put(item, Field.COLLIMATOR, prescription.collimator_mm)
        prescriptions.append(item)
    for limit in case.limits:
        item = Dataset()
        private.put(item, Field.STRUCTURE, limit.structure)
        private.put(item, Field.LIMIT_KIND, limit.kind)
        private.put(item, Field.DOSE, float(limit.dose_gy))
        if limit.volume_cc is not None:
            private.put(item, Field.LIMIT_VOLUME, float(limit.volume_cc))
        if limit.hard:
            private.put(item, Field.LIMIT_HARD, 1)
        limits.append(item)
    private.put(dataset, Field.PRESCRIPTIONS, prescriptions)
    private.put(dataset, Field.LIMITS, limits)
    private.put(dataset, Field.CASE_NAME, case.name)
    private.put(dataset, Field.CASE_SOURCE, case.source)
    private.put(dataset, Field.HEAD_NAME, case.head.name)
    private.put(dataset, Field.TRANSIT, int(plan.transit))
    if plan.depth != "geometric":
        private.put(dataset, Field.DEPTH, plan.depth)


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """What an RT Plan of ours says, apart from structures and images."""

    unit_name: str
    calibration_dose_rate_gy_per_min: float
    treatment_date: date | None
    transit: bool
    depth: DepthRule
    patient_from_leksell: RigidTransform
    prescriptions: tuple[Prescription, ...]
    limits: tuple[Limit, ...]
    case_name: str
    case_source: str
    head_name: str
    shots: tuple[Shot, ...]


def read_rtplan(dataset: Dataset) -> PlanRecord:
    """The record in an RT Plan; damage raises what pydicom raises (see `folder.reading`)."""
    # The last standard element: without it the file was cut off.
    if dataset.ApprovalStatus not in ("UNAPPROVED", "APPROVED", "REJECTED"):
        raise ValueError(f"ApprovalStatus: {dataset.ApprovalStatus!r}")
    beams = dataset.BeamSequence
    expected = int(dataset.FractionGroupSequence[0].NumberOfBeams)
    if len(beams) != expected:
        raise ValueError(f"BeamSequence: {len(beams)} beams where {expected} are announced")
    to_patient = _read_transform(dataset)
    shots = tuple(_read_shot(beam) for beam in beams)
    _check_unedited(dataset, shots, to_patient)
    day = str(private.get(dataset, Field.TREATMENT_DATE) or "")
    return PlanRecord(
        unit_name=private.get(dataset, Field.UNIT_NAME),
        calibration_dose_rate_gy_per_min=float(private.get(dataset, Field.CALIBRATION_RATE)),
        treatment_date=date.fromisoformat(day) if day else None,
        transit=bool(private.get(dataset, Field.TRANSIT)),
        depth=depth_rule(
            private.get(dataset, Field.DEPTH) if private.has(dataset, Field.DEPTH) else "geometric"
        ),
        patient_from_leksell=to_patient,
        prescriptions=tuple(
            _read_prescription(p) for p in private.get(dataset, Field.PRESCRIPTIONS)
        ),
        limits=tuple(_read_limit(item) for item in private.get(dataset, Field.LIMITS)),
        case_name=private.get(dataset, Field.CASE_NAME),
        case_source=private.get(dataset, Field.CASE_SOURCE),
        head_name=private.get(dataset, Field.HEAD_NAME),
        shots=shots,
    )


def _read_transform(dataset: Dataset) -> RigidTransform:
    matrix = np.array(private.get(dataset, Field.PATIENT_FROM_LEKSELL), dtype=np.float64)
    return RigidTransform.from_matrix(matrix.reshape(4, 4), Frame.LEKSELL, Frame.PATIENT)


def _check_unedited(dataset: Dataset, shots: tuple[Shot, ...], to_patient: RigidTransform) -> None:
    """Refuse a plan whose public numbers somebody changed: nobody could tell which ones hold."""
    (group,) = dataset.FractionGroupSequence
    meterset = {int(r.ReferencedBeamNumber): r.BeamMeterset for r in group.ReferencedBeamSequence}
    for beam, shot in zip(dataset.BeamSequence, shots, strict=True):
        time = float(meterset[int(beam.BeamNumber)])
        if not np.isclose(time, shot.time_min, rtol=1e-6, atol=1e-9):
            raise ValueError(
                f"beam {beam.BeamNumber}: BeamMeterset is {time:g} min, but the private shot "
                f"lasts {shot.time_min:g} min"
            )
        place = np.array(beam.ControlPointSequence[0].IsocenterPosition, dtype=np.float64)
        if not np.allclose(place, to_patient(shot.isocenter_mm), rtol=0, atol=1e-3):
            raise ValueError(
                f"beam {beam.BeamNumber}: IsocenterPosition {place.tolist()} is not where the "
                f"private elements have the shot"
            )


def _read_prescription(item: Dataset) -> Prescription:
    low, high = private.get(item, Field.ISODOSE)
    return Prescription(
        private.get(item, Field.STRUCTURE),
        private.get(item, Field.DOSE),
        (low, high),
        private.get(item, Field.COLLIMATOR),
    )


def _read_limit(item: Dataset) -> Limit:
    return Limit(
        private.get(item, Field.STRUCTURE),
        private.get(item, Field.LIMIT_KIND),
        private.get(item, Field.DOSE),
        private.get(item, Field.LIMIT_VOLUME) if private.has(item, Field.LIMIT_VOLUME) else None,
        private.has(item, Field.LIMIT_HARD) and bool(private.get(item, Field.LIMIT_HARD)),
    )


def _read_shot(beam: Dataset) -> Shot:
    x, y, z = private.get(beam, Field.ISOCENTER)
    plugged = private.get(beam, Field.PLUGGED) if private.has(beam, Field.PLUGGED) else ()
    return Shot(
        isocenter_mm=(x, y, z),
        sectors=_several(private.get(beam, Field.SECTORS)),
        time_min=private.get(beam, Field.TIME),
        gamma_angle_deg=private.get(beam, Field.GAMMA),
        target=private.get(beam, Field.STRUCTURE),
        plugged=_several(plugged),
    )


def _several(value: int | Sequence[int]) -> tuple[int, ...]:
    """pydicom gives a list of one number as the number."""
    return (value,) if isinstance(value, int) else tuple(value)
