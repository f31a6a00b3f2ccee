"""A moved solid answers as the same solid made in the other place."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gkplan.frames import Frame, RigidTransform
from gkplan.solids import Ellipsoid, Moved

AXES = (30.0, 20.0, 45.0)
TURN = (20.0, -35.0, 50.0)  # about x, then y, then z
PLACE = (110.0, 90.0, 105.0)
MADE = Ellipsoid(PLACE, AXES, TURN)
MOTION = RigidTransform(
    Rotation.from_euler("xyz", TURN, degrees=True).as_matrix(),
    np.array(PLACE),
    Frame.LEKSELL,
    Frame.LEKSELL,
)
MOVED = Moved(Ellipsoid((0.0, 0.0, 0.0), AXES), MOTION)


def test_points_and_rays() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(40.0, 160.0, (4000, 3))
    np.testing.assert_array_equal(MOVED.contains(points), MADE.contains(points))
    toward = rng.normal(size=(4000, 3))
    toward /= np.linalg.norm(toward, axis=1, keepdims=True)
    assert MOVED.intervals(points, toward) == pytest.approx(
        MADE.intervals(points, toward), abs=1e-6
    )
    from_one = MOVED.intervals(points[0], toward)
    assert from_one == pytest.approx(MADE.intervals(points[0], toward), abs=1e-6)


def test_bounds_and_volume() -> None:
    low, high = MOVED.bounds
    inner_low, inner_high = MADE.bounds
    assert (low <= inner_low).all()
    assert (high >= inner_high).all()
    assert MOVED.analytic_volume_cc == pytest.approx(MADE.analytic_volume_cc)
