"""What an RT Plan of any system says of its shots in public elements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom import Dataset

from gkplan.frames import NEUTRAL_GAMMA_DEG, Array


@dataclass(frozen=True, slots=True, eq=False)
class Beam:
    """One shot as a beam.

    Parameters
    ----------
    name : as the planner calls it, "A1"
    isocenter_mm : (3,) patient frame
    rate_gy_per_min : at its own focus, None if not stated
    dose_gy : at the plan's specification point, None if not stated
    """

    name: str
    isocenter_mm: Array
    time_min: float
    gamma_angle_deg: float
    rate_gy_per_min: float | None
    dose_gy: float | None


@dataclass(frozen=True, slots=True, eq=False)
class BeamPlan:
    """The beams in the order of the file, and where their doses are specified.

    Parameters
    ----------
    point_mm : (3,) patient frame, None if not stated or not the same for all beams
    doses_gy : prescription doses, highest first
    """

    beams: tuple[Beam, ...]
    point_mm: Array | None
    doses_gy: tuple[float, ...]


def read_beams(dataset: Dataset) -> BeamPlan:
    """The shots of an RT Plan; what is wrong raises ValueError that names the tag."""
    groups = dataset.FractionGroupSequence
    if len(groups) != 1:
        raise ValueError(f"FractionGroupSequence: expected one group, got {len(groups)}")
    stated = {int(item.ReferencedBeamNumber): item for item in groups[0].ReferencedBeamSequence}
    setups = {int(s.PatientSetupNumber): s for s in dataset.get("PatientSetupSequence", [])}
    beams = []
    for beam in dataset.BeamSequence:
        number = int(beam.BeamNumber)
        if number not in stated:
            raise ValueError(f"beam {number}: no ReferencedBeamSequence item is about it")
        beams.append(
            _beam(
                beam,
                stated[number],
                setups.get(int(beam.get("ReferencedPatientSetupNumber", 0) or 0)),
            )
        )
    if not beams:
        raise ValueError("BeamSequence: has no beams")
    if len({b.name for b in beams}) != len(beams):
        raise ValueError("BeamName: two beams have the same name")
    points = [
        np.array(item.BeamDoseSpecificationPoint, dtype=np.float64)
        for item in stated.values()
        if item.get("BeamDoseSpecificationPoint")
    ]
    same = len(points) == len(beams) and all(np.allclose(p, points[0], atol=1e-3) for p in points)
    doses = {
        float(item.TargetPrescriptionDose)
        for item in dataset.get("DoseReferenceSequence", [])
        if item.get("TargetPrescriptionDose")
    }
    return BeamPlan(tuple(beams), points[0] if same else None, tuple(sorted(doses, reverse=True)))


def _beam(beam: Dataset, stated: Dataset, setup: Dataset | None) -> Beam:
    name = str(beam.get("BeamName") or beam.BeamNumber)
    points = beam.ControlPointSequence
    unit = str(beam.get("PrimaryDosimeterUnit") or "MINUTE")
    if unit != "MINUTE":
        raise ValueError(f"beam {name}: PrimaryDosimeterUnit: expected MINUTE, got {unit}")
    center = np.array(points[0].IsocenterPosition, dtype=np.float64)
    time = float(stated.BeamMeterset)
    if center.shape != (3,) or not np.isfinite(center).all():
        raise ValueError(f"beam {name}: IsocenterPosition: expected three finite numbers")
    if not 0.0 < time < np.inf:
        raise ValueError(f"beam {name}: BeamMeterset: expected minutes above 0, got {time}")
    return Beam(
        name,
        center,
        time,
        _gamma(setup),
        _number(points[0].get("DoseRateSet")),
        _number(stated.get("BeamDose")),
    )


def _gamma(setup: Dataset | None) -> float:
    """The pitch of the head frame; neutral if the plan says nothing of it."""
    devices = setup.get("FixationDeviceSequence", []) if setup is not None else []
    for device in devices:
        if device.get("FixationDevicePitchAngle") is not None:
            return float(device.FixationDevicePitchAngle)
    return NEUTRAL_GAMMA_DEG


def _number(value: object) -> float | None:
    return None if value is None or value == "" else float(str(value))
