"""Times scaled to the prescription: what was asked for is what the judging finds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gkplan
from gkplan import forward
from gkplan.errors import CaseError, PlanError
from gkplan.load import load_case
from gkplan.plan import Plan
from tests.forward.example import example, two_targets


@pytest.mark.parametrize("transit", [True, False])
def test_the_isodose_asked_for_is_found(transit: bool) -> None:
    plan = forward.normalise(example(transit), isodose=0.55)
    indices = gkplan.judge(plan).evaluation.metrics.overall
    assert indices.prescription_isodose == pytest.approx(0.55, rel=2e-5)


@pytest.mark.parametrize("transit", [True, False])
def test_the_coverage_asked_for_is_found(transit: bool) -> None:
    plan = forward.normalise(example(transit), coverage=0.96)
    indices = gkplan.judge(plan).evaluation.metrics.overall
    assert indices.coverage == pytest.approx(0.96, abs=1e-4)


def test_weights_between_the_shots_stay() -> None:
    before, after = example(), forward.normalise(example(), coverage=0.9)
    ratio = [b.time_min / a.time_min for a, b in zip(before.shots, after.shots, strict=True)]
    assert ratio == pytest.approx([ratio[0]] * 3, rel=1e-12)
    assert abs(ratio[0] - 1.0) > 0.05


@settings(deadline=None, max_examples=8)
@given(st.floats(0.2, 5.0))
def test_the_result_does_not_depend_on_the_scale_before(factor: float) -> None:
    once = forward.normalise(example(), coverage=0.95)
    again = forward.normalise(forward.weight(example(), factor), coverage=0.95)
    minutes = [[s.time_min for s in plan.shots] for plan in (once, again)]
    assert minutes[0] == pytest.approx(minutes[1], rel=1e-5)


def test_without_transit_times_are_proportional_to_the_dose() -> None:
    half, third = (forward.normalise(example(False), isodose=f) for f in (0.5, 1 / 3))
    assert third.beam_on_time_min == pytest.approx(1.5 * half.beam_on_time_min, rel=1e-5)


def test_transit_shortens_the_times_by_what_it_gives() -> None:
    # With all shots through one collimator, transit is as if each were longer by as much.
    one = replace(example(False), shots=example().shots[:1])
    steady = forward.normalise(one, isodose=0.5)
    moving = forward.normalise(replace(one, transit=True), isodose=0.5)
    extra = one.unit.collimator(8).transit_min
    assert steady.shots[0].time_min - moving.shots[0].time_min == pytest.approx(extra, rel=2e-2)


def test_several_targets_each_get_their_own() -> None:
    plan = gkplan.new_plan(two_targets())
    assert [s.target for s in plan.shots] == ["target", "other"]
    for found in gkplan.judge(plan).evaluation.metrics.targets.values():
        assert found.prescription_isodose == pytest.approx(0.5, rel=5e-3)
    both = gkplan.judge(forward.normalise(plan, coverage=0.97)).evaluation.metrics
    for indices in both.targets.values():
        assert indices.coverage == pytest.approx(0.97, abs=2e-4)
    only = forward.normalise(plan, coverage=0.9, target="other")
    assert only.shots[0] == plan.shots[0]
    assert only.shots[1] != plan.shots[1]


@pytest.mark.parametrize(("name", "isodose"), [("metastasis-small", 0.5), ("trigeminal", 1.0)])
def test_a_new_plan_has_one_shot_at_the_centroid_and_the_dose(name: str, isodose: float) -> None:
    case = load_case(name)
    plan = gkplan.new_plan(case)
    assert len(plan.shots) == 1
    assert plan.history.past == ()
    center = case.targets[0].solid.bounds.mean(axis=0)
    assert np.linalg.norm(np.array(plan.shots[0].isocenter_mm) - center) < 0.5
    found = gkplan.judge(plan).evaluation.metrics.overall.prescription_isodose
    assert found == pytest.approx(isodose, rel=1e-4)


def test_a_dose_to_the_maximum_is_normalised_to_the_maximum_only() -> None:
    plan = forward.weight(gkplan.new_plan(load_case("trigeminal")), 0.7)
    point = np.array([plan.shots[0].isocenter_mm])
    again = forward.normalise(plan)
    dose = float(gkplan.engine_of(again).dose(point, again.shots)[0])
    assert dose == pytest.approx(80.0, rel=1e-3)
    with pytest.raises(PlanError, match="prescribed to the maximum"):
        forward.normalise(plan, coverage=0.9)
    with pytest.raises(PlanError, match="prescribed to the maximum"):
        forward.normalise(plan, isodose=0.5)


def without_target() -> Plan:
    plan = gkplan.new_plan(two_targets())
    return replace(plan, shots=(plan.shots[0], replace(plan.shots[1], target="")))


def test_what_cannot_be_normalised_is_one_sentence() -> None:
    plan = example()
    far = replace(plan, shots=tuple(replace(s, time_min=1e-9 * s.time_min) for s in plan.shots))
    for words, call in {
        "leaves the isodose free": lambda: forward.normalise(plan),
        "got both": lambda: forward.normalise(plan, isodose=0.5, coverage=0.9),
        "0.98 is 98 %, got 98": lambda: forward.normalise(plan, coverage=98.0),
        "0.5 is the 50 % isodose, got 50": lambda: forward.normalise(plan, isodose=50.0),
        "shot 2: belongs to ''": lambda: forward.normalise(without_target(), coverage=0.9),
        "too short": lambda: forward.normalise(weak(plan), isodose=0.5),
    }.items():
        with pytest.raises(PlanError, match=words):
            call()
    with pytest.raises(CaseError, match="'liver' has no prescription"):
        forward.normalise(plan, coverage=0.9, target="liver")
    # Any scale may be normalised, as long as what comes out can be delivered.
    assert forward.normalise(far, isodose=0.5).beam_on_time_min == pytest.approx(
        forward.normalise(plan, isodose=0.5).beam_on_time_min, rel=1e-5
    )


def weak(plan: Plan) -> Plan:
    """One shot of hardly any weight beside others."""
    first, *rest = plan.shots
    return replace(plan, shots=(replace(first, time_min=0.001), *rest))
