"""Indices of a boost in a target by the closed forms of a dose that falls with the radius."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from gkplan.frames import Array
from gkplan.metrics.evaluate import evaluate
from gkplan.metrics.model import PlanMetrics
from gkplan.shot import Shot
from gkplan.solids import Ellipsoid
from gkplan.structures.nested import nested
from tests.planner.example import MIDDLE, ball, case_of

SHOTS = [Shot(MIDDLE, (8,) * 8, 1.0)]


class Falling:
    """An engine whose dose is 24 Gy in the middle and falls by 1 Gy/mm whatever the shots."""

    def dose(self, points: Array, shots: Sequence[Shot]) -> Array:
        return np.maximum(24.0 - np.linalg.norm(points - np.array(MIDDLE), axis=1), 0.0)


def judged(outer_mm: float, boost_mm: float) -> PlanMetrics:
    """12 Gy lies at a radius of 12 mm, 16 Gy at 8 mm; half of them at 18 and 16 mm."""
    outer, boost = ball("outer", "target", MIDDLE, outer_mm), ball("b", "target", MIDDLE, boost_mm)
    case = case_of((outer, boost), {"outer": 12.0, "b": 16.0})
    return evaluate(case, SHOTS, Falling()).metrics  # type: ignore[arg-type]


def test_the_boost_answers_for_what_it_spills() -> None:
    metrics = judged(11.0, 6.0)
    boost, outer = metrics.targets["b"], metrics.targets["outer"]
    assert boost.coverage == outer.coverage == 1.0
    assert boost.selectivity == pytest.approx((6 / 8) ** 3, rel=0.02)
    assert outer.selectivity == pytest.approx((11 / 12) ** 3, rel=0.02)
    assert outer.gradient_index == pytest.approx((18 / 12) ** 3, rel=0.02)
    assert boost.gradient_index is None


def test_together_every_point_counts_once() -> None:
    overall = judged(11.0, 6.0).overall
    assert overall.target_volume_cc == pytest.approx(4 / 3 * np.pi * 1.1**3, rel=0.01)
    # 16 Gy in the boost, 12 Gy everywhere else.
    assert overall.coverage == 1.0
    assert overall.selectivity == pytest.approx((11 / 12) ** 3, rel=0.02)


def test_what_the_boost_lacks_is_told_at_its_own_dose() -> None:
    metrics = judged(11.0, 9.0)
    lacking = (9**3 - 8**3) / 9**3
    assert metrics.targets["b"].coverage == pytest.approx(1 - lacking, abs=0.01)
    assert metrics.targets["outer"].coverage == 1.0
    assert metrics.overall.coverage == pytest.approx(1 - (9**3 - 8**3) / 11**3, abs=0.01)


def test_the_order_of_the_targets_does_not_matter() -> None:
    outer, boost = ball("outer", "target", MIDDLE, 11.0), ball("b", "target", MIDDLE, 6.0)
    doses = {"outer": 12.0, "b": 16.0}
    engine = Falling()
    one = evaluate(case_of((outer, boost), doses), SHOTS, engine).metrics  # type: ignore[arg-type]
    two = evaluate(case_of((boost, outer), doses), SHOTS, engine).metrics  # type: ignore[arg-type]
    assert dict(one.targets) == dict(two.targets)
    assert one.overall.paddick_index == pytest.approx(two.overall.paddick_index)


def test_inside_is_with_half_of_the_volume() -> None:
    big = Ellipsoid((0, 0, 0), (10, 10, 10))
    small = Ellipsoid((9.0, 0, 0), (4, 4, 4))
    outside = Ellipsoid((11.0, 0, 0), (4, 4, 4))
    assert nested([big, small]).tolist() == [[False, False], [True, False]]
    assert not nested([big, outside]).any()
