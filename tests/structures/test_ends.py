"""How the solids of contour stacks end: sections beyond the last slice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gkplan.frames import Array
from gkplan.solids import LevelSet
from gkplan.structures import solid_from_contours
from tests.structures.test_contours import rings


def _area(solid: LevelSet, height: float, radius_mm: float) -> float:
    """Of the section there (mm2), which is about (100, 100) and within `radius_mm`."""
    u, step = np.linspace(-radius_mm, radius_mm, 401, retstep=True)
    x, y = np.meshgrid(100.0 + u, 100.0 + u)
    points = np.column_stack([x.ravel(), y.ravel(), np.full(x.size, height)])
    return float(np.count_nonzero(solid.contains(points)) * step**2)


def _rod(radius_mm: float, area: Callable[[float], float]) -> LevelSet:
    """Slices 1 mm apart from 100 upward; `area` at so many mm above that, 1 that of a circle."""
    drawn = rings(lambda z: radius_mm * float(np.sqrt(area(z - 100.0))), 100.0 + np.arange(4.0))
    return solid_from_contours(drawn, "rod", 1.0)


@pytest.mark.parametrize("slope", [-0.05, -0.003, -0.0003, 0.0, 0.0003, 0.003, 0.05])
@pytest.mark.parametrize("radius", [10.0, 5.0, 2.0])
def test_slow_ends_keep_their_areas(radius: float, slope: float) -> None:
    """From an end that shrinks by way of a flat one to one that grows, just below and beyond."""

    def wanted(above: float) -> float:
        return 1.0 - slope * above - 0.02 * above**2

    solid = _rod(radius, wanted)
    for above in (-0.3, -0.2, -0.1, 0.0, 0.1, 0.3):
        got = _area(solid, 100.0 + above, 1.2 * radius) / (np.pi * radius**2)
        assert got == pytest.approx(wanted(above), abs=0.003)


def test_no_lid_over_a_hole_through_a_round_end() -> None:
    """A ball of 6 mm, drilled with 3 mm: nothing is left of it above 5.2 mm."""
    heights = 100.0 + np.arange(6.0)
    ball = rings(lambda z: float(np.sqrt(36.0 - (z - 100.0) ** 2)), heights)
    solid = solid_from_contours([*ball, *rings(lambda _: 3.0, heights)], "drilled", 1.0)
    assert _area(solid, 105.05, 7.0) == pytest.approx(np.pi * (27.0 - 5.05**2), rel=0.03)
    for height in np.arange(105.25, 106.2, 0.1):
        assert _area(solid, height, 7.0) == 0.0


def test_an_island_in_a_hole_goes_through_a_round_end_with_it() -> None:
    """A rod in the drilled hole reaches the surface of the ball."""
    heights = 100.0 + np.arange(6.0)
    ball = rings(lambda z: float(np.sqrt(36.0 - (z - 100.0) ** 2)), heights)
    inner = [ring for r in (3.0, 1.0) for ring in rings(lambda _, r=r: r, heights)]
    solid = solid_from_contours([*ball, *inner], "island", 1.0)
    t = solid.intervals(np.array([[100.0, 100.0, 90.0]]), np.array([[0.0, 0.0, 1.0]]))
    assert t[0, 0, 1] == pytest.approx(16.0, abs=0.05)


def test_uneven_parts_stay_apart() -> None:
    """The last slices of both are 2.2 mm apart, the gap between them is of 2.3 mm."""
    heights = 100.0 + np.array([0, 1, 2, 3, 4, 6.2, 8.5, 10.7, 11.7, 12.7, 13.7, 14.7])
    areas = [90.0, 85.0, 80.0, 76.0, 70.0, 40.0]
    radius = dict(zip(heights, np.sqrt(np.array([*areas, *areas[::-1]]) / np.pi), strict=True))
    solid = solid_from_contours(rings(lambda z: float(radius[z]), heights), "two")
    assert _area(solid, 107.35, 6.0) == 0.0
    assert _area(solid, 106.3, 6.0) > 35.0 < _area(solid, 108.4, 6.0)


def _widening(slope: float, heights: Array) -> LevelSet:
    cone = rings(lambda z: 10.0 - slope * (z - 100.0), heights)
    return solid_from_contours(cone, "cone", 2.0)


@pytest.mark.parametrize("slope", [0.5, 1.0])
def test_an_end_that_widens_has_room(slope: float) -> None:
    """A cone, up to one of 45 degrees, does not stop at the edge of what is sampled."""
    solid = _widening(slope, 100.0 + 2.0 * np.arange(4.0))
    for beyond in (0.25, 0.5, 0.74):
        radius = np.sqrt(_area(solid, 100.0 - beyond, 12.0) / np.pi)
        assert radius == pytest.approx(10.0 + slope * beyond, abs=0.02)
