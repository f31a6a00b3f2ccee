"""gkplan check on our own export and on that of a system that keeps its sectors to itself."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from gkplan.check import CheckResult, StatedPlan, check_plan
from gkplan.cli import main
from gkplan.dicom import export_plan
from gkplan.dicom.read.checkfolder import CheckOptions, read_stated
from gkplan.errors import CaseError, PlanError
from gkplan.frames import Frame
from gkplan.grid import Grid, Volume
from gkplan.plan import Plan
from gkplan.shot import Shot
from gkplan.workflow import engine_of, focus_rates, shot_doses
from tests.dicom.conftest import metrics_at
from tests.dicom.gammaplan_like import write_like

pytestmark = pytest.mark.filterwarnings("default::gkplan.errors.CheckWarning")
RATE = 2.987654321
SHOTS = (
    Shot((110.0, 95.0, 104.0), (8,) * 8, 2.5, 90.0, "target é"),
    Shot((108.5, 97.0, 102.0), (4,) * 8, 1.5, 90.0, "target é"),
    Shot((105.3, 100.7, 98.6), (4, 4, 0, 4, 4, 4, 4, 4), 3.1, 110.0, "target é"),
    Shot((109.0, 94.0, 105.0), (16, 16, 8, 8, 16, 16, 8, 8), 0.8, 90.0, "target é"),
)
PATTERNS = {f"A{n}": list(shot.sectors) for n, shot in enumerate(SHOTS, start=1)}


@pytest.fixture(scope="module")
def export(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small plan with doses of the fast engine, as `gkplan export` writes them."""
    folder = tmp_path_factory.mktemp("ours")
    point = (109.5, 95.5, 103.5)
    case = plan.case
    made = dataclasses.replace(
        plan,
        case=dataclasses.replace(
            case, structures=case.structures[:1], prescriptions=case.prescriptions[:1], limits=()
        ),
        shots=SHOTS,
        metrics=metrics_at(point, 20.0),
        transit=False,
    )
    grid = Grid((25, 40, 45), (1.5, 1.5, 1.5), (70.0, 70.0, 85.0), Frame.LEKSELL)
    dose = Volume(engine_of(made).dose_on(grid, SHOTS), grid, "dose_gy")
    doses = shot_doses(made, np.array(point))
    export_plan(made, dose, doses, folder, focus_rates_gy_per_min=focus_rates(made))
    return folder


@pytest.fixture(scope="module")
def foreign(export: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("foreign")
    write_like(export, folder)
    return folder


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("patterns") / "patterns.json"
    path.write_text(json.dumps({"sectors": PATTERNS}))
    return path


@pytest.fixture(scope="module")
def stated(export: Path) -> StatedPlan:
    return read_stated(export)


@pytest.fixture(scope="module")
def given(foreign: Path, patterns: Path) -> StatedPlan:
    return read_stated(foreign, CheckOptions(patterns, RATE))


@pytest.fixture(scope="module")
def ours(stated: StatedPlan) -> CheckResult:
    return check_plan(stated)


def test_our_export_passes_with_nothing_between(ours: CheckResult) -> None:
    assert ours.passed
    assert [c.name for c in ours.shots] == list(PATTERNS)
    for check in ours.shots:
        assert check.dose is not None
        assert check.rate is not None
        # The head comes back from contours 1 mm apart.
        assert abs(check.dose.percent) < 0.5
        assert abs(check.rate.percent) < 0.5
    assert ours.gammas[0].pass_rate == 1.0
    assert ours.gammas[1].pass_rate > 0.99
    assert len(ours.judgements) == 5
    (target,) = ours.structures
    assert abs(target.mean_gy.percent) < 0.5
    assert target.dvh_percent < 2
    assert ours.isodoses
    assert all(abs(i.volume_cc.percent) < 1 for i in ours.isodoses)


def test_a_foreign_plan_with_its_patterns_agrees(given: StatedPlan, ours: CheckResult) -> None:
    result = check_plan(given)
    assert result.passed
    assert result.point is not None
    assert ours.point is not None
    assert result.point.stated == pytest.approx(ours.point.stated, rel=1e-6)
    assert abs(result.point.percent) < 0.5
    assert [c.shot.gamma_angle_deg for c in result.shots] == pytest.approx([90, 90, 110, 90])
    assert result.gammas[0].pass_rate == 1.0
    assert any("parallel to the patient's axes" in note for note in result.notes)


def test_patterns_are_inferred_from_the_dose_grid(foreign: Path, given: StatedPlan) -> None:
    stated = read_stated(foreign)
    assert stated.rate_gy_per_min == pytest.approx(RATE, rel=0.01)
    assert [s.shot.sectors for s in stated.shots] == [s.shot.sectors for s in given.shots]
    assert "inferred from the dose grid" in stated.pattern_source
    assert any("its agreement proves less" in note for note in stated.notes)


def test_without_a_dose_grid_rates_tell_equal_sectors(foreign: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(foreign, tmp_path / "copy"))
    (copy / "RD.1.2.3.dcm").unlink()
    stated = read_stated(copy)
    assert [s.shot.sectors for s in stated.shots[:2]] == [(8,) * 8, (4,) * 8]
    # What is mixed cannot be told from two numbers, and the notes say so.
    assert any(note.startswith("A4: sectors") for note in stated.notes)
    assert "inferred from rates and doses" in stated.pattern_source


def test_a_wrong_pattern_fails(given: StatedPlan) -> None:
    first = given.shots[0]
    wrong = dataclasses.replace(first, shot=dataclasses.replace(first.shot, sectors=(16,) * 8))
    result = check_plan(dataclasses.replace(given, shots=(wrong, *given.shots[1:])))
    assert "dose rate of a shot, worst: A1" in [j.what for j in result.judgements if not j.met]


def test_doses_four_per_cent_too_high_fail(stated: StatedPlan) -> None:
    shots = tuple(dataclasses.replace(s, dose_gy=1.04 * (s.dose_gy or 0.0)) for s in stated.shots)
    result = check_plan(dataclasses.replace(stated, shots=shots, dose=None))
    assert not result.passed
    assert result.gammas == ()
    assert any("no dose grid" in note for note in result.notes)


def test_one_shot_of_another_time_fails(stated: StatedPlan) -> None:
    first = stated.shots[0]
    longer = dataclasses.replace(first, shot=dataclasses.replace(first.shot, time_min=2.7))
    result = check_plan(dataclasses.replace(stated, shots=(longer, *stated.shots[1:]), dose=None))
    assert "dose of a shot there, worst: A1" in [j.what for j in result.judgements if not j.met]


def test_a_scaled_and_a_displaced_grid_fail(stated: StatedPlan) -> None:
    assert stated.dose is not None
    scaled = Volume(np.asarray(stated.dose.array) * 0.95, stated.dose.grid, "dose_gy")
    result = check_plan(dataclasses.replace(stated, dose=scaled))
    assert "dose grid at the specification point" in [
        j.what for j in result.judgements if not j.met
    ]
    x, y, z = stated.dose.grid.origin_mm
    grid = dataclasses.replace(stated.dose.grid, origin_mm=(x + 2.0, y, z))
    moved = Volume(stated.dose.array, grid, "dose_gy")
    result = check_plan(dataclasses.replace(stated, dose=moved))
    assert result.gammas[0].pass_rate < 0.9
    assert not result.passed


def test_the_command_tells_the_verdict(
    export: Path, foreign: Path, patterns: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "check.json"
    assert main(["check", str(export), "--json", str(out)]) == 0
    assert "PASSED: all 5 tolerances are met." in capsys.readouterr().out
    table = json.loads(out.read_text())
    assert table["passed"] is True
    assert len(table["shots"]) == 4
    args = ["check", str(foreign), "--pattern", str(patterns), "--rate", "2.5"]
    assert main(args) == 1
    assert "FAILED" in capsys.readouterr().out


def test_bad_input_is_one_sentence(
    export: Path, foreign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    short = tmp_path / "short.json"
    short.write_text('{"sectors": {"A1": [8]}}')
    for args in (
        [str(tmp_path / "empty")],
        [str(export), "--pattern", str(short)],
        [str(foreign), "--pattern", str(short)],
        [str(foreign), "--pattern", str(tmp_path / "none.json")],
        [str(foreign), "--rate", "-1"],
        [str(foreign), "--frame", str(short)],
        [str(foreign), "--unit", "none"],
        [str(export), "--gamma-pass", "0"],
    ):
        assert main(["check", *args]) == 2, args
        lines = [s for s in capsys.readouterr().err.splitlines() if s.startswith("gkplan: ")]
        assert len([s for s in lines if "warning" not in s]) == 1, (args, lines)


def test_missing_parts_of_a_foreign_plan_are_named(foreign: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(foreign, tmp_path / "copy"))
    structures = dcmread(copy / "RS.1.2.3.dcm")
    structures.StructureSetROISequence[0].ROIName = "other"
    structures.RTROIObservationsSequence[0].RTROIInterpretedType = ""
    structures.save_as(copy / "RS.1.2.3.dcm")
    with pytest.raises(CaseError, match="no outline of the head"):
        read_stated(copy)
    (copy / "RS.1.2.3.dcm").unlink()
    with pytest.raises(CaseError, match="RTSTRUCT that it refers to is missing"):
        read_stated(copy)
    (copy / "RP.1.2.3.dcm").unlink()
    with pytest.raises(CaseError, match="holds 0 RTPLAN"):
        read_stated(copy)


def test_nothing_to_infer_from_is_said(foreign: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(foreign, tmp_path / "copy"))
    plan = dcmread(copy / "RP.1.2.3.dcm")
    for item in plan.FractionGroupSequence[0].ReferencedBeamSequence:
        del item.BeamDose
    for beam in plan.BeamSequence:
        del beam.ControlPointSequence[0].DoseRateSet
    plan.save_as(copy / "RP.1.2.3.dcm")
    (copy / "RD.1.2.3.dcm").unlink()
    with pytest.raises(PlanError, match="neither dose rates nor doses"):
        read_stated(copy)
