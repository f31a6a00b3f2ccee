"""gkplan check by other engines than tmr: densities from the CT in the folder."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from gkplan.check import CheckResult, Recompute, check_plan
from gkplan.cli import main
from gkplan.dicom import export_plan
from gkplan.dicom.read.checkfolder import CheckOptions, read_stated
from gkplan.dose.montecarlo import MonteCarlo
from gkplan.frames import Frame
from gkplan.grid import Grid, Volume
from gkplan.head import Head, Tissue
from gkplan.plan import Plan
from gkplan.shot import Shot
from gkplan.solids import Ellipsoid
from gkplan.workflow import engine_of, focus_rates, shot_doses
from tests.dicom.conftest import metrics_at
from tests.dicom.gammaplan_like import write_like

pytestmark = pytest.mark.filterwarnings("default::gkplan.errors.CheckWarning")
CENTER = (104.0, 100.0, 98.0)
SHOTS = (
    Shot(CENTER, (8,) * 8, 4.0, 90.0, "target é"),
    Shot((107.0, 100.0, 98.0), (8, 8, 8, 8, 0, 8, 8, 8), 3.0, 90.0, "target é"),
)
POINT = (105.0, 100.0, 98.0)


@pytest.fixture(scope="module")
def export(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plan in a shell of bone, its doses by radiological depth."""
    folder = tmp_path_factory.mktemp("bone")
    skin = Ellipsoid((100.0, 100.0, 100.0), (50.0, 50.0, 50.0))
    inner = Ellipsoid((100.0, 100.0, 100.0), (40.0, 40.0, 40.0))
    tissues = (Tissue("bone", skin, 1.61, 1000.0), Tissue("brain", inner, 1.04, 25.0))
    case = plan.case
    made = dataclasses.replace(
        plan,
        case=dataclasses.replace(
            case,
            head=Head("shell", skin, tissues),
            structures=case.structures[:1],
            prescriptions=case.prescriptions[:1],
            limits=(),
        ),
        shots=SHOTS,
        metrics=metrics_at(POINT, 20.0),
        depth="radiological",
    )
    grid = Grid((21, 21, 21), (1.5, 1.5, 1.5), (90.0, 85.0, 83.0), Frame.LEKSELL)
    dose = Volume(engine_of(made).dose_on(grid, SHOTS), grid, "dose_gy")
    doses = shot_doses(made, np.array(POINT))
    export_plan(made, dose, doses, folder, focus_rates_gy_per_min=focus_rates(made))
    return folder


def percents(result: CheckResult) -> list[float]:
    pairs = [c.dose for c in result.shots] + [c.rate for c in result.shots]
    return [pair.percent for pair in pairs if pair is not None]


def test_a_plan_is_checked_with_the_depth_it_was_made_with(export: Path) -> None:
    result = check_plan(read_stated(export))
    assert (result.engine, result.uncertainty) == ("tmr-radiological", None)
    assert result.passed
    assert np.abs(percents(result)).max() < 1.0
    # As water the 10 mm of bone on every way are forgotten: 6 mm of water, 3.6 %.
    water = check_plan(read_stated(export), how=Recompute("geometric"))
    assert water.engine == "tmr"
    assert 2.5 < min(percents(water)) <= max(percents(water)) < 6.0


def test_a_plan_of_another_system_gets_its_densities_from_the_ct(
    export: Path, plan: Plan, tmp_path: Path
) -> None:
    folder = tmp_path / "dicom"
    folder.mkdir()
    write_like(export, folder)
    shutil.copytree(export / "ct", folder / "ct")
    sectors = tmp_path / "sectors.json"
    sectors.write_text(
        json.dumps({"sectors": {f"A{n}": s.sectors for n, s in enumerate(SHOTS, 1)}})
    )
    rate = plan.calibration_dose_rate_gy_per_min
    stated = read_stated(folder, CheckOptions(sectors, rate, with_images=True))
    deep, water = (check_plan(stated, how=Recompute(d)) for d in ("radiological", "geometric"))
    # Of such plans transit is not counted: 0.2 % of these.
    assert np.abs(percents(deep)).max() < 1.5
    assert min(percents(water)) > 2.0


def test_monte_carlo_checks_too(export: Path) -> None:
    how = MonteCarlo(uncertainty=0.1, rays=1000, spacing_mm=2.0, workers=1)
    result = check_plan(read_stated(export), how=Recompute(montecarlo=how))
    assert result.engine == "montecarlo"
    assert result.uncertainty is not None
    assert result.uncertainty <= 0.1
    assert any("Monte Carlo, known to" in note for note in result.notes)
    assert result.point is not None
    # One place of a run of 10 %; all of them together say more.
    assert abs(result.point.percent) < 40.0
    assert abs(result.structures[0].mean_gy.percent) < 6.0


def test_a_head_without_images_has_no_densities(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_like(export, tmp_path)
    assert main(["check", str(tmp_path), "--engine", "tmr-radiological"]) == 2
    assert "no CT or MR images in or below it" in capsys.readouterr().err
    assert main(["check", str(tmp_path), "--engine", "montecarlo", "--uncertainty", "0"]) == 2
    assert "expected a fraction" in capsys.readouterr().err
