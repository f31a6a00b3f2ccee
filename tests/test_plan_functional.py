"""Doses prescribed to the maximum, and the gamma angle from the case to plan.json."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import gkplan
from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.errors import CaseError
from gkplan.planner.excess import excess
from gkplan.planner.functional import functional_shots, placed
from gkplan.prescription import Limit, Prescription
from gkplan.report import summary_rows
from gkplan.solids import Ellipsoid, sample_about
from gkplan.solids.base import lattice
from gkplan.structures import Structure
from gkplan.unit import load_unit


@pytest.fixture(scope="module")
def case() -> Case:
    return gkplan.load_case("thalamotomy")


def test_the_maximum_is_where_it_was_prescribed(case: Case) -> None:
    metrics = gkplan.make_plan(case).evaluation.metrics
    aim = sample_about(case.targets[0].solid, 20_000, coarsest_mm=1.0)[0].mean(axis=0)
    assert np.linalg.norm(np.array(metrics.max_dose_point_mm) - aim) < 0.2
    assert metrics.overall.max_dose_gy == pytest.approx(130.0, rel=0.005)
    assert all(limit.met for limit in metrics.limits)
    assert metrics.n_shots == 1


def test_the_tilt_of_a_case_reaches_the_plan_file(case: Case, tmp_path: Path) -> None:
    tilted = gkplan.make_plan(dataclasses.replace(case, gamma_angle_deg=70.0))
    assert [shot.gamma_angle_deg for shot in tilted.plan.shots] == [70.0]
    assert tilted.evaluation.metrics.overall.max_dose_gy == pytest.approx(130.0, rel=0.005)
    gkplan.write_plan(tilted.plan, tmp_path / "plan.json")
    written = json.loads((tmp_path / "plan.json").read_text())
    assert written["shots"][0]["gamma_angle_deg"] == 70.0


def test_a_tilt_that_no_frame_has_is_refused(case: Case) -> None:
    with pytest.raises(CaseError, match="gamma_angle_deg: expected 45 to 135 degrees, got 10"):
        dataclasses.replace(case, gamma_angle_deg=10.0)


def limited(dose_gy: float, kind: str = "max") -> Case:
    """The trigeminal case with another limit for the brainstem, which gets 10.5 Gy."""
    limit = Limit("brainstem", kind, dose_gy)  # type: ignore[arg-type]
    return dataclasses.replace(gkplan.load_case("trigeminal"), limits=(limit,))


def engine_for(case: Case) -> TmrEngine:
    return TmrEngine(load_unit("perfexion"), case.head, 3.0, transit=True)


def aim_of(case: Case) -> np.ndarray:
    return sample_about(case.targets[0].solid, 20_000, coarsest_mm=1.0)[0].mean(axis=0)


def test_sectors_stay_open_where_the_limit_is_met_and_the_surface_dose_is_told() -> None:
    planned = gkplan.make_plan(gkplan.load_case("trigeminal"))
    metrics = planned.evaluation.metrics
    assert planned.plan.shots[0].sectors == (4,) * 8
    assert np.linalg.norm(np.array(metrics.max_dose_point_mm) - aim_of(planned.plan.case)) < 0.2
    assert metrics.overall.max_dose_gy == pytest.approx(80.0, rel=0.005)
    dose = metrics.structures["brainstem"].max_gy
    row = dict(summary_rows(planned.plan, planned.evaluation, None))["brainstem max"]
    assert row == f"{dose:.2f} Gy, limit 15 Gy: met"


@pytest.mark.parametrize(("limit", "kind"), [(8.0, "max"), (5.5, "d0_035cc")])
def test_blocked_sectors_meet_a_limit_that_open_ones_do_not(limit: float, kind: str) -> None:
    case = limited(limit, kind)
    engine = engine_for(case)
    every = placed(case, case.prescriptions[0], (4,) * 8, engine)
    assert excess(case, [every], engine) > 1.0
    planned = gkplan.make_plan(case)
    metrics = planned.evaluation.metrics
    assert 1 <= planned.plan.shots[0].sectors.count(0) <= 4
    assert all(result.met for result in metrics.limits)
    assert np.linalg.norm(np.array(metrics.max_dose_point_mm) - aim_of(case)) < 0.2
    assert metrics.overall.max_dose_gy == pytest.approx(80.0, rel=0.005)


def test_no_other_pair_of_opposite_or_single_sectors_meets_the_limit_in_less_time() -> None:
    case = limited(8.0)
    engine, prescription = engine_for(case), case.prescriptions[0]
    (chosen,) = functional_shots(case, engine)
    assert chosen.sectors == (0, 4, 4, 4, 0, 4, 4, 4)
    for blocked in [{n} for n in range(8)] + [{n, n + 4} for n in range(1, 4)]:
        state = tuple(0 if n in blocked else 4 for n in range(8))
        shot = placed(case, prescription, state, engine)
        if shot.time_min < chosen.time_min:
            assert excess(case, [shot], engine) > 1.0, state


def test_a_limit_that_nothing_meets_is_approached_and_shown_as_missed() -> None:
    planned = gkplan.make_plan(limited(4.0))
    (result,) = planned.evaluation.metrics.limits
    assert planned.plan.shots[0].sectors.count(0) <= 4
    assert 4.0 < result.dose_gy < 7.0
    assert not result.met
    row = dict(summary_rows(planned.plan, planned.evaluation, None))["brainstem max"]
    assert row.endswith("missed")
    assert planned.evaluation.metrics.overall.max_dose_gy == pytest.approx(80.0, rel=0.005)


def test_the_isocentre_makes_up_for_the_shift_of_half_the_sectors() -> None:
    case = limited(15.0)
    engine = engine_for(case)
    aim = aim_of(case)
    shot = placed(case, case.prescriptions[0], (0, 0, 0, 0, 4, 4, 4, 4), engine)
    # Toward the blocked sectors, which are the anterior ones: the maximum had gone the other way.
    assert 0.05 < shot.isocenter_mm[1] - aim[1] < 0.3
    near = lattice(np.array([aim - 0.4, aim + 0.4]), 0.02)
    for isocenter, missed in ((shot.isocenter_mm, False), (tuple(aim.tolist()), True)):
        trial = dataclasses.replace(shot, isocenter_mm=isocenter)
        place = near[np.argmax(engine.dose(near, [trial]))]
        assert (np.linalg.norm(place - aim) > 0.08) == missed


def test_the_other_shots_count_against_the_limit() -> None:
    case = gkplan.load_case("trigeminal")
    x, y, z = aim_of(case).tolist()
    other = Structure("other", "target", Ellipsoid((x + 6.0, y, z), (1.5, 1.5, 1.5)))
    alone = excess(case, [placed(case, case.prescriptions[0], (4,) * 8, engine_for(case))],
                   engine_for(case))  # fmt: skip
    both = dataclasses.replace(
        case,
        structures=(*case.structures, other),
        prescriptions=(*case.prescriptions, Prescription("other", 80.0, (1.0, 1.0))),
        limits=(Limit("brainstem", "max", 15.0 * alone * 1.02),),
    )
    shots = functional_shots(both, engine_for(both))
    assert [s.target for s in shots] == ["trigeminal-nerve-left", "other"]
    assert 0 in shots[0].sectors
    assert shots[1].sectors == (4,) * 8
    assert excess(both, shots, engine_for(both)) <= 1.0


def test_a_collimator_that_the_unit_has_not_is_refused(case: Case) -> None:
    wrong = dataclasses.replace(case.prescriptions[0], collimator_mm=14)
    with pytest.raises(CaseError, match="perfexion has no 14 mm collimator, only 4, 8, 16 mm"):
        gkplan.make_plan(dataclasses.replace(case, prescriptions=(wrong,)))
