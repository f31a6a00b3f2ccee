"""Inverse planning end to end on the shipped schwannoma and on a real case."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import gkplan
from gkplan.planner.lp import Rows, solve
from gkplan.planner.sequence import composite_states, minimum_time


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


def test_the_dual_finds_a_known_optimum() -> None:
    """One variable: underdose below 2 costs 5 a unit, time costs 1 a unit: x = 2."""
    rows = Rows(
        np.array([[1.0], [1.0]], dtype=np.float32),
        np.array([2.0, 3.0]),
        np.array([-1.0, 1.0]),
        np.array([5.0, 1.0]),
    )
    assert solve(rows, np.array([1.0])) == pytest.approx([2.0])


def test_sequencing_keeps_the_longest_sector() -> None:
    unit = gkplan.load_unit("perfexion")
    times = np.zeros((8, 3))
    times[0] = (1.0, 0.5, 0.25)
    times[3] = (0.0, 2.0, 0.0)
    states = composite_states(times, unit)
    assert sum(minutes for _, minutes in states) == pytest.approx(2.0)
    delivered = {size: sum(m for s, m in states if s[0] == size) for size in (4, 8, 16)}
    assert delivered == pytest.approx({4: 1.0, 8: 0.5, 16: 0.25})
