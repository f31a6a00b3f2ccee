"""Union, intersection and difference of solids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.solids import intervals as along
from gkplan.solids.base import Bounds, Solid


@dataclass(frozen=True, slots=True)
class Union:
    """Points inside at least one part."""

    parts: tuple[Solid, ...]

    @property
    def bounds(self) -> Bounds:
        boxes = np.array([part.bounds for part in self.parts])
        return np.array([boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)])

    @property
    def analytic_volume_cc(self) -> None:
        return None

    def contains(self, points: Array) -> NDArray[np.bool_]:
        return np.asarray(np.logical_or.reduce([part.contains(points) for part in self.parts]))

    def intervals(self, origins: Array, directions: Array) -> Array:
        return along.union([p.intervals(origins, directions) for p in self.parts])


@dataclass(frozen=True, slots=True)
class Intersection:
    """Points inside every part."""

    parts: tuple[Solid, ...]

    @property
    def bounds(self) -> Bounds:
        boxes = np.array([part.bounds for part in self.parts])
        low = boxes[:, 0].max(axis=0)
        return np.array([low, np.maximum(boxes[:, 1].min(axis=0), low)])

    @property
    def analytic_volume_cc(self) -> None:
        return None

    def contains(self, points: Array) -> NDArray[np.bool_]:
        return np.asarray(np.logical_and.reduce([part.contains(points) for part in self.parts]))

    def intervals(self, origins: Array, directions: Array) -> Array:
        return along.intersection([p.intervals(origins, directions) for p in self.parts])


@dataclass(frozen=True, slots=True)
class Difference:
    """Points inside `base` and inside none of `removed`."""

    base: Solid
    removed: tuple[Solid, ...]

    @property
    def bounds(self) -> Bounds:
        return self.base.bounds

    @property
    def analytic_volume_cc(self) -> None:
        return None

    def contains(self, points: Array) -> NDArray[np.bool_]:
        inside = self.base.contains(points)
        for part in self.removed:
            inside &= ~part.contains(points)
        return inside

    def intervals(self, origins: Array, directions: Array) -> Array:
        removed = along.union([p.intervals(origins, directions) for p in self.removed])
        base = self.base.intervals(origins, directions)
        return along.intersection([base, along.complement(removed)])
