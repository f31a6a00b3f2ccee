"""What the planner wants of a target with a boost in it."""

from __future__ import annotations

import numpy as np

from gkplan.planner.goals import Kind
from gkplan.planner.wishes import HOT_MARGIN, planning_goals
from gkplan.prescription import Limit
from tests.planner.example import ball, case_of

BOOST = ball("boost", "target", (102.0, 100.0, 100.0), 4.0)
OUTER = ball("outer", "target", (100.0, 100.0, 100.0), 8.0)
GOALS = planning_goals(case_of((OUTER, BOOST), {"outer": 12.0, "boost": 16.0}), 1000)


def places(kind: Kind, level: float) -> np.ndarray:
    chosen = (GOALS.kind == kind) & np.isclose(GOALS.level, level)
    return GOALS.points[GOALS.point_of_goal[chosen]]


def test_the_isodose_bound_of_the_outer_target_ends_at_the_boost() -> None:
    outer = places(Kind.HOT, HOT_MARGIN * 12.0 / 0.4)
    assert len(outer) > 100
    assert not BOOST.solid.contains(outer).any()
    assert BOOST.solid.contains(places(Kind.HOT, 0.96 * 16.0 / 0.4)).all()


def test_only_the_boost_asks_for_a_maximum() -> None:
    assert len(places(Kind.PEAK, 16.0 / 0.7)) == 1
    assert (GOALS.kind == Kind.PEAK).sum() == 1


def test_nothing_in_the_outer_target_is_asked_to_stay_below_its_dose() -> None:
    less = GOALS.sign > 0
    in_outer = OUTER.solid.contains(GOALS.points[GOALS.point_of_goal])
    assert GOALS.level[less & in_outer].min() == 16.0
    spill = places(Kind.INNER, 16.0)
    assert len(spill) > 100
    assert OUTER.solid.contains(spill).all()
    assert not BOOST.solid.contains(spill).any()


def test_the_ring_of_the_outer_target_is_outside_of_both() -> None:
    ring = np.concatenate([places(Kind.INNER, 12.0), places(Kind.OUTER, 6.0)])
    assert len(ring) > 100
    assert not OUTER.solid.contains(ring).any()


def test_targets_that_are_apart_are_as_without_each_other() -> None:
    far = ball("far", "target", (100.0, 150.0, 100.0), 4.0)
    goals = planning_goals(case_of((OUTER, far), {"outer": 12.0, "far": 16.0}), 1000)
    assert (goals.kind == Kind.PEAK).sum() == 2
    inside = far.solid.contains(goals.points[goals.point_of_goal])
    assert set(goals.kind[inside]) == {Kind.TARGET, Kind.HOT, Kind.PEAK}


def test_an_organ_out_of_reach_asks_for_nothing() -> None:
    far = ball("organ", "oar", (100.0, 160.0, 100.0), 4.0)
    limits = (Limit("organ", "max", 8.0), Limit("organ", "volume", 4.0, 0.1))
    goals = planning_goals(case_of((OUTER, far), {"outer": 12.0}, limits), 1000)
    assert not (goals.kind == Kind.MAXIMUM).any()
    assert not goals.exempt().any()
