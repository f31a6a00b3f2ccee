"""What rays see of solids: interval algebra against point-by-point membership."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gkplan.head import surface_distances
from gkplan.solids import (
    Capsule,
    Difference,
    Ellipsoid,
    HalfSpace,
    Intersection,
    Solid,
    Union,
)
from gkplan.solids.intervals import length_ahead

place = st.tuples(*[st.floats(60, 140)] * 3)
size = st.floats(3, 40)
primitive = st.one_of(
    st.builds(Ellipsoid, place, st.tuples(size, size, size), st.tuples(*[st.floats(0, 90)] * 3)),
    st.builds(Capsule, place, st.tuples(*[st.floats(141, 160)] * 3), size),
    st.builds(HalfSpace, place, st.tuples(*[st.floats(0.1, 1)] * 3)),
)
solid = st.recursive(
    primitive,
    lambda inner: st.one_of(
        st.builds(lambda a, b: Union((a, b)), inner, inner),
        st.builds(lambda a, b: Intersection((a, b)), inner, inner),
        st.builds(lambda a, b: Difference(a, (b,)), inner, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(solid, place, st.integers(0, 1000))
def test_intervals_hold_what_contains_says(
    shape: Solid, origin: tuple[float, float, float], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(20, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    start = np.array(origin)
    intervals = shape.intervals(start, directions)
    flat = intervals.reshape(20, -1)
    assert (flat[:, 1:] >= flat[:, :-1]).all()
    for t in rng.uniform(-150, 150, size=12):
        inside = shape.contains(start + t * directions)
        within = ((intervals[:, :, 0] <= t) & (t <= intervals[:, :, 1])).any(axis=1)
        edge = np.abs(intervals - t).min(axis=(1, 2)) < 1e-6
        assert (inside == within)[~edge].all()


def test_air_between_two_entries_does_not_count() -> None:
    """A ball of 10 mm and a shell beyond a gap: the way out is 10 mm and 5 mm of matter."""
    ball = Ellipsoid((0.0, 0.0, 0.0), (10.0, 10.0, 10.0))
    shell = Difference(
        Ellipsoid((0.0, 0.0, 0.0), (25.0, 25.0, 25.0)),
        (Ellipsoid((0.0, 0.0, 0.0), (20.0, 20.0, 20.0)),),
    )
    directions = np.eye(3)
    distance = surface_distances(Union((ball, shell)), np.zeros(3), directions)
    assert distance == pytest.approx([15.0, 15.0, 15.0])


def test_rays_with_their_own_origins() -> None:
    ball = Ellipsoid((0.0, 0.0, 0.0), (10.0, 10.0, 10.0))
    origins = np.array([[0.0, 0.0, 0.0], [5.0, 0.0, 0.0], [0.0, 20.0, 0.0]])
    toward_x = np.tile([[1.0, 0.0, 0.0]], (3, 1))
    assert length_ahead(ball.intervals(origins, toward_x)) == pytest.approx([10.0, 5.0, 0.0])
    assert surface_distances(ball, origins, toward_x)[2] == -np.inf
