"""gkplan compare: what it refuses, a plan judged by another engine, and the picture."""

from __future__ import annotations

import numpy as np
import pytest

from gkplan.cli import main
from gkplan.dose.montecarlo import ComputedDose, MonteCarloDose
from gkplan.frames import Frame
from gkplan.grid import Grid
from gkplan.load import load_case
from gkplan.plan import Plan
from gkplan.report.engineplot import engines_figure
from gkplan.shot import Shot
from gkplan.unit import load_unit
from gkplan.workflow import engine_of, judge


@pytest.mark.parametrize("engines", ["tmr", "tmr,tmr", "tmr,magic", "tmr,montecarlo,tmr"])
def test_engines_that_cannot_be_compared(engines: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "plan.json", "--engines", engines]) == 2
    error = capsys.readouterr().err
    assert "expected two of tmr, tmr-radiological, montecarlo" in error
    assert error.count("\n") == 1


def test_a_plan_judged_by_a_dose_on_a_grid() -> None:
    """With `tmr`'s dose on the grid the metrics are those of `tmr`, but for interpolation."""
    case = load_case("metastasis-small")
    middle = tuple(float(c) for c in case.targets[0].solid.bounds.mean(axis=0))
    shot = Shot(middle, (8,) * 8, 20.0)  # type: ignore[arg-type]
    plan = Plan(case, load_unit("perfexion"), "perfexion", (shot,))
    place = np.array(middle)
    grid = Grid.around([place - 25.0, place + 25.0], 1.0, Frame.LEKSELL)
    dose = engine_of(plan).dose_on(grid, plan.shots)
    result = MonteCarloDose(grid, dose, 0.01 * dose, 0.01, 8)
    usual = judge(plan)
    other = judge(plan, engine=ComputedDose(result, plan.shots, case.head))
    assert other.plan.provenance["engine"] == "montecarlo"
    assert usual.plan.provenance["engine"] == "tmr"
    first, second = usual.evaluation.metrics.overall, other.evaluation.metrics.overall
    assert second.coverage == pytest.approx(first.coverage, abs=0.05)
    assert second.max_dose_gy == pytest.approx(first.max_dose_gy, rel=0.02)

    pair = {"tmr": usual.evaluation, "montecarlo": other.evaluation}
    lines = engines_figure(plan, pair).axes[0].get_lines()
    structures = len(usual.evaluation.dvhs)
    assert [line.get_linestyle() for line in lines] == ["-"] * structures + ["--"] * structures
