"""The BED of a plan: structures beside their dose, and the prescription isodose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from gkplan.dose import TmrEngine
from gkplan.errors import DeliveryWarning
from gkplan.frames import Array
from gkplan.metrics.bed import Schedule, bed_of
from gkplan.metrics.bedplan import evaluate_bed, isodose_points
from gkplan.metrics.evaluate import evaluate
from gkplan.metrics.repair import load_tissue
from gkplan.plan import check_shot_times
from gkplan.shot import Shot
from gkplan.solids import Ellipsoid
from tests.report.example import TARGET, one_target, plan_of, sphere

CNS = load_tissue()


@dataclass(frozen=True)
class Balls:
    """Each shot gives a round dose that falls by half every 5 mm; 1 Gy/min in its centre."""

    name: str = "balls"

    def dose(self, points_mm: Array, shots: Sequence[Shot]) -> Array:
        total = np.zeros(len(points_mm))
        for shot in shots:
            r = np.linalg.norm(points_mm - np.array(shot.isocenter_mm), axis=1)
            total += shot.time_min * 0.5 ** (r / 5.0)
        return total


def shot(x: float, minutes: float) -> Shot:
    return Shot((x, TARGET[1], TARGET[2]), (8,) * 8, minutes)


def test_points_lie_on_the_isodose_surface() -> None:
    """One round dose: a sphere where it has fallen to a half; all round it, and nothing else."""
    points = isodose_points(sphere(TARGET, 6.0), [], 5.0, [shot(TARGET[0], 10.0)], Balls())
    offset = points - np.array(TARGET)
    assert np.linalg.norm(offset, axis=1) == pytest.approx(np.full(len(points), 5.0), abs=2e-3)
    assert np.abs(offset.mean(axis=0)).max() < 0.02
    assert len(points) > 500


def test_points_are_where_the_real_dose_is_the_prescription() -> None:
    plan = one_target()
    engine = TmrEngine(plan.unit, plan.case.head, 2.5)
    points = isodose_points(plan.case.targets[0].solid, [], 2.0, plan.shots, engine)
    assert engine.dose(points, plan.shots) == pytest.approx(np.full(len(points), 2.0), rel=2e-3)


def test_the_isodose_of_a_neighbour_is_left_to_it() -> None:
    left, right = (Ellipsoid((TARGET[0] + x, *TARGET[1:]), (3.0,) * 3) for x in (-7.0, 7.0))
    shots = [shot(TARGET[0] - 7.0, 10.0), shot(TARGET[0] + 7.0, 10.0)]
    alone = isodose_points(left, [right], 8.0, shots, Balls())
    assert (alone[:, 0] < TARGET[0]).all()
    assert (isodose_points(left, [], 8.0, shots, Balls())[:, 0] > TARGET[0]).any()


def test_one_shot_has_one_bed_along_its_isodose() -> None:
    """All points of the surface get the same dose at the same rate: the closed form, no spread."""
    plan = plan_of({"target": (TARGET, 5.0)}, 6.0)
    result = evaluate_bed(plan.case, [shot(TARGET[0], 12.0)], Balls(), CNS)
    isodose = result.isodoses["target"]
    assert isodose.mean_gy == pytest.approx(float(bed_of([(6.0, 12.0)], CNS)[0]), rel=1e-3)
    assert isodose.spread < 2e-3


def test_two_shots_spread_the_bed_along_the_isodose() -> None:
    """Points near the short shot get their dose sooner than those between."""
    plan = plan_of({"target": (TARGET, 7.0)}, 12.0)
    shots = [shot(TARGET[0] - 4.0, 12.0), shot(TARGET[0] + 4.0, 12.0)]
    near = evaluate_bed(plan.case, shots, Balls(), CNS, Schedule(gap_min=0.0))
    far = evaluate_bed(plan.case, shots, Balls(), CNS, Schedule(gap_min=40.0))
    for result in (near, far):
        isodose = result.isodoses["target"]
        assert isodose.min_gy < isodose.mean_gy < isodose.max_gy
        assert 12.0 < isodose.min_gy < isodose.max_gy < 12.0 * (1 + 12.0 / CNS.alpha_beta_gy)
    assert far.isodoses["target"].spread > near.isodoses["target"].spread
    assert far.isodoses["target"].mean_gy < near.isodoses["target"].mean_gy


def test_structures_keep_their_dose_and_get_a_bed() -> None:
    plan = one_target()
    engine = TmrEngine(plan.unit, plan.case.head, 2.5)
    metrics = evaluate(plan.case, plan.shots, engine).metrics
    result = evaluate_bed(plan.case, plan.shots, engine, CNS)
    assert set(result.structures) == {s.name for s in plan.case.structures}
    assert result.session_min == pytest.approx((3.25,))
    for name, both in result.structures.items():
        assert both.dose.mean_gy == pytest.approx(metrics.structures[name].mean_gy, rel=1e-3)
        assert both.dose.max_gy == pytest.approx(metrics.structures[name].max_gy, rel=1e-3)
        # One shot: every point has the same G, and the BED is a function of the dose.
        top = float(bed_of([(both.dose.max_gy, 3.25)], CNS)[0])
        assert both.bed.max_gy == pytest.approx(top, rel=1e-6)
        assert both.bed.mean_gy > both.dose.mean_gy
    assert result.isodoses == {}  # 12 Gy are not reached


def test_a_dose_prescribed_to_the_maximum_has_no_isodose() -> None:
    plan = plan_of({"root": (TARGET, 2.0)}, 10.0, maximum=True)
    assert evaluate_bed(plan.case, [shot(TARGET[0], 20.0)], Balls(), CNS).isodoses == {}


def test_parts_of_shots_that_are_too_short_are_told() -> None:
    plan = one_target()
    short = (plan.shots[0], replace(plan.shots[0], sectors=(4,) * 8, time_min=0.2))
    check_shot_times(short, plan.unit, 0.5)
    with pytest.warns(DeliveryWarning, match=r"1 of 2 shots.*shot 2 takes 0.067 min"):
        check_shot_times(short, plan.unit, 1 / 3)
