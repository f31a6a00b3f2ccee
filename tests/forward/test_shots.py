"""Edits by hand: what they change, what they refuse, and that they can be taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gkplan import forward
from gkplan.certificate import Certificate
from gkplan.errors import DepthWarning, PlanError
from gkplan.history import MOST_STEPS, History
from gkplan.plan import Plan
from gkplan.planfile import read_plan, write_plan
from gkplan.unit import load_unit
from tests.forward.example import example

PLAN = example()
X, Y, Z = PLAN.shots[0].isocenter_mm
Edit = Callable[[Plan], Plan]


def test_a_certificate_is_about_the_planners_shots_alone() -> None:
    proven = replace(PLAN, certificate=Certificate(1.0, 1.001, 1.005, 1.01, 100, 5000))
    edited = forward.move(proven, 2, by=(0.0, 0.0, 1.0))
    assert edited.certificate is None
    assert forward.undo(edited).certificate is None


def test_each_edit_changes_what_it_says_and_nothing_else() -> None:
    first, second, third = PLAN.shots
    added = forward.add(PLAN, (16,) * 8, (X, Y, Z + 1.0), 0.5).shots
    assert added[:3] == PLAN.shots
    assert (added[3].sectors, added[3].time_min, added[3].target) == ((16,) * 8, 0.5, "target")
    moved = forward.move(PLAN, 2, by=(0.0, 0.1, -0.2)).shots
    assert moved == (first, replace(second, isocenter_mm=(X + 2.0, Y + 0.1, Z - 0.2)), third)
    assert forward.move(PLAN, 2, to=(X, Y, Z)).shots[1].isocenter_mm == (X, Y, Z)
    changed = forward.change(PLAN, 1, time_min=2.0, collimator_mm=4, gamma_angle_deg=70.0).shots[0]
    assert changed == replace(first, time_min=2.0, sectors=(4,) * 8, gamma_angle_deg=70.0)
    assert forward.block(PLAN, 1, [1, 8]).shots[0].sectors == (0, 8, 8, 8, 8, 8, 8, 0)
    assert forward.remove(PLAN, [1, 3]).shots == (second,)
    weighted = forward.weight(PLAN, 1.5, [2]).shots
    assert [s.time_min for s in weighted] == [6.0, 3.0, 3.0]
    assert [s.time_min for s in forward.weight(PLAN, 0.5).shots] == [3.0, 1.0, 1.5]
    shared = forward.set_weights(PLAN, [1.0, 2.0, 1.0])
    assert [s.time_min for s in shared.shots] == pytest.approx([2.75, 5.5, 2.75])
    assert shared.beam_on_time_min == pytest.approx(PLAN.beam_on_time_min)


def test_metrics_of_other_shots_are_left_behind() -> None:
    import gkplan

    judged = gkplan.judge(PLAN).plan
    assert judged.metrics is not None
    assert forward.weight(judged, 2.0).metrics is None
    assert forward.undo(forward.weight(judged, 2.0)).metrics is None


EDITS: list[Edit] = [
    lambda p: forward.add(p, (4,) * 8, (X, Y, Z), 1.0),
    lambda p: forward.move(p, 1, by=(0.5, 0.0, 0.0)),
    lambda p: forward.change(p, 1, collimator_mm=16),
    lambda p: forward.block(p, 1, [3]),
    lambda p: forward.weight(p, 1.25),
    lambda p: forward.remove(p, [len(p.shots)]) if len(p.shots) > 1 else forward.weight(p, 1.1),
]


@given(st.lists(st.sampled_from([*EDITS, forward.undo, forward.redo]), max_size=12))
def test_undo_and_redo_walk_along_one_line_of_states(edits: list[Edit]) -> None:
    plan, states, at = PLAN, [PLAN.shots], 0
    for edit in edits:
        try:
            plan = edit(plan)
        except PlanError:
            assert at == (0 if edit is forward.undo else len(states) - 1)
            continue
        if edit is forward.undo:
            at -= 1
        elif edit is forward.redo:
            at += 1
        else:
            states, at = [*states[: at + 1], plan.shots], at + 1
        assert plan.shots == states[at]
    assert (len(plan.history.past), len(plan.history.future)) == (at, len(states) - 1 - at)


def test_the_history_is_bounded_and_keeps_the_last_steps() -> None:
    plan = PLAN
    for n in range(MOST_STEPS + 5):
        plan = forward.change(plan, 1, time_min=1.0 + n)
    assert len(plan.history.past) == MOST_STEPS
    for _ in range(MOST_STEPS):
        plan = forward.undo(plan)
    assert plan.shots[0].time_min == 5.0
    with pytest.raises(PlanError, match="no edit is left"):
        forward.undo(plan)


def test_the_history_survives_the_plan_file(tmp_path: Path) -> None:
    plan = forward.undo(EDITS[3](EDITS[1](EDITS[0](PLAN))))
    write_plan(plan, tmp_path / "plan.json")
    again = read_plan(tmp_path / "plan.json")
    assert again.history == plan.history
    assert len(again.history.past) == 2
    assert forward.redo(again).shots == forward.redo(plan).shots


def test_a_plan_without_edits_has_no_history_in_its_file(tmp_path: Path) -> None:
    write_plan(PLAN, tmp_path / "plan.json")
    assert "history" not in (tmp_path / "plan.json").read_text()
    assert read_plan(tmp_path / "plan.json").history == History()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"past": [', '"past": [7, ', "history"),
        ('"what"', '"why"', "history: missing key 'what'"),
        ('"time_min": 3.0', '"time_min": -3.0', "positive"),
        ('"shots": [\n     1,', '"shots": [\n     9,', "numbers from 1 to 3, got 9"),
    ],
)
def test_a_damaged_history_is_one_sentence(old: str, new: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    write_plan(forward.weight(PLAN, 2.0), path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(PlanError, match=words):
        read_plan(path)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda p: forward.move(p, 7, by=(0, 0, 1)), "shot 7 is not there; the plan has 3 shots"),
        (lambda p: forward.move(p, 0, by=(0, 0, 1)), "shot 0 is not there"),
        (lambda p: forward.move(p, 1), "one of the two"),
        (lambda p: forward.move(p, 1, by=(0, 1)), "shot 1: isocentre: expected three numbers"),
        (lambda p: forward.move(p, 1, by=(float("nan"), 0, 0)), "shot 1: isocenter_mm"),
        (lambda p: forward.move(p, 1, to=(5, 100, 100)), "shot 1: .* outside the reach"),
        (lambda p: forward.move(p, 1, to=(178, 188, 200)), "shot 1: .* outside the head"),
        (lambda p: forward.block(p, 1, [9]), "sector 9 is not there; perfexion has 1 to 8"),
        (lambda p: forward.block(p, 1, range(1, 9)), "shot 1: .*every sector is blocked"),
        (lambda p: forward.change(p, 3, time_min=0.05), "shot 3: 0.05 min is too short.*0.1 min"),
        (lambda p: forward.change(p, 1, sectors=(16,) * 8, time_min=0.12), "0.15 min .*16 mm"),
        (lambda p: forward.change(p, 1, sectors=(8,) * 7), "shot 1: sectors .* 8 numbers"),
        (lambda p: forward.change(p, 1, sectors=(14,) * 8), "out of 0, 4, 8, 16"),
        (lambda p: forward.change(p, 1, time_min=-1.0), "shot 1: time_min"),
        (lambda p: forward.change(p, 1, gamma_angle_deg=20.0), "shot 1: gamma_angle_deg"),
        (lambda p: forward.change(p, 1, target="brainstem"), "there are: target"),
        (lambda p: forward.change(p, 1), "nothing to set"),
        (lambda p: forward.change(p, 1, collimator_mm=4, sectors=(4,) * 8), "got both"),
        (lambda p: forward.add(p, (4,) * 8, (X, Y, Z), 0.0), "shot 4: time_min"),
        (lambda p: forward.remove(p, [1, 2, 3]), "at least one shot"),
        (lambda p: forward.weight(p, 0.01), "shot 1: 0.06 min is too short"),
        (lambda p: forward.weight(p, -1.0), "positive factor"),
        (lambda p: forward.set_weights(p, [1.0, 2.0]), "3 positive numbers"),
        (forward.undo, "no edit is left"),
        (forward.redo, "no edit has been undone"),
    ],
)
def test_bad_numbers_are_one_sentence(edit: Edit, words: str) -> None:
    with pytest.raises(PlanError, match=words) as caught:
        edit(PLAN)
    assert "\n" not in str(caught.value)


def test_a_shallow_shot_is_warned_of() -> None:
    x, y, _ = PLAN.case.head.bounds.mean(axis=0)
    top = PLAN.case.head.bounds[0][2]
    with pytest.warns(DepthWarning, match="shot 2"):
        forward.move(PLAN, 2, to=(float(x), float(y), float(top) + 3.0))


def test_a_plan_on_another_unit_names_the_shot() -> None:
    other = load_unit("perfexion")
    smaller = replace(other, name="smaller", collimators=other.collimators[:1])
    with pytest.raises(PlanError, match=r"shot 1: .* on smaller, .* out of 0, 4 "):
        replace(PLAN, unit=smaller)


def test_short_shots_that_were_there_do_not_stop_other_edits() -> None:
    short = replace(PLAN, shots=(replace(PLAN.shots[0], time_min=0.02), *PLAN.shots[1:]))
    assert forward.weight(short, 2.0, [2]).shots[0].time_min == 0.02
