"""Which way round a plane is shown."""

from __future__ import annotations

import numpy as np
import pytest

from gkplan.report.planes import AXIAL, CORONAL, SAGITTAL, VIEWS, PlaneView, field_of_view
from tests.report import example


def test_views_are_the_radiological_ones() -> None:
    assert AXIAL.sides == ("R", "L", "P", "A")
    assert CORONAL.sides == ("R", "L", "I", "S")
    assert SAGITTAL.sides == ("A", "P", "I", "S")
    assert [view.normal for view in VIEWS] == [2, 1, 0]


@pytest.mark.parametrize("view", VIEWS, ids=lambda v: v.name)
def test_lattice_points_are_where_the_axes_say(view: PlaneView) -> None:
    points = view.points(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0]), 7.0)
    assert points.shape == (6, 3)
    assert points[4, view.across] == 2.0  # row by row
    assert points[4, view.upward] == 20.0
    assert (points[:, view.normal] == 7.0).all()


def test_one_target_is_shown_with_a_margin_about_its_centroid() -> None:
    plan = example.one_target()
    fov = field_of_view(plan, example.evaluate(plan, example.gaussians(plan)))
    assert fov.half_mm == pytest.approx(7 + 30)
    assert fov.point_mm == pytest.approx(example.TARGET, abs=0.05)
    # Anterior is up in the axial plane, superior (low z) is up in the coronal one.
    assert fov.limits(AXIAL) == pytest.approx((126 - 37, 126 + 37, 92 - 37, 92 + 37), abs=0.1)
    assert fov.limits(CORONAL) == pytest.approx((126 - 37, 126 + 37, 118 + 37, 118 - 37), abs=0.1)
    assert fov.limits(SAGITTAL) == pytest.approx((92 + 37, 92 - 37, 118 + 37, 118 - 37), abs=0.1)


def test_scattered_targets_show_the_whole_head_through_the_largest() -> None:
    plan = example.six_targets()
    fov = field_of_view(plan, example.evaluate(plan, example.gaussians(plan)))
    for low, high in zip(*plan.case.head.bounds, strict=True):
        assert fov.center_mm.min() - fov.half_mm < low < high < fov.center_mm.max() + fov.half_mm
    assert fov.point_mm == pytest.approx((135.0, 120.0, 60.0), abs=0.05)


def test_a_dose_prescribed_to_the_maximum_is_shown_through_it() -> None:
    plan = example.functional()
    evaluation = example.evaluate(plan, example.gaussians(plan))
    fov = field_of_view(plan, evaluation)
    assert tuple(fov.point_mm) == evaluation.metrics.max_dose_point_mm
