"""One ellipsoid as every kind of surface, for tests of depth and dose."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from gkplan.frames import Array, Frame
from gkplan.grid import Grid, Volume
from gkplan.head import surface_from_image
from gkplan.solids import (
    Capsule,
    Ellipsoid,
    LevelSet,
    Mesh,
    Solid,
    Union,
    default_directions,
    solid_from_radii,
)
from gkplan.solids.intervals import length_ahead
from gkplan.structures import solid_from_contours

AIR, WATER = -1000.0, 0.0


def sphere_mesh(halvings: int) -> tuple[Array, NDArray[np.int64]]:
    """Vertices and faces of an octahedron whose faces were halved and blown up to a unit sphere."""
    vertices = np.concatenate([np.eye(3), -np.eye(3)])
    faces = np.array([[0, 1, 2], [1, 3, 2], [3, 4, 2], [4, 0, 2]])
    faces = np.concatenate([faces, np.where(faces == 2, 5, faces)[:, ::-1]])
    for _ in range(halvings):
        sides = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
        unique, number = np.unique(sides, axis=0, return_inverse=True)
        middle = vertices[unique].sum(axis=1)
        middle /= np.linalg.norm(middle, axis=1, keepdims=True)
        ab, bc, ca = len(vertices) + number.reshape(-1, 3).T
        a, b, c = faces.T
        vertices = np.concatenate([vertices, middle])
        corners = [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
        faces = np.concatenate([np.stack(face, axis=1) for face in corners])
    return vertices, faces


def mesh_of(shape: Ellipsoid, halvings: int = 6) -> Mesh:
    vertices, faces = sphere_mesh(halvings)
    from_sphere = np.linalg.inv(shape._to_sphere)
    return Mesh(vertices @ from_sphere.T + np.array(shape.center_mm), faces)


def rings_of(shape: Ellipsoid, spacing_mm: float) -> list[Array]:
    """Axial contours of an ellipsoid that is not turned."""
    (x, y, z), (a, b, c) = shape.center_mm, shape.semi_axes_mm
    around = np.linspace(0.0, 2 * np.pi, 240, endpoint=False)
    rings = []
    for height in np.arange(np.ceil((z - c) / spacing_mm), (z + c) / spacing_mm) * spacing_mm:
        size = np.sqrt(max(1.0 - ((height - z) / c) ** 2, 0.0))
        if size * min(a, b) > 0.5:
            points = (x + a * size * np.cos(around), y + b * size * np.sin(around))
            rings.append(np.stack([*points, np.full(240, height)], axis=1))
    return rings


def image_of(
    shape: Solid,
    spacing_mm: tuple[float, float, float],
    parts: int = 1,
    margin_mm: float = 6.0,
) -> Volume:
    """Synthetic CT of water in air: each voxel the mean of ``parts**3`` samples."""
    low, high = shape.bounds
    spacing = np.array(spacing_mm)
    # Off the round numbers by a part of a voxel that is different along each axis.
    origin = low - margin_mm + spacing * (0.13, 0.37, 0.21)
    n = np.ceil((high + margin_mm - origin) / spacing).astype(int)
    grid = Grid(tuple(n[::-1].tolist()), spacing_mm, tuple(origin.tolist()), Frame.LEKSELL)
    steps = (np.arange(parts) - (parts - 1) / 2) / parts
    points = grid.points()
    inside = shape.contains(points).reshape(grid.shape)
    part = inside.astype(float)
    if parts > 1:
        # Elsewhere all samples of a voxel say the same as its neighbours' centres.
        edge = maximum_filter(inside, size=3) & ~minimum_filter(inside, size=3)
        near = points[edge.ravel()]
        shifts = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
        part[edge] = np.mean([shape.contains(near + s * spacing) for s in shifts], axis=0)
    hu = AIR + (WATER - AIR) * part
    return Volume(np.rint(hu).astype(np.int16), grid, "hu")


def radii_of(shape: Ellipsoid, center_mm: Array) -> LevelSet:
    """The skull from 24 radii, measured on the shape itself."""
    radii = length_ahead(shape.intervals(center_mm, default_directions()))
    return solid_from_radii(radii, center_mm=center_mm)


# Every kind of surface made of an ellipsoid, and how far (mm) it may be from it.
MADE: dict[str, tuple[Callable[[Ellipsoid], Solid], float]] = {
    "analytic": (lambda shape: shape, 1e-9),
    "mesh": (mesh_of, 0.03),
    "contours 1 mm": (lambda shape: solid_from_contours(rings_of(shape, 1.0), "skull"), 0.5),
    "contours 2 mm": (lambda shape: solid_from_contours(rings_of(shape, 2.0), "skull"), 1.0),
    "contours 3 mm": (lambda shape: solid_from_contours(rings_of(shape, 3.0), "skull"), 1.5),
    "image 1 mm": (lambda shape: surface_from_image(image_of(shape, (1.0,) * 3)), 0.5),
    "image 2 mm": (lambda shape: surface_from_image(image_of(shape, (2.0,) * 3)), 1.0),
    "image 1 x 1 x 3 mm": (lambda shape: surface_from_image(image_of(shape, (1, 1, 3))), 1.5),
    "image 2 mm, partial volumes": (
        lambda shape: surface_from_image(image_of(shape, (2.0,) * 3, parts=4)),
        0.4,
    ),
    "radii": (lambda shape: radii_of(shape, np.array(shape.center_mm)), 0.02),
}


@functools.cache
def made(name: str, shape: Ellipsoid) -> tuple[Solid, float]:
    """The surface of this kind, and its tolerance."""
    make, tolerance = MADE[name]
    return make(shape), tolerance


def directions(count: int, seed: int = 0) -> Array:
    """Random unit vectors (count, 3)."""
    vectors = np.random.default_rng(seed).normal(size=(count, 3))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def off_surface(shape: Ellipsoid, points: Array) -> Array:
    """Distance (n,) of points near an ellipsoid's surface from it, mm, to first order."""
    q = (points - np.array(shape.center_mm)) @ shape._to_sphere.T
    size = np.linalg.norm(q, axis=1)
    slope = np.linalg.norm((q / size[:, None]) @ shape._to_sphere, axis=1)
    return np.asarray(np.abs(size - 1.0) / slope)


def head_with_nose_and_ear() -> Solid:
    """A head with an ear and a nose that stand off: behind each there is a gap of air."""
    skull = Ellipsoid((100.0, 100.0, 100.0), (75.0, 92.0, 80.0))
    ear = Capsule((172.0, 108.0, 100.0), (194.0, 80.0, 92.0), 5.0)
    nose = Capsule((100.0, 190.0, 95.0), (100.0, 206.0, 130.0), 7.0)
    return Union((skull, ear, nose))
