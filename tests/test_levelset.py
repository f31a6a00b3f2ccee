"""Rays through sampled fields: the fast march against a slow, obvious one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from gkplan.frames import Array
from gkplan.head import surface_from_image
from gkplan.solids import Ellipsoid, LevelSet
from gkplan.solids.intervals import length_ahead
from gkplan.structures import solid_from_contours
from tests.surfaces import directions, head_with_nose_and_ear, image_of, rings_of


def marched(shape: LevelSet, origin: Array, toward: Array, reach: float) -> list[Array]:
    """The crossings of each ray by steps of a tenth of a cell, then of a thousandth."""

    def changes(t: Array, direction: Array) -> NDArray[np.int64]:
        points = origin + t[:, None] * direction
        index = points @ shape.index_from_leksell[:, :3].T + shape.index_from_leksell[:, 3]
        value = map_coordinates(shape.values, index.T, order=1, mode="constant", cval=1.0)
        return np.flatnonzero((value[1:] <= 0.0) != (value[:-1] <= 0.0))

    step = 0.1 / np.linalg.norm(shape.index_from_leksell[:, :3], axis=1).max()
    t = np.arange(-reach, reach, step)
    crossings = []
    for direction in toward:
        finer = [np.linspace(t[n], t[n + 1], 101) for n in changes(t, direction)]
        crossings.append(np.array([f[changes(f, direction)[0]] for f in finer]))
    return crossings


def unmatched(a: Array, b: Array) -> Array:
    """What is in one of the ascending lists only, to 0.01."""
    far_a = np.abs(a[:, None] - b[None]).min(axis=1, initial=np.inf) > 0.01
    far_b = np.abs(b[:, None] - a[None]).min(axis=1, initial=np.inf) > 0.01
    return np.sort(np.concatenate([a[far_a], b[far_b]]))


def agree(shape: LevelSet, origin: Array, toward: Array, reach: float = 200.0) -> None:
    """The same crossings but for pairs within half a cell, which a grazing ray may have."""
    half_cells = 0.5 / np.abs(toward @ shape.index_from_leksell[:, :3].T).max(axis=1)
    fast, slow_rays = shape.intervals(origin, toward), marched(shape, origin, toward, reach)
    grazing = 0
    for ray, slow, half_cell in zip(fast, slow_rays, half_cells, strict=True):
        rest = unmatched(ray[np.isfinite(ray)], slow)
        if len(rest):
            # One alone has its partner within 0.01: a chord shorter than that.
            assert len(rest) == 1 or (rest[1::2] - rest[: len(rest) // 2 * 2 : 2] < half_cell).all()
            grazing += 1
    assert grazing <= len(toward) // 4


def test_a_head_from_contours_with_flat_caps() -> None:
    """Its values are no distance: at the caps they jump from -40 to 40 mm within a slice."""
    shape = Ellipsoid((100.0, 100.0, 100.0), (70.0, 85.0, 40.0))
    head = solid_from_contours(rings_of(shape, 3.0), "skull")
    for origin in ([100.0, 100.0, 100.0], [130.0, 90.0, 110.0], [100.0, 100.0, 20.0]):
        agree(head, np.array(origin), directions(60))


def test_a_voxel_head_with_nose_and_ear() -> None:
    head = surface_from_image(image_of(head_with_nose_and_ear(), (2.0, 2.0, 3.0)))
    for origin in ([100.0, 100.0, 100.0], [178.0, 95.0, 95.0], [300.0, 95.0, 95.0]):
        agree(head, np.array(origin), directions(60, seed=1), reach=320.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.tuples(*[st.integers(5, 40)] * 3))
def test_random_blobs(seed: int, shape: tuple[int, int, int]) -> None:
    """Many crossings, samples on block borders, blocks that are not full."""
    rng = np.random.default_rng(seed)
    values = gaussian_filter(rng.normal(size=shape), 2.0, mode="constant")
    values = np.pad(values, 1, constant_values=0.05).astype(np.float32)
    turned = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    blob = LevelSet(values, np.column_stack([turned * 0.7, np.array(shape) / 2]))
    agree(blob, rng.normal(scale=10.0, size=3), directions(15, seed))


def test_rays_along_the_axes_and_through_samples() -> None:
    head = surface_from_image(image_of(Ellipsoid((0.0, 0.0, 0.0), (30.0,) * 3), (1.0,) * 3))
    toward = np.concatenate([np.eye(3), -np.eye(3)])
    back = np.linalg.inv(head.index_from_leksell[:, :3])
    for index in ([32, 32, 32], [24, 32, 40], [33, 24, 24]):
        origin = back @ (np.array(index) - head.index_from_leksell[:, 3])
        agree(head, origin, toward)


def test_a_solid_that_reaches_the_border_ends_there() -> None:
    values = -np.ones((9, 9, 17), dtype=np.float32)
    box = LevelSet(values, np.column_stack([np.eye(3)[::-1], np.zeros(3)]))
    length = length_ahead(box.intervals(np.array([4.0, 4.0, 4.0]), np.eye(3)))
    assert length == pytest.approx([12.0, 4.0, 4.0], abs=1e-3)


def test_inside_is_what_contains_says() -> None:
    head = surface_from_image(image_of(head_with_nose_and_ear(), (2.0, 2.0, 3.0)))
    points = np.random.default_rng(0).uniform(0.0, 210.0, size=(2000, 3))
    seen = head.intervals(points, directions(2000))
    within = ((seen[:, :, 0] <= 0.0) & (seen[:, :, 1] >= 0.0)).any(axis=1)
    near = np.abs(seen).min(axis=(1, 2)) < 0.01
    assert (within == head.contains(points))[~near].all()
