"""Ellipsoid, capsule and half-space: the bricks of a phantom (Leksell mm)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.solids import intervals as along
from gkplan.solids.base import Bounds

Point = tuple[float, float, float]

# A half-space has no end; a box of this size stands for it where bounds are asked.
FAR_MM = 1000.0


def _dot(u: Array, v: Array) -> Array:
    return np.asarray(np.einsum("ij,ij->i", u, v))


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """An ellipsoid with its own axes: `turn_deg` rotates it about x, then y, then z."""

    center_mm: Point
    semi_axes_mm: Point
    turn_deg: Point = (0.0, 0.0, 0.0)
    _to_sphere: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if min(self.semi_axes_mm) <= 0:
            raise ValueError(f"semi_axes_mm must be positive, got {list(self.semi_axes_mm)}")
        scaled = np.diag(1.0 / np.array(self.semi_axes_mm)) @ _rotation(self.turn_deg).T
        object.__setattr__(self, "_to_sphere", scaled)

    @property
    def bounds(self) -> Bounds:
        columns = _rotation(self.turn_deg) * np.array(self.semi_axes_mm)
        half = np.linalg.norm(columns, axis=1)
        return np.array([self.center_mm - half, self.center_mm + half])

    @property
    def analytic_volume_cc(self) -> float:
        return 4 / 3 * np.pi * float(np.prod(self.semi_axes_mm)) / 1000

    def contains(self, points: Array) -> NDArray[np.bool_]:
        q = (points - np.array(self.center_mm)) @ self._to_sphere.T
        return np.asarray(_dot(q, q) <= 1.0)

    def intervals(self, origins: Array, directions: Array) -> Array:
        from gkplan.kernels.intervals import in_ellipsoid

        origins = np.broadcast_to(origins, directions.shape)
        center = np.array(self.center_mm, dtype=np.float64)
        return np.asarray(in_ellipsoid(origins, directions, center, self._to_sphere))


@dataclass(frozen=True, slots=True)
class Capsule:
    """All points within `radius_mm` of the segment from `start_mm` to `end_mm`."""

    start_mm: Point
    end_mm: Point
    radius_mm: float

    def __post_init__(self) -> None:
        if self.radius_mm <= 0:
            raise ValueError(f"radius_mm must be positive, got {self.radius_mm}")
        if self.start_mm == self.end_mm:
            raise ValueError("a capsule's start_mm and end_mm are the same point: use an ellipsoid")

    @property
    def _axis(self) -> tuple[Array, float]:
        along = np.subtract(self.end_mm, self.start_mm)
        length = float(np.linalg.norm(along))
        return along / length, length

    @property
    def bounds(self) -> Bounds:
        ends = np.array([self.start_mm, self.end_mm])
        return np.array([ends.min(axis=0) - self.radius_mm, ends.max(axis=0) + self.radius_mm])

    @property
    def analytic_volume_cc(self) -> float:
        _, length = self._axis
        return np.pi * self.radius_mm**2 * (length + 4 / 3 * self.radius_mm) / 1000

    def contains(self, points: Array) -> NDArray[np.bool_]:
        axis, length = self._axis
        p = points - np.array(self.start_mm)
        t = np.clip(p @ axis, 0.0, length)
        gap = p - t[:, None] * axis
        return np.asarray(_dot(gap, gap) <= self.radius_mm**2)

    def intervals(self, origins: Array, directions: Array) -> Array:
        from gkplan.kernels.intervals import in_capsule

        origins = np.broadcast_to(origins, directions.shape)
        first, last = np.array([self.start_mm, self.end_mm], dtype=np.float64)
        return np.asarray(in_capsule(origins, directions, first, last, float(self.radius_mm)))


@dataclass(frozen=True, slots=True)
class HalfSpace:
    """All points behind the plane through `point_mm` whose outward normal is `normal`."""

    point_mm: Point
    normal: Point

    def __post_init__(self) -> None:
        if not np.linalg.norm(self.normal) > 0:
            raise ValueError("normal must not be zero")

    @property
    def bounds(self) -> Bounds:
        return np.array([[-FAR_MM] * 3, [FAR_MM] * 3])

    @property
    def analytic_volume_cc(self) -> None:
        return None

    def contains(self, points: Array) -> NDArray[np.bool_]:
        return np.asarray((points - np.array(self.point_mm)) @ np.array(self.normal) <= 0.0)

    def intervals(self, origins: Array, directions: Array) -> Array:
        normal = np.array(self.normal)
        distance = (np.array(self.point_mm) - origins) @ normal
        rising = directions @ normal
        return _behind_plane(rising, np.broadcast_to(distance, rising.shape))


def _behind_plane(rising: Array, distance: Array) -> Array:
    """The interval of t in which ``t * rising <= distance``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = distance / rising
    start = np.where(rising < 0.0, t, -np.inf)
    end = np.where(rising > 0.0, t, np.inf)
    never = (rising == 0.0) & (distance < 0.0)
    return along.single(np.where(never, np.inf, start), end)


def _rotation(turn_deg: Point) -> Array:
    rx, ry, rz = np.deg2rad(turn_deg)
    about_x = [[1, 0, 0], [0, np.cos(rx), -np.sin(rx)], [0, np.sin(rx), np.cos(rx)]]
    about_y = [[np.cos(ry), 0, np.sin(ry)], [0, 1, 0], [-np.sin(ry), 0, np.cos(ry)]]
    about_z = [[np.cos(rz), -np.sin(rz), 0], [np.sin(rz), np.cos(rz), 0], [0, 0, 1]]
    return np.array(about_z) @ np.array(about_y) @ np.array(about_x)
