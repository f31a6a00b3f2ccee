"""A refined sample keeps the volume and sees the hottest part as a fine one does."""

from __future__ import annotations

import numpy as np
import pytest

from gkplan.metrics.dvh import structure_dose
from gkplan.metrics.sampling import coarse_dose, refined
from gkplan.shot import Shot
from gkplan.solids import Ellipsoid
from tests.dose.example import ENGINE

# A large organ whose surface is what a shot beside it reaches.
ORGAN = Ellipsoid((100.0, 108.0, 95.0), (16.0, 18.0, 25.0))
SHOTS = [Shot((124.0, 108.0, 95.0), (8,) * 8, 5.0)]


def test_refined_where_it_is_hottest() -> None:
    coarse, spacing = coarse_dose(ORGAN, 8000, SHOTS, ENGINE)
    sample = refined(coarse, spacing, ORGAN, SHOTS, ENGINE)
    assert len(sample.points) == len(sample.dose_gy) == len(sample.volume_cc)
    assert sample.volume_cc.sum() == pytest.approx(ORGAN.analytic_volume_cc, rel=1e-2)
    assert ORGAN.contains(sample.points).all()
    fine, _ = coarse_dose(ORGAN, 1_000_000, SHOTS, ENGINE)
    exact, got, rough = (structure_dose(s) for s in (fine, sample, coarse))
    assert got.d0_035cc_gy == pytest.approx(exact.d0_035cc_gy, rel=5e-3)
    assert got.max_gy == pytest.approx(exact.max_gy, rel=1e-2)
    assert abs(rough.d0_035cc_gy / exact.d0_035cc_gy - 1.0) > 5e-3


def test_no_point_is_counted_twice() -> None:
    coarse, spacing = coarse_dose(ORGAN, 8000, SHOTS, ENGINE)
    points = refined(coarse, spacing, ORGAN, SHOTS, ENGINE).points
    assert len(np.unique(np.round(points, 6), axis=0)) == len(points)
