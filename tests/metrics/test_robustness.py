"""Set-up errors: exact motions, closed forms, reproducible draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.dose.beams import shot_beams
from gkplan.dose.reference import beam_dose
from gkplan.errors import PlanError
from gkplan.frames import Array, RigidTransform, patient_from_leksell
from gkplan.head import Head, surface_distances
from gkplan.metrics.evaluate import evaluate
from gkplan.metrics.robustness import Robustness, evaluate_robustness
from gkplan.metrics.setup import Scenario, SetupUncertainty, draw_scenarios
from gkplan.prescription import Limit, Prescription
from gkplan.report.robusttable import robust_rows
from gkplan.shot import Shot
from gkplan.solids import Ellipsoid
from gkplan.structures import Structure
from tests.dose.example import ENGINE, HEAD, UNIT, mixed_shots

CENTER = (112.0, 108.0, 95.0)
RADIUS = 6.0
SHOTS = [Shot(CENTER, (8,) * 8, 4.0), Shot((116.0, 108.0, 95.0), (4,) * 8, 1.0)]


def sphere(center: tuple[float, float, float], radius: float) -> Ellipsoid:
    return Ellipsoid(center, (radius,) * 3)


def case(dose_gy: float, isodose: tuple[float, float] = (0.4, 0.7)) -> Case:
    return Case(
        name="sphere",
        kind="phantom",
        path="sphere",
        sha256="0" * 64,
        source="made for a test",
        head=HEAD,
        structures=(
            Structure("target", "target", sphere(CENTER, RADIUS)),
            Structure("nerve", "oar", sphere((125.0, 108.0, 95.0), 4.0)),
        ),
        prescriptions=(Prescription("target", dose_gy, isodose),),
        limits=(Limit("nerve", "max", 3.0), Limit("target", "max", 100.0)),
        patient_from_leksell=patient_from_leksell(),
    )


def robust(shift: float, rotation: float = 0.0, scenarios: int = 10, seed: int = 1) -> Robustness:
    u = SetupUncertainty(shift, rotation, scenarios, seed)
    return evaluate_robustness(case(3.0), SHOTS, ENGINE, u)


@pytest.fixture(scope="module")
def usual() -> Robustness:
    return robust(0.7, 1.0, scenarios=20)


def test_without_an_error_every_scenario_is_the_plan() -> None:
    result = robust(0.0, scenarios=2)
    for quantity in result.quantities:
        assert quantity.values == pytest.approx([quantity.nominal] * 2, rel=1e-9)
    for band in result.bands:
        assert band.lower == pytest.approx(band.nominal, abs=1e-9)
        assert band.upper == pytest.approx(band.nominal, abs=1e-9)


def test_the_plan_itself_is_as_evaluate_judges_it(usual: Robustness) -> None:
    metrics = evaluate(case(3.0), SHOTS, ENGINE).metrics
    target, nerve = metrics.structures["target"], metrics.structures["nerve"]
    coverage = usual.quantity("target", "coverage").nominal
    assert coverage == pytest.approx(metrics.targets["target"].coverage, abs=5e-3)
    assert usual.quantity("target", "d98").nominal == pytest.approx(target.d98_gy, rel=1.5e-2)
    for kind, value in (("mean", nerve.mean_gy), ("d0_035cc", nerve.d0_035cc_gy)):
        assert usual.quantity("nerve", kind).nominal == pytest.approx(value, rel=5e-3)
    assert usual.quantity("nerve", "max").nominal == pytest.approx(nerve.max_gy, rel=5e-3)


def test_worst_mean_and_band_are_in_order(usual: Robustness) -> None:
    for q in usual.quantities:
        low, high = q.band
        assert q.values.min() <= low <= high <= q.values.max()
        assert q.values[q.worst_scenario] == q.worst
        if q.kind in ("coverage", "d98"):
            assert q.worst <= q.mean
        else:
            assert q.worst >= q.mean
    for band in usual.bands:
        assert (band.lower <= band.upper).all()
        for curve in (band.lower, band.nominal, band.upper):
            assert curve[0] == pytest.approx(1.0)
            assert (np.diff(curve) <= 1e-12).all()


def test_limits_stand_beside_their_quantities(usual: Robustness) -> None:
    nerve = usual.quantity("nerve", "max")
    assert nerve.limit_gy == 3.0
    assert nerve.met == np.mean(nerve.values <= 3.0)
    assert usual.quantity("nerve", "mean").met is None
    assert usual.quantity("target", "max").met == 1.0
    with pytest.raises(KeyError, match="nerve"):
        usual.quantity("nerve", "coverage")


def test_a_dose_prescribed_to_the_maximum_has_no_coverage() -> None:
    u = SetupUncertainty(scenarios=1)
    result = evaluate_robustness(case(8.0, (1.0, 1.0)), SHOTS, ENGINE, u)
    kinds = {q.kind for q in result.quantities if q.structure == "target"}
    assert kinds == {"d98", "max"}


def test_the_same_seed_gives_the_same_and_more_scenarios_go_on() -> None:
    first, again = robust(0.5, 0.5, 3), robust(0.5, 0.5, 3)
    assert first.scenarios == again.scenarios
    for a, b in zip(first.quantities, again.quantities, strict=True):
        np.testing.assert_array_equal(a.values, b.values)
    more = draw_scenarios(SetupUncertainty(0.5, 0.5, 5), np.array(first.scenarios[0].pivot_mm))
    assert more[:3] == first.scenarios
    assert robust(0.5, 0.5, 3, seed=2).scenarios != first.scenarios


def test_coverage_falls_with_the_size_of_the_error() -> None:
    means = [robust(s).quantity("target", "coverage").mean for s in (0.0, 0.3, 0.6, 1.2, 2.4)]
    assert (np.diff(means) < 0.0).all()


def test_the_draws_have_their_standard_deviations() -> None:
    drawn = draw_scenarios(SetupUncertainty(0.7, 0.3, 1000), np.zeros(3))
    shifts, turns = (np.array(c) for c in zip(*[(s.shift_mm, s.rotation_deg) for s in drawn],
                                               strict=True))  # fmt: skip
    assert shifts.std(axis=0) == pytest.approx(np.full(3, 0.7), rel=0.08)
    assert turns.std(axis=0) == pytest.approx(np.full(3, 0.3), rel=0.08)
    assert np.abs(shifts.mean(axis=0)).max() < 0.08


def test_rotations_are_about_the_pivot_and_right_handed() -> None:
    scenario = Scenario((1.0, -2.0, 0.5), (0.0, 0.0, 90.0), CENTER)
    pivot = np.array(CENTER)
    assert scenario.motion(pivot) == pytest.approx(pivot + np.array([1.0, -2.0, 0.5]))
    # A quarter turn about +z takes +x to +y.
    assert scenario.motion.rotate([1.0, 0.0, 0.0]) == pytest.approx([0.0, 1.0, 0.0], abs=1e-12)


def test_the_pivot_is_the_centroid_of_the_targets(usual: Robustness) -> None:
    assert usual.scenarios[0].pivot_mm == pytest.approx(CENTER, abs=0.01)


POINTS = np.random.default_rng(5).normal(CENTER, 9.0, (300, 3))
MANY = mixed_shots(4)


def in_scenario(engine: TmrEngine, scenario: Scenario, points: Array) -> Array:
    motion = scenario.motion
    moved = engine.after(motion)
    return moved.dose(motion(points), MANY)


def test_a_shift_of_the_patient_is_the_opposite_shift_of_every_isocentre() -> None:
    """In any head, for the depths of the beams are those of the moved head."""
    shift = np.array([1.5, -0.8, 2.0])
    scenario = Scenario((1.5, -0.8, 2.0), (0.0, 0.0, 0.0), CENTER)
    back = [
        replace(s, isocenter_mm=tuple(float(c) for c in np.array(s.isocenter_mm) - shift))
        for s in MANY
    ]
    expected = ENGINE.dose(POINTS, back)
    assert in_scenario(ENGINE, scenario, POINTS) == pytest.approx(
        expected, abs=2e-4 * expected.max()
    )


def test_a_fixed_head_is_a_good_approximation_but_not_the_same() -> None:
    """Moving points in a fixed head leaves the depths wrong: below 1 % for 1 mm in water."""
    scenario = Scenario((0.0, 0.0, 1.0), (0.0, 0.0, 0.0), CENTER)
    exact = in_scenario(ENGINE, scenario, POINTS)
    fixed = ENGINE.dose(scenario.motion(POINTS), MANY)
    apart = np.abs(fixed - exact).max() / exact.max()
    assert 5e-4 < apart < 0.01


def test_a_turned_patient_sees_the_machine_turned_back() -> None:
    """Twin in float64: the head stays, and foci and directions of all beams are turned."""
    scenario = Scenario((0.4, 1.0, -0.7), (3.0, -5.0, 4.0), CENTER)
    back = scenario.motion.inverse
    beams = shot_beams(UNIT, HEAD, MANY, 3.0)
    focus, direction = back(beams.focus_mm), back.rotate(beams.directions)
    turned = replace(
        beams,
        focus_mm=focus,
        directions=direction,
        surface_mm=surface_distances(HEAD.surface, focus, direction),
    )
    profiles = [p for c in UNIT.collimators for p in c.profiles]
    expected = np.zeros(60)
    for n in range(len(turned)):
        expected += beam_dose(POINTS[:60], turned, n, profiles, UNIT.calibration.depth_mm)
    got = in_scenario(ENGINE, scenario, POINTS[:60])
    assert got == pytest.approx(expected, abs=2e-4 * expected.max())


@dataclass(frozen=True)
class Ball:
    """A dose that falls with the distance from a point fixed to the machine."""

    head: Head = HEAD

    def after(self, motion: RigidTransform) -> Ball:
        return Ball(self.head.moved(motion))

    def dose(self, points_mm: Array, shots: Sequence[Shot]) -> Array:
        distance = np.linalg.norm(points_mm - np.array(CENTER), axis=1)
        return np.asarray(10.0 * np.exp(-0.5 * (distance / RADIUS) ** 2))


def test_coverage_of_a_sphere_by_a_sphere() -> None:
    """Two spheres of radius R, s apart, share ``1 - 3 s / (4 R) + s^3 / (16 R^3)`` of either."""
    edge = 10.0 * np.exp(-0.5)
    u = SetupUncertainty(1.5, 0.0, 12)
    result = evaluate_robustness(case(edge), SHOTS, Ball(), u)  # type: ignore[arg-type]
    apart = np.linalg.norm([s.shift_mm for s in result.scenarios], axis=1)
    expected = 1.0 - 0.75 * apart / RADIUS + (apart / RADIUS) ** 3 / 16.0
    assert result.quantity("target", "coverage").values == pytest.approx(expected, abs=5e-3)
    # The point of the target that is farthest away, and the hottest one of the nerve.
    near = np.array([125.0, 108.0, 95.0]) - np.array(CENTER)
    place = np.linalg.norm(near + np.array([s.shift_mm for s in result.scenarios]), axis=1) - 4.0
    top = 10.0 * np.exp(-0.5 * (place / RADIUS) ** 2)
    assert result.quantity("nerve", "max").values == pytest.approx(top, rel=0.01)


def test_rotation_alone_moves_what_is_away_from_the_target() -> None:
    result = evaluate_robustness(  # type: ignore[arg-type]
        case(5.0), SHOTS, Ball(), SetupUncertainty(0.0, 3.0, 6)
    )
    target, nerve = (result.quantity(*q) for q in (("target", "coverage"), ("nerve", "mean")))
    assert target.values == pytest.approx([target.nominal] * 6, abs=2e-3)
    assert nerve.values == pytest.approx([nerve.nominal] * 6, rel=2e-3)  # the dose is round


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((-0.1, 0.0, 5, 1), "shift"),
        ((float("nan"), 0.0, 5, 1), "shift"),
        ((0.5, 90.0, 5, 1), "rotation"),
        ((0.5, 0.5, 0, 1), "scenarios"),
        ((0.5, 0.5, 5, -1), "seed"),
    ],
)
def test_an_uncertainty_that_cannot_be(numbers: tuple[float, float, int, int], words: str) -> None:
    with pytest.raises(PlanError, match=words):
        SetupUncertainty(*numbers)


def test_a_limit_of_a_volume_is_a_quantity_of_its_own() -> None:
    limits = (Limit("nerve", "volume", 2.0, 0.1), Limit("nerve", "volume", 3.0, 0.02))
    several = replace(case(3.0), limits=limits)
    result = evaluate_robustness(several, SHOTS, ENGINE, SetupUncertainty(0.5, 0.0, 5, 1))
    large, small = result.quantity("nerve", "D0.1cc"), result.quantity("nerve", "D0.02cc")
    assert (large.limit_gy, small.limit_gy) == (2.0, 3.0)
    assert (large.values < small.values).all()
    metrics = evaluate(several, SHOTS, ENGINE).metrics
    assert large.nominal == pytest.approx(metrics.limits[0].dose_gy, rel=2e-2)
    assert ("nerve", "D0.1cc") in {row[:2] for row in robust_rows(result)}
