"""Planned balls whose organs and boosts are as they were asked to be."""

from __future__ import annotations

import pytest

from gkplan.prescription import Limit
from gkplan.workflow import Planned, make_plan
from tests.planner.example import MIDDLE, ball, case_of


def planned(limit: Limit, organ_mm: float) -> Planned:
    target = ball("target", "target", MIDDLE, 6.0)
    organ = ball("organ", "oar", (MIDDLE[0] + organ_mm, MIDDLE[1], MIDDLE[2]), 6.0)
    return make_plan(case_of((target, organ), {"target": 14.0}, (limit,)))


@pytest.mark.parametrize(
    "limit", [Limit("organ", "max", 6.0), Limit("organ", "volume", 2.5, 0.2, hard=True)]
)
def test_a_limit_that_leaves_room_is_met_and_used(limit: Limit) -> None:
    """2 mm beside 14 Gy; without a limit the organ's maximum is 7.9 Gy, its D0.2cc 3.6 Gy."""
    metrics = planned(limit, 14.0).evaluation.metrics
    (result,) = metrics.limits
    assert result.met
    assert result.dose_gy > 0.95 * limit.dose_gy
    assert metrics.overall.coverage is not None
    assert metrics.overall.coverage >= 0.985
    # A maximum of 2.5 Gy is not what was asked for.
    assert limit.kind == "max" or metrics.structures["organ"].max_gy > 1.2 * limit.dose_gy


def test_a_hard_limit_outweighs_the_coverage() -> None:
    """0.5 mm beside 14 Gy no plan can have 3 Gy and the whole target."""
    metrics = planned(Limit("organ", "max", 3.0, hard=True), 12.5).evaluation.metrics
    (result,) = metrics.limits
    assert result.met
    assert result.dose_gy > 2.9
    assert metrics.overall.coverage is not None
    assert 0.8 < metrics.overall.coverage < 0.985


def test_a_boost_and_the_target_around_it_get_their_own_doses() -> None:
    outer = ball("outer", "target", MIDDLE, 8.0)
    boost = ball("boost", "target", (102.0, 100.0, 100.0), 4.0)
    plan = make_plan(case_of((outer, boost), {"outer": 12.0, "boost": 16.0}))
    metrics = plan.evaluation.metrics
    for name, paddick in (("outer", 0.95), ("boost", 0.75)):
        indices = metrics.targets[name]
        assert indices.coverage is not None
        assert indices.coverage >= 0.985
        assert indices.paddick_index is not None
        assert indices.paddick_index >= paddick
    # The boost's spill is told, its half-dose region is that of the target around it.
    assert metrics.targets["boost"].selectivity < 0.99  # type: ignore[operator]
    assert metrics.targets["boost"].gradient_index is None
    assert metrics.targets["outer"].gradient_index == pytest.approx(2.6, abs=0.3)
    assert {shot.target for shot in plan.plan.shots} == {"outer", "boost"}
