"""A sample of a structure has its volume, its histogram and its hottest part."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from gkplan.dose import TmrEngine
from gkplan.dose.engine import DoseEngine
from gkplan.frames import Array
from gkplan.metrics.dvh import SampledDose, structure_dose
from gkplan.metrics.sampling import sampled_dose, structure_points
from gkplan.shot import Shot
from gkplan.solids import Ellipsoid, sample
from gkplan.structures import Structure
from tests.dose.example import ENGINE

# A large organ whose surface is what a shot beside it reaches, and one below 0.2 mm of sampling.
LARGE = Ellipsoid((100.0, 108.0, 95.0), (16.0, 18.0, 25.0))
SMALL = Ellipsoid((113.0, 108.0, 95.0), (3.5, 3.5, 3.5))
SHOTS = [Shot((124.0, 108.0, 95.0), (8,) * 8, 5.0)]


def hottest(solid: Ellipsoid, engine: TmrEngine) -> float:
    """The highest dose on a densely sampled surface."""
    toward = np.random.default_rng(3).normal(size=(200_000, 3))
    toward /= np.linalg.norm(toward, axis=1)[:, None]
    surface = np.array(solid.center_mm) + toward * np.array(solid.semi_axes_mm)
    return float(engine.dose(surface, SHOTS).max())


@pytest.mark.parametrize(("solid", "count"), [(LARGE, 8000), (LARGE, 40_000), (SMALL, 40_000)])
def test_an_organ_has_the_maximum_of_its_surface(solid: Ellipsoid, count: int) -> None:
    organ = structure_points(Structure("organ", "oar", solid), count)
    got = structure_dose(sampled_dose(organ, SHOTS, ENGINE))
    assert got.max_gy == pytest.approx(hottest(solid, ENGINE), rel=2e-3)


def test_an_organ_is_refined_where_it_is_hottest() -> None:
    few = structure_points(Structure("organ", "oar", LARGE), 8000)
    refined = sampled_dose(few, SHOTS, ENGINE)
    assert len(refined.points) == len(refined.dose_gy) == len(refined.volume_cc)
    assert refined.volume_cc.sum() == pytest.approx(LARGE.analytic_volume_cc, rel=5e-3)
    assert LARGE.contains(refined.points).all()
    assert len(np.unique(np.round(refined.points, 6), axis=0)) == len(refined.points)
    near = sample(LARGE, 0.3)
    near = near[np.linalg.norm(near - np.array(SHOTS[0].isocenter_mm), axis=1) < 15.0]
    exact = structure_dose(
        SampledDose(near, ENGINE.dose(near, SHOTS), np.full(len(near), 0.3**3 / 1000))
    ).d0_035cc_gy
    rough = sampled_dose(few, SHOTS, ENGINE, hottest=1)
    assert structure_dose(refined).d0_035cc_gy == pytest.approx(exact, rel=5e-3)
    assert abs(structure_dose(rough).d0_035cc_gy / exact - 1.0) > 5e-3


@pytest.mark.parametrize("minutes", [5.0, 0.0])
def test_where_all_have_the_same_dose_only_as_many_are_split(minutes: float) -> None:
    """Far below a small shot no beam comes by: a dose of 0 at every point."""
    far = Ellipsoid((100.0, 100.0, 145.0), (4.0, 4.0, 6.0))
    few = structure_points(Structure("organ", "oar", far), 300)
    sampled = sampled_dose(few, [Shot((100.0, 100.0, 60.0), (4,) * 8, 5.0)], ENGINE)
    assert (sampled.dose_gy == 0.0).all()
    assert len(sampled.points) == len(few.sample.points)

    class Even:
        def dose(self, points: Array, shots: object) -> Array:
            return np.full(len(points), minutes)

    split = sampled_dose(few, [], cast(DoseEngine, Even()), hottest=3)
    assert len(split.points) < 125 * 27 * (3 + 4)
    assert split.volume_cc.sum() == pytest.approx(far.analytic_volume_cc, rel=0.05)
