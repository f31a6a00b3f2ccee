"""A session's dose is that of a new calculation, whatever was done before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gkplan
from gkplan import forward
from gkplan.forward import Session
from tests.forward.example import example

PLAN = example()
X, Y, Z = PLAN.shots[0].isocenter_mm
Change = Callable[[Session], Session]


def difference(session: Session) -> float:
    """From a new calculation, relative to the maximum."""
    again = gkplan.engine_of(session.plan).dose_on(session.dose.grid, session.plan.shots)
    return float(np.abs(session.dose.array - again).max() / again.max())


@pytest.fixture(scope="module")
def start() -> Session:
    return Session.of(PLAN, spacing_mm=2.5)


CHANGES: list[Change] = [
    lambda s: s.edit(forward.move, 1, by=(0.5, -0.3, 0.2)),
    lambda s: s.edit(forward.change, 2, time_min=3.3),
    lambda s: s.edit(forward.block, 1, [1, 2]),
    lambda s: s.edit(forward.add, (16,) * 8, (X, Y, Z), 1.0),
    lambda s: s.edit(forward.weight, 1.25),
    lambda s: s.edit(forward.remove, [1]) if len(s.plan.shots) > 2 else s,
    lambda s: s.undo() if s.plan.history.past else s,
]


@settings(deadline=None, max_examples=10)
@given(st.lists(st.sampled_from(CHANGES), max_size=14))
def test_any_edits_give_what_a_new_calculation_gives(start: Session, changes: list[Change]) -> None:
    session = start
    for change in changes:
        session = change(session)
    assert difference(session) <= 1e-6


def test_many_edits_of_many_shots_stay_exact() -> None:
    rng = np.random.default_rng(5)
    shots = [
        replace(PLAN.shots[n % 3], isocenter_mm=tuple(np.array([X, Y, Z]) + rng.normal(0, 3, 3)))
        for n in range(20)
    ]
    session = Session.of(replace(PLAN, shots=tuple(shots)), spacing_mm=3.0)
    worst = 0.0
    for _ in range(20):
        number = int(rng.integers(1, 21))
        session = session.edit(forward.move, number, by=tuple(rng.normal(0, 1, 3)))
        worst = max(worst, difference(session))
    assert worst <= 1e-6


def test_a_shot_that_leaves_the_grid_takes_a_larger_one(start: Session) -> None:
    far = start.edit(forward.add, (4,) * 8, (X - 45.0, Y, Z), 1.0)
    low = np.array(far.dose.grid.axes()[0])[0]
    assert low < X - 45.0 < start.dose.grid.axes()[0][0]
    assert difference(far) <= 1e-6


def test_another_rate_is_computed_anew(start: Session) -> None:
    plan = replace(PLAN, calibration_dose_rate_gy_per_min=1.5)
    slower = start.with_plan(plan)
    assert slower.dose.array.max() == pytest.approx(start.dose.array.max() / 2, rel=1e-5)


def test_the_session_before_is_untouched(start: Session) -> None:
    before = start.dose.array.copy()
    after = start.edit(forward.weight, 3.0)
    np.testing.assert_array_equal(start.dose.array, before)
    assert start.plan is PLAN
    back = after.undo()
    assert back.plan.shots == PLAN.shots
    assert back.redo().plan.shots == after.plan.shots


def test_a_session_shows_a_figure_that_a_notebook_can_draw(start: Session) -> None:
    after = start.edit(forward.weight, 2.0)
    figure = after.show()
    for each in (figure, after.plan.show()):
        assert {"axial", "coronal", "sagittal"} <= {axes.get_label() for axes in each.axes}
    canvas = figure.canvas
    canvas.draw()
    assert canvas.get_width_height()[0] > 1000
