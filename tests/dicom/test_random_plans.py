"""Any plan comes back from its DICOM folder as it was, and its dose within the stored step."""

from __future__ import annotations

import dataclasses
import tempfile
import warnings
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydicom import dcmread

from gkplan.case.model import Case
from gkplan.dicom import export_plan, read_plan
from gkplan.dicom.read.beams import read_beams
from gkplan.dicom.read.dosegrid import read_dose
from gkplan.errors import CaseWarning
from gkplan.frames import Frame, patient_from_leksell
from gkplan.grid import Grid, Volume
from gkplan.head import Head, Tissue
from gkplan.head.depth import DEPTHS
from gkplan.plan import Plan
from gkplan.prescription import Limit, Prescription
from gkplan.shot import Shot
from gkplan.solids import Ellipsoid
from gkplan.structures import Structure
from gkplan.unit import load_unit
from tests.dicom.conftest import metrics_at

UNIT = load_unit("perfexion")
NAMES = ("target é", "second \\ one")


@dataclass(frozen=True)
class Random:
    """A plan, its dose on a grid, and the dose of each shot at the maximum."""

    plan: Plan
    dose: Volume
    shot_doses_gy: tuple[float, ...]

    def __repr__(self) -> str:
        """Short: that of a unit would fill pages."""
        case = self.plan.case
        return f"Random({self.plan.shots}, {case.name!r}, {case.prescriptions}, {case.limits})"


def _floats(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


def _points(low: float, high: float) -> st.SearchStrategy[tuple[float, float, float]]:
    return st.tuples(*(_floats(low, high) for _ in range(3)))


_TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\\^=\0", exclude_categories=("C", "Z")),
    min_size=1,
    max_size=30,
)

_SHOTS = st.builds(
    Shot,
    isocenter_mm=_points(30.0, 170.0),
    sectors=st.lists(st.sampled_from((0, 4, 8, 16)), min_size=8, max_size=8).filter(any).map(tuple),
    time_min=_floats(0.1, 200.0),
    gamma_angle_deg=st.sampled_from((70.0, 90.0, 110.0)) | _floats(45.0, 135.0),
    target=st.sampled_from([*NAMES, ""]),
)


@st.composite
def random_plans(draw: st.DrawFn) -> Random:
    """A small head with two targets, and everything else as it may come."""
    center = np.array(draw(_points(60.0, 140.0)))
    place = tuple(float(c) for c in center)
    scalp = Ellipsoid(place, (11.0, 12.0, 10.0))
    structures = (
        Structure(NAMES[0], "target", Ellipsoid(place, (3.0, 2.5, 4.0))),
        Structure(NAMES[1], "target", Ellipsoid((place[0] + 6.0, place[1], place[2]), (2.0,) * 3)),
        Structure("organ", "oar", Ellipsoid((place[0] - 6.0, place[1], place[2]), (2.5,) * 3)),
    )
    limits = st.builds(
        Limit,
        structure=st.just("organ"),
        kind=st.sampled_from(("max", "mean", "d0_035cc")),
        dose_gy=_floats(0.5, 100.0),
    )
    case = Case(
        name=draw(_TEXT),
        kind="phantom",
        path="random",
        sha256="0" * 64,
        source=draw(_TEXT),
        head=Head("random", scalp, (Tissue("brain", scalp, 1.04, 40.0),)),
        structures=structures,
        prescriptions=tuple(
            Prescription(name, draw(_floats(1.0, 200.0)), (0.4, draw(_floats(0.4, 0.9))))
            for name in NAMES
        ),
        limits=tuple(draw(st.lists(limits, max_size=3, unique_by=lambda limit: limit.kind))),
        patient_from_leksell=patient_from_leksell(draw(_points(-300.0, 300.0))),
    )
    shots = tuple(draw(st.lists(_SHOTS, min_size=1, max_size=12)))
    plan = Plan(
        case,
        UNIT,
        draw(st.sampled_from(("perfexion", "icon", "esprit"))),
        shots,
        draw(_floats(0.5, 5.0)),
        draw(st.none() | st.dates(date(2000, 1, 1), date(2100, 1, 1))),
        metrics_at(place, 20.0),
        transit=draw(st.booleans()),
        depth=draw(st.sampled_from(DEPTHS)),
    )
    shape = draw(st.tuples(*(st.integers(1, 6) for _ in range(3))))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.exponential(draw(_floats(0.1, 100.0)), shape).astype(np.float32)
    grid = Grid(shape, draw(_points(0.3, 4.0)), draw(_points(0.0, 200.0)), Frame.LEKSELL)
    doses = tuple(float(d) for d in rng.uniform(0.01, 30.0, len(shots)))
    return Random(plan, Volume(values, grid, "dose_gy"), doses)


def check_round_trip(random: Random) -> None:
    """Export, import, compare."""
    plan = random.plan
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export_plan(plan, random.dose, random.shot_doses_gy, folder)
        with warnings.catch_warnings():
            # Random limits may contradict the doses.
            warnings.simplefilter("ignore", CaseWarning)
            again = read_plan(folder)
        stated = read_beams(dcmread(folder / "rtplan.dcm"))
        dose = read_dose(folder / "rtdose.dcm").in_leksell(plan.case.patient_from_leksell.inverse)
        step = float(dcmread(folder / "rtdose.dcm").DoseGridScaling)
    for field in ("shots", "unit_name", "calibration_dose_rate_gy_per_min", "treatment_date"):
        assert getattr(again, field) == getattr(plan, field), field
    assert (again.transit, again.depth) == (plan.transit, plan.depth)
    for field in ("name", "source", "prescriptions", "limits", "patient_from_leksell"):
        assert getattr(again.case, field) == getattr(plan.case, field), field
    assert [(s.name, s.role) for s in again.case.structures] == [
        (s.name, s.role) for s in plan.case.structures
    ]
    places = plan.case.patient_from_leksell([s.isocenter_mm for s in plan.shots])
    np.testing.assert_allclose([b.isocenter_mm for b in stated.beams], places, atol=1e-5)
    np.testing.assert_allclose([b.dose_gy for b in stated.beams], random.shot_doses_gy, rtol=1e-9)
    grid = random.dose.grid
    assert dose.grid.shape == grid.shape
    np.testing.assert_allclose(dose.grid.origin_mm, grid.origin_mm, atol=1e-5)
    assert all(
        dose.grid.shape[2 - axis] == 1 or abs(a - b) < 1e-5
        for axis, (a, b) in enumerate(zip(dose.grid.spacing_mm, grid.spacing_mm, strict=True))
    )
    difference = np.asarray(dose.array, np.float64) - np.asarray(random.dose.array, np.float64)
    assert np.abs(difference).max() <= 0.500001 * step


@given(random_plans())
@settings(max_examples=5, deadline=None, phases=(Phase.explicit, Phase.generate))
def test_a_random_plan_comes_back(random: Random) -> None:
    check_round_trip(random)


def test_a_changed_plan_is_not_taken_for_the_same() -> None:
    """The comparison sees a change of the last digit."""
    shot = Shot((100.0, 100.0, 100.0), (8,) * 8, 1.0)
    other = dataclasses.replace(shot, time_min=float(np.nextafter(1.0, 2.0)))
    assert shot != other
