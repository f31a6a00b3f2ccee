"""Which target a point belongs to, by brute force."""

from __future__ import annotations

import numpy as np
import pytest

from gkplan.metrics.evaluate import _nearest_target


@pytest.mark.parametrize("apart_mm", [5.0, 15.0, 80.0])
def test_points_belong_to_the_target_with_the_nearest_sample(apart_mm: float) -> None:
    rng = np.random.default_rng(int(apart_mm))
    targets = [rng.normal(c, 3.0, (300, 3)) for c in rng.uniform(0.0, apart_mm, (5, 3))]
    points = rng.uniform(-20.0, apart_mm + 20.0, (2000, 3))
    distance = [np.linalg.norm(points[:, None] - t[None], axis=2).min(axis=1) for t in targets]
    found = _nearest_target(points, targets)
    np.testing.assert_array_equal(found, np.argmin(distance, axis=0))
    assert len(set(found.tolist())) == 5
