"""Points in and around a target: dense near its surface, where the dose has to turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.solids import Solid, sample_about

# Points within the first distance of the surface lie on the finest lattice, those within the
# second on every other point of it, the rest on every fourth.
_FINE_MM, _MEDIUM_MM = 1.2, 5.0
_FINEST_MM, _COARSEST_MM = 0.3, 1.4
# Surface of a lobed target relative to that of a ball of its volume.
_LOBED = 1.3


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """Lattice points about a target.

    Attributes
    ----------
    points : (n, 3) Leksell mm
    distance_mm : (n,) from the target's surface, negative inside
    volume_mm3 : (n,) that each point stands for
    """

    points: Array
    distance_mm: Array
    volume_mm3: Array

    def at(self, chosen: NDArray[np.bool_]) -> Surroundings:
        return Surroundings(self.points[chosen], self.distance_mm[chosen], self.volume_mm3[chosen])

    @property
    def inside(self) -> NDArray[np.bool_]:
        return np.asarray(self.distance_mm < 0.0)


def surroundings(solid: Solid, count: int, farthest_mm: float) -> Surroundings:
    """Points of `solid` and of its surroundings up to `farthest_mm` from its surface.

    About `count` of them lie within 1.2 mm of the surface.
    """
    from scipy.ndimage import distance_transform_edt

    probe, spacing = sample_about(solid, 2000, coarsest_mm=1.5)
    volume = len(probe) * spacing**3
    area = _LOBED * (36 * np.pi) ** (1 / 3) * volume ** (2 / 3)
    step = float(np.clip((2 * _FINE_MM * area / count) ** (1 / 3), _FINEST_MM, _COARSEST_MM))
    low, high = solid.bounds
    start = low - farthest_mm
    shape = np.ceil((high + farthest_mm - start) / step).astype(int) + 1
    cell = np.indices(tuple(shape)).reshape(3, -1).T
    points = start + step * cell
    inside = solid.contains(points).reshape(tuple(shape))
    outward = distance_transform_edt(~inside) - 0.5
    inward = distance_transform_edt(inside) - 0.5
    distance = step * np.where(inside, -inward, outward).ravel()
    far = np.abs(distance)
    stride = np.where(far <= _FINE_MM, 1, np.where(far <= _MEDIUM_MM, 2, 4))
    kept = (cell % stride[:, None] == 0).all(axis=1) & (distance <= farthest_mm)
    return Surroundings(points[kept], distance[kept], (step * stride[kept].astype(np.float64)) ** 3)
