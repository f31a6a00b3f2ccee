"""Balls in the water sphere: small cases that are planned in a few seconds."""

from __future__ import annotations

from gkplan.case import Case
from gkplan.case.phantom import read_head
from gkplan.frames import patient_from_leksell
from gkplan.prescription import Limit, Prescription
from gkplan.solids import Ellipsoid
from gkplan.structures import Structure
from gkplan.structures.model import Role

Point = tuple[float, float, float]
MIDDLE: Point = (100.0, 100.0, 100.0)


def ball(name: str, role: Role, center_mm: Point, radius_mm: float) -> Structure:
    return Structure(name, role, Ellipsoid(center_mm, (radius_mm,) * 3))


def case_of(
    structures: tuple[Structure, ...],
    doses_gy: dict[str, float],
    limits: tuple[Limit, ...] = (),
) -> Case:
    """A case in the water sphere of 80 mm radius."""
    return Case(
        name="balls",
        kind="phantom",
        path="balls",
        sha256="",
        source="made for the tests",
        head=read_head("sphere-160"),
        structures=structures,
        prescriptions=tuple(Prescription(name, dose) for name, dose in doses_gy.items()),
        limits=limits,
        patient_from_leksell=patient_from_leksell(),
    )
