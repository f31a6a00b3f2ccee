"""A case: head, structures, prescriptions, limits and where they came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gkplan.case.selection import Selection
from gkplan.errors import CaseError
from gkplan.frames import NEUTRAL_GAMMA_DEG, RigidTransform
from gkplan.head import Head
from gkplan.prescription import Limit, Prescription
from gkplan.shot import GAMMA_RANGE_DEG
from gkplan.structures import Structure

CaseKind = Literal["phantom", "contours", "dicom"]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Everything that planning needs to know about a patient or phantom (Leksell mm).

    Parameters
    ----------
    name : short, for file names and titles
    kind, path, sha256 : where it came from; the path is a name for a phantom that ships
    source : who made the data, to be cited wherever a result is shown
    patient_from_leksell : the transform that places the case in DICOM coordinates
    gamma_angle_deg : tilt of the frame at which new shots are planned, 90 is neutral
    selection : for DICOM of another system only: what of the folder is meant

    Raises
    ------
    CaseError
        For a gamma angle out of range.
    """

    name: str
    kind: CaseKind
    path: str
    sha256: str
    source: str
    head: Head
    structures: tuple[Structure, ...]
    prescriptions: tuple[Prescription, ...]
    limits: tuple[Limit, ...]
    patient_from_leksell: RigidTransform
    gamma_angle_deg: float = NEUTRAL_GAMMA_DEG
    selection: Selection | None = None

    def __post_init__(self) -> None:
        low, high = GAMMA_RANGE_DEG
        if not low <= self.gamma_angle_deg <= high:
            raise CaseError(
                f"{self.path}: gamma_angle_deg: expected {low:g} to {high:g} degrees, "
                f"got {self.gamma_angle_deg:g}"
            )

    @property
    def targets(self) -> tuple[Structure, ...]:
        return tuple(s for s in self.structures if s.role == "target")

    @property
    def oars(self) -> tuple[Structure, ...]:
        return tuple(s for s in self.structures if s.role == "oar")

    def structure(self, name: str) -> Structure:
        for structure in self.structures:
            if structure.name == name:
                return structure
        known = ", ".join(s.name for s in self.structures) or "none"
        raise CaseError(f"{self.path}: no structure {name!r}; there are: {known}")

    def prescription(self, target: str) -> Prescription:
        for prescription in self.prescriptions:
            if prescription.target == target:
                return prescription
        raise CaseError(f"{self.path}: target {target!r} has no prescription")
