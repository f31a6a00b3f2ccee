"""A Monte Carlo dose for other times, spikes in it, and plans scaled to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gkplan import simulate, workflow
from gkplan.case import Case
from gkplan.cli import main
from gkplan.dose.corrected import CorrectedDose
from gkplan.dose.montecarlo import ComputedDose, MonteCarlo, MonteCarloDose
from gkplan.dose.spikes import without_spikes
from gkplan.errors import CaseError
from gkplan.frames import Frame
from gkplan.grid import Grid, Volume
from gkplan.head import Head
from gkplan.load import load_case
from gkplan.plan import Plan
from gkplan.planfile import write_plan
from gkplan.planner.rescale import factors, rescaled
from gkplan.shot import Shot
from gkplan.simulate import on_montecarlo
from gkplan.workflow import engine_of, focus_rates, judge, make_plan, shot_doses
from tests.dose.example import UNIT

LESS = 0.94


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Two shots in a target that is all there is to judge."""
    case = load_case("metastasis-small")
    case = replace(case, structures=case.targets, limits=())
    x, y, z = (float(c) for c in case.targets[0].solid.bounds.mean(axis=0))
    shots = tuple(
        Shot((x + step, y, z), (4,) * 8, minutes, target=case.targets[0].name)
        for step, minutes in ((-1.5, 7.0), (1.5, 9.0))
    )
    return Plan(case, UNIT, "perfexion", shots, transit=True)


def made_up(plan: Plan, ratio: Callable[[Grid], np.ndarray] | float) -> CorrectedDose:
    """As if Monte Carlo had given so many times `tmr`."""
    middle, tmr = np.mean([s.isocenter_mm for s in plan.shots], axis=0), engine_of(plan)
    grid = Grid.around([middle - 20.0, middle + 20.0], 1.0, Frame.LEKSELL)
    times = ratio(grid) if callable(ratio) else ratio
    dose = (times * tmr.dose_on(grid, plan.shots)).astype(np.float32)
    result = MonteCarloDose(grid, dose, 0.01 * dose, 0.01, 8)
    return CorrectedDose(ComputedDose(result, plan.shots, plan.case.head), tmr, tmr)


def test_other_times_change_the_dose_as_tmr_says(plan: Plan) -> None:
    engine = made_up(plan, LESS)
    grid = engine.computed.result.grid
    other = (replace(plan.shots[0], time_min=8.0), plan.shots[1])
    expected = LESS * engine_of(plan).dose_on(grid, other)
    np.testing.assert_allclose(engine.dose_on(grid, other), expected, rtol=2e-3, atol=2e-3)
    points = grid.points()[::97]
    np.testing.assert_allclose(
        engine.dose(points, other), expected.ravel()[::97], rtol=5e-3, atol=5e-3
    )
    outside = np.array([[0.0, 0.0, 0.0]])
    assert engine.dose(outside, other) == 0.0


def test_shots_add_up_to_the_monte_carlo_dose(plan: Plan) -> None:
    engine = made_up(plan, lambda grid: 0.9 + 0.001 * np.arange(grid.size).reshape(grid.shape) % 7)
    place = np.array(plan.shots[0].isocenter_mm)
    total = float(engine.dose(place[None], plan.shots)[0])
    assert sum(shot_doses(plan, place, engine)) == pytest.approx(total, rel=1e-5)
    # A rate is without transit, and as much less than that of tmr as the dose.
    rates, usual = focus_rates(plan, made_up(plan, LESS)), focus_rates(plan)
    assert rates == pytest.approx([LESS * r for r in usual], rel=0.02)


def test_a_plan_is_scaled_until_its_coverage_holds(plan: Plan) -> None:
    """A dose too low by 6 % needs times longer by 6.4 %, less what transit gives."""
    lower = rescaled(plan.case, plan.shots, made_up(plan, LESS), 0.98)
    alike = rescaled(plan.case, plan.shots, made_up(plan, 1.0), 0.98)
    extra = UNIT.collimator(4).transit_min
    for short, long in zip(alike, lower, strict=True):
        assert long.time_min + extra == pytest.approx((short.time_min + extra) / LESS, rel=1e-3)
    judged = judge(replace(plan, shots=lower), engine=made_up(plan, LESS))
    assert judged.evaluation.metrics.overall.coverage == pytest.approx(0.98, abs=0.003)
    name = plan.case.targets[0].name
    assert factors(alike, lower)[name] == pytest.approx(1.0 / LESS, rel=2e-3)


def test_a_dose_prescribed_to_the_maximum_is_scaled_by_its_top() -> None:
    case = load_case("trigeminal")
    planned = Shot((119.6, 94.9, 127.0), (4,) * 8, 35.0, target=case.targets[0].name)
    plan = Plan(case, UNIT, "perfexion", (planned,), transit=True)
    # Noise does not lift it: the mean over the top counts, not the highest voxel.
    rng = np.random.default_rng(3)
    engine = made_up(plan, lambda grid: LESS * rng.normal(1.0, 0.03, grid.shape))
    (after,) = rescaled(case, plan.shots, engine, 0.99)
    assert after.time_min / planned.time_min == pytest.approx(1.0 / LESS, rel=0.015)


def test_spikes_are_spread_and_the_rest_stays() -> None:
    grid = Grid((30, 30, 30), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), Frame.LEKSELL)
    inside = np.ones(grid.shape, dtype=np.bool_)
    inside[:, :, 25:] = False
    r2 = ((grid.points() - 10.0) ** 2).sum(axis=1).reshape(grid.shape)
    beam = (20.0 * np.exp(-r2 / 30.0) * inside).astype(np.float32)
    error = (0.01 * np.sqrt(beam * 20.0)).astype(np.float32)
    calm = MonteCarloDose(grid, beam, error, 0.01, 8)
    assert without_spikes(calm, inside) is calm
    dose, sure = beam.copy(), error.copy()
    for place in ((20, 22, 20), (25, 3, 24)):
        dose[place] = sure[place] = 35.0
    spread = without_spikes(MonteCarloDose(grid, dose, sure, 0.01, 8), inside).dose_gy
    assert spread.max() == pytest.approx(20.0, rel=1e-3)
    assert spread.sum() == pytest.approx(dose.sum(), rel=1e-3)
    assert not spread[~inside].any()
    np.testing.assert_allclose(spread[:12, :12, :12], beam[:12, :12, :12], atol=1e-3)


def test_a_plan_on_a_short_monte_carlo_run(plan: Plan) -> None:
    """The real engine: bone costs some per cent, so the times get longer by about that."""
    how = MonteCarlo(uncertainty=0.1, rays=2000, spacing_mm=2.0, workers=1)
    said: list[str] = []
    after = on_montecarlo(judge(plan), 0.9, how, said.append)
    made = after.plan.provenance
    assert (made["engine"], made["planned_on"]) == ("montecarlo", "tmr")
    assert after.before is not None
    assert after.before.plan.shots == plan.shots
    assert any("uncertainty" in line for line in said)
    assert after.evaluation.metrics.overall.coverage == pytest.approx(0.9, abs=0.02)
    alone = rescaled(plan.case, plan.shots, made_up(plan, 1.0), 0.9)
    (name,) = {s.target for s in plan.shots}
    assert 1.0 < factors(alone, after.plan.shots)[name] < 1.15


def test_a_head_without_densities_is_refused_before_the_planning(plan: Plan) -> None:
    case: Case = replace(plan.case, head=Head("bare", plan.case.head.surface))
    with pytest.raises(CaseError, match="has no densities"):
        make_plan(case, montecarlo=MonteCarlo())


@pytest.mark.filterwarnings("default::gkplan.errors.CheckWarning")
def test_a_scaled_plan_is_exported_with_the_dose_that_is_asked_for(
    plan: Plan,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without a word about an engine it is that of tmr, and the user is told."""
    file = tmp_path / "plan.json"
    write_plan(replace(plan, provenance={"engine": "montecarlo"}), file)
    written: list[Volume] = []
    # Judging, contours and slices take long, and are the same for every dose.
    monkeypatch.setattr(
        workflow, "judge", lambda plan, _, engine: SimpleNamespace(plan=plan, engine=engine)
    )
    monkeypatch.setattr(workflow, "write_dicom", lambda _, dose, *rest: written.append(dose))
    assert main(["export", str(file), "--out", str(tmp_path / "tmr")]) == 0
    assert "the dose that is exported is that of tmr" in capsys.readouterr().err
    monkeypatch.setattr(simulate, "montecarlo_dose", lambda plan, *_: made_up(plan, LESS))
    engine = ["--engine", "montecarlo"]
    assert main(["export", str(file), "--out", str(tmp_path / "mc"), *engine]) == 0
    usual, lower = (float(dose.array.max()) for dose in written)
    # Between the voxels of the made-up dose the peak is interpolated.
    assert lower == pytest.approx(LESS * usual, rel=0.025)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--engine", "montecarlo", "--uncertainty", "0"], "expected a fraction of 0.0001 to 0.5"),
        (["--engine", "montecarlo", "--uncertainty", "-1"], "expected a fraction of 0.0001"),
        (["--engine", "magic"], "expected one of tmr, tmr-radiological, montecarlo"),
        (["--depth", "deep"], "expected geometric or radiological"),
    ],
)
def test_plan_refuses_what_cannot_be(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["plan", "trigeminal", "--out", str(out), *options]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_ctrl_c_in_the_monte_carlo_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(simulate, "montecarlo_dose", stop)
    out = tmp_path / "out"
    assert main(["plan", "trigeminal", "--out", str(out), "--engine", "montecarlo"]) == 130
    assert list(tmp_path.iterdir()) == []
