"""Doses prescribed to the maximum, and the gamma angle from the case to plan.json."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import gkplan
from gkplan.case import Case
from gkplan.errors import CaseError
from gkplan.solids import sample_about


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
