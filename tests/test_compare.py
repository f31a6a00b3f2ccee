"""gkplan compare: what it refuses, a plan by several engines, gamma, and the picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gkplan.check.engines import ByEngine, by_engines, engine_gammas
from gkplan.cli import main
from gkplan.dose.corrected import CorrectedDose
from gkplan.dose.montecarlo import ComputedDose, MonteCarloDose
from gkplan.frames import Frame
from gkplan.grid import Grid, Volume
from gkplan.load import load_case
from gkplan.plan import Plan
from gkplan.planfile import write_plan
from gkplan.report.comparison import compared_rows, difference_rows, noise_text
from gkplan.report.engineplot import engines_figure
from gkplan.shot import Shot
from gkplan.unit import load_unit
from gkplan.workflow import engine_of, judge


@pytest.mark.parametrize("engines", ["tmr", "tmr,tmr", "tmr,magic", "tmr,montecarlo,tmr"])
def test_engines_that_cannot_be_compared(engines: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "plan.json", "--engines", engines]) == 2
    error = capsys.readouterr().err
    assert "expected two or three of tmr, tmr-radiological, montecarlo" in error
    assert error.count("\n") == 1


@pytest.fixture(scope="module")
def plan() -> Plan:
    case = load_case("metastasis-small")
    case = replace(case, structures=case.targets, limits=())  # Quick to judge.
    middle = tuple(float(c) for c in case.targets[0].solid.bounds.mean(axis=0))
    shot = Shot(middle, (8,) * 8, 20.0)  # type: ignore[arg-type]
    return Plan(case, load_unit("perfexion"), "perfexion", (shot,))


def noisy(plan: Plan, factor: float, sigma: float) -> CorrectedDose:
    """As if Monte Carlo had given so many times `tmr`, with noise."""
    place, tmr = np.array(plan.shots[0].isocenter_mm), engine_of(plan)
    grid = Grid.around([place - 25.0, place + 25.0], 1.0, Frame.LEKSELL)
    dose = factor * tmr.dose_on(grid, plan.shots)
    noise = np.random.default_rng(1).normal(1.0, sigma, dose.shape).astype(np.float32)
    result = MonteCarloDose(grid, dose * noise, sigma * dose, sigma, 8)
    return CorrectedDose(ComputedDose(result, plan.shots, plan.case.head), tmr, tmr)


def test_a_plan_judged_by_a_dose_on_a_grid(plan: Plan) -> None:
    """With `tmr`'s dose on the grid the metrics are those of `tmr`, but for interpolation."""
    usual = judge(plan)
    other = judge(plan, engine=noisy(plan, 1.0, 0.01))
    assert other.plan.provenance["engine"] == "montecarlo"
    assert other.plan.provenance["uncertainty"] == 0.01
    assert usual.plan.provenance["engine"] == "tmr"
    first, second = usual.evaluation.metrics.overall, other.evaluation.metrics.overall
    assert second.coverage == pytest.approx(first.coverage, abs=0.05)
    assert second.max_dose_gy == pytest.approx(first.max_dose_gy, rel=0.04)


def test_tables_gamma_and_picture_of_three_engines(plan: Plan) -> None:
    deep = by_engines(plan, ("tmr", "tmr-radiological"))
    simulated = noisy(plan, 0.9, 0.02)
    dose = Volume(simulated.dose_on(deep[0].dose.grid, plan.shots), deep[0].dose.grid, "dose_gy")
    three = (*deep, ByEngine("montecarlo", judge(plan, engine=simulated), dose, 0.02))
    rows = {name: values for name, *values in difference_rows(three)}
    _, radiological, montecarlo = rows["target: mean, Gy"]
    # Bone on every way costs a few per cent; the made-up dose is 10 % less.
    assert -8.0 < float(radiological.removesuffix(" %")) < -2.0
    assert float(montecarlo.removesuffix(" %")) == pytest.approx(-10.0, abs=1.5)
    assert all(len(row) == 4 for row in compared_rows(*(by.planned for by in three)))
    assert "known to 2 %" in noise_text(three)
    assert noise_text(deep) == ""

    gammas = engine_gammas(three)
    assert {(g.engine, g.reference) for g in gammas} == {
        ("tmr", "montecarlo"),
        ("tmr-radiological", "montecarlo"),
    }
    wide = {g.engine: g.check for g in gammas if g.check.criterion.distance_mm == 1.0}
    assert wide["tmr"].pass_rate < wide["tmr-radiological"].pass_rate <= 1.0
    assert {g.reference for g in engine_gammas(deep)} == {"tmr"}

    figure = engines_figure(plan, three)
    histograms, *maps = (a for a in figure.axes if a.get_xlabel())
    structures = len(deep[0].planned.evaluation.dvhs)
    styles = [line.get_linestyle() for line in histograms.get_lines()]
    assert styles == ["-"] * structures + ["--"] * structures + [":"] * structures
    assert [m.get_title("right") for m in maps] == [
        "tmr less montecarlo",
        "tmr-radiological less montecarlo",
    ]


def test_the_command(plan: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, picture = tmp_path / "plan.json", tmp_path / "engines.png"
    write_plan(plan, file)
    names = "tmr,tmr-radiological"
    assert main(["compare", str(file), "--engines", names, "--figure", str(picture)]) == 0
    said = capsys.readouterr().out
    for part in ("radiological depth", "Differences from tmr", "1 %/0.5 mm global"):
        assert part in said
    assert picture.read_bytes()[:4] == b"\x89PNG"
