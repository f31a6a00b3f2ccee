"""One small plan, exported once: an ellipsoid head with everything that DICOM can stumble over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from gkplan.case.model import Case
from gkplan.dicom import export_plan
from gkplan.dose.reference import ReferenceEngine
from gkplan.frames import Frame, patient_from_leksell
from gkplan.grid import Grid, Volume
from gkplan.head import Head, Tissue
from gkplan.metrics import PlanIndices, PlanMetrics
from gkplan.plan import Plan
from gkplan.prescription import Limit, Prescription
from gkplan.shot import Shot
from gkplan.solids import Difference, Ellipsoid, Union
from gkplan.structures import Structure
from gkplan.unit import load_unit

LONG_NAME = "a very long name of an organ at risk, longer than the 64 characters of DICOM, naïve"
CENTER_LPS_MM = (12.345678901234567, -7.1, 1 / 3)


@dataclass(frozen=True)
class Exported:
    """A plan with its dose and the folder that it was written to."""

    plan: Plan
    dose: Volume
    beam_doses_gy: Sequence[float]
    folder: Path
    files: list[Path]


def sphere(x: float, y: float, z: float, volume_cc: float) -> Ellipsoid:
    radius = (volume_cc * 1000 * 3 / (4 * np.pi)) ** (1 / 3)
    return Ellipsoid((x, y, z), (radius,) * 3)


def small_case() -> Case:
    scalp = Ellipsoid((100.0, 100.0, 100.0), (40.0, 45.0, 35.0))
    brain = Ellipsoid((100.0, 100.0, 100.0), (34.0, 39.0, 29.0))
    structures = (
        Structure("target é", "target", sphere(110.0, 95.0, 104.0, 1.5)),
        Structure("second", "target", sphere(85.3, 110.7, 98.6, 0.3)),
        Structure(
            "cochlea",
            "oar",
            Ellipsoid((125.0, 90.0, 105.0), (2.0, 2.4, 2.5), (0.0, 0.0, 35.0)),
        ),
        Structure(LONG_NAME, "oar", Difference(brain, (sphere(100.0, 100.0, 100.0, 8.0),))),
        Structure(
            "two parts", "oar", Union((sphere(80.0, 90, 100, 0.2), sphere(120.0, 110, 100, 0.2)))
        ),
    )
    return Case(
        name="Fall ü \\ ^ =" + 80 * "x",
        kind="phantom",
        path="small",
        sha256="0" * 64,
        source="made for these tests; ä",
        head=Head(
            "small",
            scalp,
            (Tissue("bone", scalp, 1.6, 1000.0), Tissue("brain", brain, 1.04, 40.0)),
        ),
        structures=structures,
        prescriptions=(
            Prescription("target é", 12.345678901234567, (0.4, 0.7)),
            Prescription("second", 80.0, (1.0, 1.0), 8),
        ),
        limits=(
            Limit("cochlea", "mean", 4.1),
            Limit(LONG_NAME, "d0_035cc", 1 / 3),
            Limit(LONG_NAME, "volume", 10.1, 1 / 30, hard=True),
        ),
        patient_from_leksell=patient_from_leksell(CENTER_LPS_MM),
    )


def metrics_at(point: tuple[float, float, float], max_dose_gy: float) -> PlanMetrics:
    indices = PlanIndices(1.0, 1.0, 1.0, 3.0, 0.5, 0.5, max_dose_gy, 1.5)
    return PlanMetrics(indices, {}, {}, (), point, 1.0, 2.0, 3, 3)


@pytest.fixture(scope="session")
def plan() -> Plan:
    shots = (
        Shot((110.1, 95.0, 104.0), (8, 8, 0, 16, 4, 8, 8, 4), 2.3456789012345678, 90.0, "target é"),
        Shot((85.3, 110.7, 98.6), (4,) * 8, 1 / 3, 70.1, "second"),
        Shot((109.9, 94.123456789012, 103.5), (0, 0, 0, 0, 0, 0, 0, 16), 0.7, 90.0, "target é"),
    )
    maximum = (110.0, 95.0, 104.0)
    return Plan(
        small_case(),
        load_unit("perfexion"),
        "icon",
        shots,
        2.987654321,
        date(2026, 3, 1),
        metrics_at(maximum, 24.0),
        transit=True,
    )


@pytest.fixture(scope="session")
def exported(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    grid = Grid((9, 10, 11), (3.0, 2.5, 2.0), (95.0, 85.0, 96.0), Frame.LEKSELL)
    engine = ReferenceEngine(plan.unit, plan.case.head, plan.calibration_dose_rate_gy_per_min)
    values = engine.dose(grid.points(), plan.shots).reshape(grid.shape).astype(np.float32)
    dose = Volume(values, grid, "dose_gy")
    assert plan.metrics is not None
    point = np.array([plan.metrics.max_dose_point_mm])
    beam_doses = [float(engine.dose(point, [shot])[0]) for shot in plan.shots]
    folder = tmp_path_factory.mktemp("export")
    rates = [d / s.time_min for d, s in zip(beam_doses, plan.shots, strict=True)]
    files = export_plan(plan, dose, beam_doses, folder, focus_rates_gy_per_min=rates)
    return Exported(plan, dose, beam_doses, folder, files)
