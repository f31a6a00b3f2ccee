"""The depth along a beam: every kind of surface, exits and re-entries, near and outside it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gkplan.dose.beams import unit_directions
from gkplan.frames import Array
from gkplan.head import distance_to_surface, surface_distances, surface_from_image
from gkplan.solids import Ellipsoid, Solid
from gkplan.solids.intervals import length_ahead
from gkplan.unit import load_unit
from tests.surfaces import (
    MADE,
    directions,
    head_with_nose_and_ear,
    image_of,
    made,
    mesh_of,
    off_surface,
    radii_of,
)

SPHERE = Ellipsoid((100.3, 98.9, 101.7), (80.0, 80.0, 80.0))
ELLIPSOID = Ellipsoid((100.3, 98.9, 101.7), (80.0, 100.0, 90.0))
ISOCENTERS = [(100.0, 100.0, 100.0), (125.0, 92.0, 120.0), (60.0, 130.0, 90.0)]
UNIT = load_unit("perfexion")


def hits(surface: Solid, origin: tuple[float, float, float], toward: Array) -> Array:
    start = np.array(origin)
    return np.asarray(start + surface_distances(surface, start, toward)[:, None] * toward)


@pytest.mark.parametrize("name", MADE)
def test_beams_end_on_the_surface(name: str) -> None:
    for shape in (SPHERE, ELLIPSOID):
        surface, tolerance = made(name, shape)
        for isocenter in ISOCENTERS:
            ends = hits(surface, isocenter, directions(2000))
            assert off_surface(shape, ends).max() <= tolerance


head_size = st.tuples(*[st.floats(60, 100)] * 3)
turn = st.tuples(*[st.floats(-40, 40)] * 3)
inside = st.tuples(*[st.floats(-30, 30)] * 3)


@settings(max_examples=15, deadline=None)
@given(head_size, turn, inside, st.integers(0, 99))
def test_beams_end_on_any_ellipsoid(
    axes: tuple[float, float, float],
    turn_deg: tuple[float, float, float],
    offset: tuple[float, float, float],
    seed: int,
) -> None:
    shape = Ellipsoid((101.0, 97.0, 104.0), axes, turn_deg)
    x, y, z = (100.0 + o for o in offset)
    toward = directions(300, seed)
    assert off_surface(shape, hits(shape, (x, y, z), toward)).max() < 1e-9
    # The chords of a sphere's faces of 1.4 degrees lie 0.03 % of the largest radius below it.
    assert off_surface(shape, hits(mesh_of(shape, 6), (x, y, z), toward)).max() < 0.05
    measured = radii_of(shape, np.array(shape.center_mm))
    assert off_surface(shape, hits(measured, (x, y, z), toward)).max() < 0.05


@settings(max_examples=6, deadline=None)
@given(
    head_size, turn, inside, st.sampled_from([(1.5, 1.5, 1.5), (2.0, 2.0, 2.0), (1.0, 1.0, 2.5)])
)
def test_beams_end_within_half_a_voxel_on_images(
    axes: tuple[float, float, float],
    turn_deg: tuple[float, float, float],
    offset: tuple[float, float, float],
    spacing: tuple[float, float, float],
) -> None:
    shape = Ellipsoid((101.0, 97.0, 104.0), axes, turn_deg)
    surface = surface_from_image(image_of(shape, spacing))
    x, y, z = (100.0 + o for o in offset)
    ends = hits(surface, (x, y, z), directions(500))
    assert off_surface(shape, ends).max() <= max(spacing) / 2


def test_air_before_an_ear_and_a_nose_does_not_count() -> None:
    head = head_with_nose_and_ear()
    skull = head.parts[0]  # type: ignore[attr-defined]
    origin = np.array([100.0, 100.0, 100.0])
    toward = np.array([[94.0, -19.0, -8.0], [0.0, 102.0, 25.0]])
    toward /= np.linalg.norm(toward, axis=1, keepdims=True)
    seen = head.intervals(origin, toward)
    assert (np.isfinite(seen[:, :, 1]).sum(axis=1) == 2).all()
    gap = seen[:, 1, 0] - seen[:, 0, 1]
    assert (gap > 5.0).all()
    distance = surface_distances(head, origin, toward)
    thickness = seen[:, 1, 1] - seen[:, 1, 0]
    assert distance == pytest.approx(length_ahead(skull.intervals(origin, toward)) + thickness)
    assert distance == pytest.approx(seen[:, 1, 1] - gap)


@pytest.fixture(scope="module")
def voxel_head() -> Solid:
    return surface_from_image(image_of(head_with_nose_and_ear(), (1.0, 1.0, 1.0), parts=2))


@pytest.mark.parametrize("gamma", [70.0, 90.0, 110.0])
def test_a_voxel_head_with_nose_and_ear_follows_the_same_rule(
    gamma: float, voxel_head: Solid
) -> None:
    head = head_with_nose_and_ear()
    beams = unit_directions(UNIT, gamma)
    twice = 0
    for isocenter in [(100.0, 100.0, 100.0), (140.0, 95.0, 110.0), (100.0, 150.0, 130.0)]:
        start = np.array(isocenter)
        analytic = surface_distances(head, start, beams)
        difference = np.abs(surface_distances(voxel_head, start, beams) - analytic)
        # A beam that grazes ear or nose may see it on one side and miss it on the other.
        assert np.quantile(difference, 0.97) <= 0.5
        assert difference.max() < 8.0
        entries = np.isfinite(head.intervals(start, beams)[:, :, 1]).sum(axis=1)
        twice += int((entries > 1).sum())
    assert twice > 0


@pytest.mark.parametrize("name", MADE)
def test_an_isocentre_5_mm_below_the_surface(name: str) -> None:
    surface, tolerance = made(name, ELLIPSOID)
    outward = directions(40, seed=3)
    on_surface = hits(ELLIPSOID, ELLIPSOID.center_mm, outward)
    q = (on_surface - np.array(ELLIPSOID.center_mm)) @ ELLIPSOID._to_sphere.T
    normal = q @ ELLIPSOID._to_sphere
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    isocenters = on_surface - 5.0 * normal
    assert surface.contains(isocenters).all()
    assert np.abs(surface_distances(surface, isocenters, normal) - 5.0).max() <= tolerance
    through = surface_distances(surface, isocenters, -normal)
    expected = surface_distances(ELLIPSOID, isocenters, -normal)
    assert np.abs(through - expected).max() <= tolerance * 1.05
    assert np.abs(distance_to_surface(surface, isocenters) - 5.0).max() <= tolerance + 0.05


def test_outside_the_head_the_axis_is_what_counts() -> None:
    ball = Ellipsoid((100.0, 100.0, 100.0), (50.0, 50.0, 50.0))
    above = np.array([100.0, 100.0, 30.0])  # 20 mm above the vertex
    toward = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
    # Through the whole ball; out of it 20 mm before the isocentre; past it.
    assert surface_distances(ball, above, toward) == pytest.approx([100.0, -20.0, -np.inf])


def test_distance_to_the_surface_is_negative_outside() -> None:
    ball = Ellipsoid((100.0, 100.0, 100.0), (50.0, 50.0, 50.0))
    places = np.array([[100.0, 100.0, 100.0], [100.0, 146.0, 100.0], [100.0, 100.0, 30.0]])
    assert distance_to_surface(ball, places) == pytest.approx([50.0, 4.0, -20.0], abs=0.1)
