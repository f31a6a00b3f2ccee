"""Polishing given shots: better or untouched, never more of them, undone as any edit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gkplan
from gkplan import forward
from gkplan.case import Case
from gkplan.cli import main
from gkplan.disclaimer import DISCLAIMER
from gkplan.errors import PlanError
from gkplan.frames import patient_from_leksell
from gkplan.head import Head
from gkplan.plan import Plan
from gkplan.planner import AIMS, polish
from gkplan.planner.polish import polish_shots
from gkplan.planner.pool import pooled
from gkplan.prescription import Prescription
from gkplan.shot import Shot, minimum_time
from gkplan.solids import Ellipsoid
from gkplan.structures import Structure

UNIT = gkplan.load_unit("perfexion")
MIDDLE = (110.0, 95.0, 104.0)


@pytest.fixture(scope="module", autouse=True)
def few_points() -> Iterator[None]:
    """A fifth of the points: as good for balls, and quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(polish, "FINE_POINTS", 1000)
        yield


def ball(radius: float = 4.0, centers: tuple[tuple[float, float, float], ...] = (MIDDLE,)) -> Case:
    names = [f"ball-{n}" for n, _ in enumerate(centers, start=1)]
    return Case(
        "balls", "phantom", "balls", "", "made in a test",
        Head("ball", Ellipsoid((100.0, 100.0, 100.0), (80.0,) * 3)),
        tuple(
            Structure(name, "target", Ellipsoid(c, (radius,) * 3))
            for name, c in zip(names, centers, strict=True)
        ),
        tuple(Prescription(name, 20.0, (0.4, 0.7)) for name in names), (),
        patient_from_leksell(MIDDLE),
    )  # fmt: skip


def plan_of(case: Case, *shots: Shot) -> Plan:
    return Plan(case, UNIT, "perfexion", shots, transit=True)


def around(*offsets: tuple[float, float, float], gamma: float = 90.0, time: float = 5.0) -> Plan:
    places = np.array(MIDDLE) + np.array(offsets)
    return plan_of(ball(), *(Shot(tuple(p), (4,) * 8, time, gamma) for p in places.tolist()))


@pytest.fixture(scope="module")
def rough() -> Plan:
    """Three 8 mm shots and a 4 mm one, all as long as each other: far from good."""
    plan = around((2.0, 0.0, 0.0), (-2.0, 0.0, 0.0), (0.0, 2.0, 0.5), (0.0, -2.0, -0.5))
    return replace(
        plan, shots=tuple(replace(s, sectors=(8,) * 8) for s in plan.shots[:3]) + plan.shots[3:]
    )


@pytest.fixture(scope="module")
def timed(rough: Plan) -> Plan:
    return forward.polish(rough)


@pytest.fixture(scope="module")
def moved(timed: Plan) -> Plan:
    return forward.polish(timed, positions=True)


def indices(plan: Plan) -> tuple[float, float]:
    overall = gkplan.judge(plan).evaluation.metrics.overall
    assert overall.coverage is not None
    assert overall.paddick_index is not None
    return overall.coverage, overall.paddick_index


def test_times_alone_leave_places_and_sectors(rough: Plan, timed: Plan) -> None:
    given = [(s.isocenter_mm, s.sectors) for s in rough.shots]
    left = [(s.isocenter_mm, s.sectors) for s in timed.shots]
    assert left == [key for key in given if key in left]
    assert all(s.time_min >= minimum_time(s.sectors, UNIT) for s in timed.shots)
    (_, before), (coverage, after) = indices(rough), indices(timed)
    assert coverage == pytest.approx(AIMS["balanced"].coverage, abs=3e-3)
    assert after > before + 0.05


def test_moves_make_it_better_yet_with_no_more_shots(timed: Plan, moved: Plan) -> None:
    assert len(moved.shots) <= len(timed.shots)
    assert moved.n_isocenters <= timed.n_isocenters
    (_, before), (coverage, after) = indices(timed), indices(moved)
    assert coverage == pytest.approx(AIMS["balanced"].coverage, abs=3e-3)
    assert after > before


def test_polishing_is_an_edit_that_says_what_it_did(rough: Plan, timed: Plan) -> None:
    assert timed.history.past[-1].what.startswith("polish times, aim balanced: score ")
    assert forward.undo(timed).shots == rough.shots
    assert forward.redo(forward.undo(timed)).shots == timed.shots


def test_what_is_polished_is_left_as_it_is(timed: Plan) -> None:
    assert forward.polish(timed) is timed


@pytest.mark.parametrize("minutes", [0.5, 60.0])
def test_one_shot_gets_the_time_of_the_coverage(minutes: float) -> None:
    """With places and sectors fixed one number is free, and the coverage asks for it."""
    plan = plan_of(ball(3.0), Shot(MIDDLE, (8,) * 8, minutes, target="ball-1"))
    polished = forward.polish(plan)
    exact = forward.normalise(plan, coverage=AIMS["balanced"].coverage)
    assert polished.shots[0].time_min == pytest.approx(exact.shots[0].time_min, rel=1e-2)


def test_a_shot_beside_a_ball_moves_to_its_middle() -> None:
    plan = around((2.0, -1.0, 1.0))
    (shot,) = forward.polish(plan, positions=True).shots
    assert np.linalg.norm(np.array(shot.isocenter_mm) - MIDDLE) < 0.5


@pytest.mark.parametrize("positions", [False, True])
def test_each_shot_keeps_its_gamma_angle(positions: bool) -> None:
    left, right = (MIDDLE[0] - 9.0, *MIDDLE[1:]), (MIDDLE[0] + 9.0, *MIDDLE[1:])
    beside = (left[0] + 1.0, *left[1:])
    plan = plan_of(
        ball(centers=(left, right)),
        Shot(beside, (8,) * 8, 1.0, 70.0, "ball-1"),
        Shot(right, (8,) * 8, 5.0, 90.0, "ball-2"),
    )
    after = forward.polish(plan, positions=positions)
    assert after.history.past
    assert {s.target: s.gamma_angle_deg for s in after.shots} == {"ball-1": 70.0, "ball-2": 90.0}


def test_the_score_counts_transit_and_says_what_is_gained(rough: Plan) -> None:
    """Without transit the score of the engine's dose is the programme's own."""
    engine = replace(gkplan.engine_of(rough), transit=False)
    problem = polish._Problem.of(rough.case, engine, AIMS["balanced"])
    pool, indexed, times = pooled(rough.shots, UNIT)
    influence = pool.influence(engine, problem.goals.points)
    programme = polish.Programme(problem.goals, problem.weights, influence, problem.cost)
    programme.start_from(indexed, times)
    score = problem.score(rough.shots)
    assert score == pytest.approx(programme.score(times), rel=5e-3)
    with_transit = replace(problem, engine=gkplan.engine_of(rough))
    assert with_transit.score(rough.shots) != pytest.approx(score, rel=1e-6)


def test_a_limit_that_was_kept_is_not_given_up(
    rough: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = iter([0.8, 1.01, 1.2, 1.19])
    monkeypatch.setattr(polish, "excess", lambda *_: next(found))

    def polished() -> polish.Polished:
        return polish_shots(rough.case, gkplan.engine_of(rough), AIMS["balanced"], rough.shots)

    kept = polished()
    assert kept.shots == rough.shots
    assert kept.gain == 0.0
    assert polished().gain > 0.0


SHOTS = st.lists(
    st.builds(
        Shot,
        isocenter_mm=st.sampled_from([(100.0, 90.0, 80.0), (101.0, 90.0, 80.0)]),
        sectors=st.sampled_from([(4,) * 8, (16, 0, 8, 8, 4, 4, 0, 8)]),
        time_min=st.floats(0.1, 9.0),
        gamma_angle_deg=st.sampled_from([70.0, 90.0]),
        target=st.sampled_from(["a", "b"]),
    ),
    min_size=1,
    max_size=8,
)


@given(SHOTS)
def test_shots_come_back_from_the_pool_with_twins_merged(shots: list[Shot]) -> None:
    pool, indexed, times = pooled(shots, UNIT)
    back = pool.listed(indexed, times, UNIT)
    alike = [replace(s, time_min=1.0) for s in shots]
    assert [replace(s, time_min=1.0) for s in back] == list(dict.fromkeys(alike))
    for shot in back:
        twins = [s.time_min for s in shots if replace(s, time_min=shot.time_min) == shot]
        assert shot.time_min == pytest.approx(sum(twins))


def test_the_pool_knows_the_gamma_angle_of_each_isocentre() -> None:
    """One minute of the influence is the engine's dose of one minute."""
    plan = around((1.0, 0.0, 0.0), (-1.0, 0.0, 0.0))
    shots = (replace(plan.shots[0], gamma_angle_deg=110.0), plan.shots[1])
    engine = replace(gkplan.engine_of(plan), transit=False)
    points = np.array(MIDDLE) + np.random.default_rng(2).uniform(-9, 9, (200, 3))
    pool, indexed, _ = pooled(shots, UNIT)
    rates = indexed.patterns(pool.influence(engine, points))
    for shot, rate in zip(shots, rates, strict=True):
        dose = engine.dose(points, [replace(shot, time_min=1.0)])
        np.testing.assert_allclose(rate, dose, atol=5e-3 * dose.max())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: gkplan.new_plan(gkplan.load_case("trigeminal")), "prescribed to the maximum"),
        (
            lambda: plan_of(
                ball(centers=(MIDDLE, (90.0, 95.0, 104.0))), Shot(MIDDLE, (4,) * 8, 1.0)
            ),
            "target 'ball-2' has no shot",
        ),
    ],
)
def test_what_cannot_be_polished_is_refused(make: Callable[[], Plan], words: str) -> None:
    with pytest.raises(PlanError, match=words):
        forward.polish(make())


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("begun") / "plan.json"
    assert main(["shots", "new", "metastasis-small", "--out", str(out), "--shot", "8mm-all"]) == 0
    return out


def test_the_command_shows_before_and_after(
    begun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, other = begun.read_bytes(), begun.with_name("other.json")
    capsys.readouterr()
    assert main(["polish", str(begun), "--aim", "fast", "--out", str(other)]) == 0
    said = capsys.readouterr().out
    for words in ("before", "after", "Paddick index", "Couch travel", "aim fast", DISCLAIMER):
        assert words in said
    assert begun.read_bytes() == before
    table = json.loads(other.read_text())
    assert table["metrics"]["coverage"] == pytest.approx(0.991, abs=3e-3)
    polished = other.read_bytes()
    assert main(["polish", str(other), "--aim", "fast"]) == 0
    assert "the plan is left as it is" in capsys.readouterr().out
    assert other.read_bytes() == polished
    assert forward.undo(gkplan.read_plan(other)).shots == gkplan.read_plan(begun).shots


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["{}", "--aim", "best"], "unknown aim 'best'"),
        (["{}", "--out", "{}"], "is there already"),
        (["{}2"], "cannot read the plan"),
    ],
)
def test_bad_input_is_one_sentence_and_changes_nothing(
    args: list[str], words: str, begun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = begun.read_bytes()
    assert main(["polish", *(a.format(begun) for a in args)]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("gkplan:")]
    assert len(said) == 1
    assert words in said[0]
    assert begun.read_bytes() == before
