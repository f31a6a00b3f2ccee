"""Inverse planning end to end on the shipped schwannoma and on a real case."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import gkplan
from gkplan.planner.sequence import minimum_time


@pytest.fixture(scope="module")
def planned() -> gkplan.workflow.Planned:  # type: ignore[name-defined]
    return gkplan.make_plan(gkplan.load_case("metastasis-small"))


def test_small_metastasis(planned) -> None:  # type: ignore[no-untyped-def]
    overall = planned.evaluation.metrics.overall
    assert overall.coverage >= 0.97
    assert overall.paddick_index >= 0.75
    assert overall.gradient_index <= 3.3
    assert all(limit.met for limit in planned.evaluation.metrics.limits)


def test_the_shots_can_be_delivered(planned) -> None:  # type: ignore[no-untyped-def]
    for shot in planned.plan.shots:
        assert shot.time_min >= minimum_time(shot.sectors, planned.plan.unit) - 1e-9


def test_the_plan_file_round_trips(planned, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    gkplan.write_plan(planned.plan, tmp_path / "plan.json")
    again = gkplan.read_plan(tmp_path / "plan.json")
    assert again.shots == planned.plan.shots
    assert again.case.prescriptions == planned.plan.case.prescriptions


@pytest.mark.skipif("GKPLAN_SHARED" not in os.environ, reason="GKPLAN_SHARED is not set")
@pytest.mark.parametrize("name", ["vs-216"])
def test_real_case(name: str) -> None:
    path = Path(os.environ["GKPLAN_SHARED"]) / f"cases/vs_seg/{name}.json"
    overall = gkplan.make_plan(gkplan.load_case(str(path))).evaluation.metrics.overall
    assert overall.coverage >= 0.98
    assert overall.paddick_index >= 0.75
