"""A solid after a rigid motion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array, RigidTransform
from gkplan.solids.base import Bounds, Solid


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """`solid` moved by `motion`, a rigid transform within one frame. All questions are exact.

    `bounds` is the box around the moved box: it may be larger than it has to be.
    """

    solid: Solid
    motion: RigidTransform

    @property
    def bounds(self) -> Bounds:
        corners = np.array(np.meshgrid(*self.solid.bounds.T)).reshape(3, -1).T
        moved = self.motion(corners)
        return np.array([moved.min(axis=0), moved.max(axis=0)])

    @property
    def analytic_volume_cc(self) -> float | None:
        return self.solid.analytic_volume_cc

    def contains(self, points: Array) -> NDArray[np.bool_]:
        return self.solid.contains(self.motion.inverse(points))

    def intervals(self, origins: Array, directions: Array) -> Array:
        back = self.motion.inverse
        return self.solid.intervals(back(origins), back.rotate(directions))
