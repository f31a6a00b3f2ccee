"""Organ points for the planner: maxima at the surface, and the border of a hot volume."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gkplan.metrics.dvh import SampledDose, dose_at_volume
from gkplan.planner.aim import AIMS
from gkplan.planner.goals import Goals, HotVolume, Kind
from gkplan.planner.organs import hottest_points, volume_points
from gkplan.planner.programme import Programme
from gkplan.solids import Ellipsoid

RADIUS = 7.3
ORGAN = Ellipsoid((0.0, 0.0, 0.0), (RADIUS,) * 3)
EVERYWHERE = np.array([[-50.0] * 3, [50.0] * 3])
VOLUME = 4 / 3 * np.pi * RADIUS**3


@pytest.mark.parametrize("direction", [(1.0, 0.0, 0.0), (0.6, 0.64, 0.48), (-0.8, 0.0, 0.6)])
def test_the_hottest_place_of_a_ball_is_the_one_that_faces_the_heat(
    direction: tuple[float, float, float],
) -> None:
    source = (RADIUS + 3.0) * np.array(direction)
    found = hottest_points(ORGAN, lambda p: -np.linalg.norm(p - source, axis=1), 800, EVERYWHERE)
    top = found.heat.argmax()
    assert found.heat[top] == pytest.approx(-3.0, abs=0.06)
    assert ORGAN.contains(found.points).all()
    assert found.volume_mm3.sum() == pytest.approx(VOLUME, rel=0.01)


@pytest.mark.parametrize("height", [0.5, 2.0, 7.3])
def test_the_border_of_a_hot_cap_is_where_the_formula_has_it(height: float) -> None:
    """Heat grows along a slanted axis: the hottest v is a cap, v = pi h^2 (3 R - h) / 3."""
    axis = np.array([0.48, 0.6, 0.64])
    cap = np.pi * height**2 * (3 * RADIUS - height) / 3
    found = volume_points(ORGAN, lambda p: p @ axis, 800, EVERYWHERE, cap)
    sample = SampledDose(found.points, found.heat, found.volume_mm3)
    assert dose_at_volume(sample, cap) == pytest.approx(RADIUS - height, abs=0.15)
    assert found.volume_mm3.sum() == pytest.approx(VOLUME, rel=0.01)


def test_only_the_part_in_the_box_is_looked_at() -> None:
    box = np.array([[2.0, -50.0, -50.0], [50.0] * 3])
    found = volume_points(ORGAN, lambda p: p[:, 2], 800, box, 10.0)
    assert found.points[:, 0].min() > 0.0
    assert found.points[:, 0].max() > 6.0


def hot_goals(volume: np.ndarray, free: float, heat: np.ndarray, kind: Kind, level: float) -> Goals:
    n = len(volume)
    return Goals(
        points=np.zeros((n, 3)),
        point_of_goal=np.arange(n),
        level=np.full(n, level),
        sign=np.ones(n),
        kind=np.full(n, int(kind)),
        share=np.ones(n),
        mean_of=(),
        hot_volumes=(HotVolume(np.arange(n), volume, heat, free),),
    )


def test_the_hottest_volume_is_exempt_by_hand() -> None:
    volume = np.array([10.0, 10.0, 5.0, 10.0])
    goals = hot_goals(volume, 16.0, np.array([1.0, 4.0, 3.0, 2.0]), Kind.MAXIMUM, 5.0)
    # 10 and 5 mm3 are less than 16; with the next one the hottest 16 mm3 are full.
    assert goals.exempt().tolist() == [False, True, True, False]
    assert goals.exempt(np.array([9.0, 2.0, 1.0, 8.0])).tolist() == [True, False, False, False]
    weights = goals.weights(AIMS["balanced"])
    assert (weights > 0).tolist() == [True, False, False, True]


def test_a_maximum_exempts_nothing() -> None:
    goals = hot_goals(np.ones(4), 0.0, np.arange(4.0), Kind.MAXIMUM, 5.0)
    assert not goals.exempt().any()


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0.1, 9)), min_size=2), st.floats(0.01, 0.9))
def test_what_is_not_exempt_is_what_the_judge_asks(
    cells: list[tuple[float, float]], fraction: float
) -> None:
    """The hottest point left is D(v): goals that it keeps are the limit that is judged."""
    dose, volume = np.array(cells).T
    free = fraction * volume.sum()
    left = ~hot_goals(volume, free, dose, Kind.MAXIMUM, 5.0).exempt(dose)
    assert dose[left].max() == dose_at_volume(SampledDose(np.zeros((0, 3)), dose, volume), free)


@pytest.mark.parametrize(("kind", "expected"), [(Kind.HARD, 5.0), (Kind.MAXIMUM, 10.0)])
def test_a_hard_limit_outweighs_the_whole_target(kind: Kind, expected: float) -> None:
    """One shot gives the same dose to a target of 10 Gy and an organ that may have 5 Gy."""
    goals = Goals(
        points=np.zeros((2, 3)),
        point_of_goal=np.arange(2),
        level=np.array([10.0, 5.0]),
        sign=np.array([-1.0, 1.0]),
        kind=np.array([Kind.TARGET, kind], dtype=np.int64),
        share=np.array([1 / 10.0, 1 / 5.0 if kind is Kind.HARD else 1 / 10.0]),
        mean_of=(),
    )
    programme = Programme(
        goals, goals.weights(AIMS["balanced"]), np.ones((1, 1, 1, 2), dtype=np.float32), 1e-3
    )
    programme.start(np.array([0]))
    assert programme.dose(programme.solve(1e-9).times) == pytest.approx([expected] * 2)
