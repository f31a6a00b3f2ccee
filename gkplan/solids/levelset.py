"""A solid given by samples of its signed distance: contours and images become this."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.solids.base import Bounds

# Rays are followed this far both ways; a head is smaller.
REACH_MM = 400.0


@dataclass(frozen=True, slots=True, eq=False)
class LevelSet:
    """Points where the trilinear interpolation of `values` is not positive.

    Parameters
    ----------
    values : (nk, nj, ni) float32
        Signed distance, mm, negative inside. Its border must be positive.
    index_from_leksell : (3, 4) float
        Affine map of a Leksell point (mm) to the fractional index k, j, i.
    """

    values: NDArray[np.float32]
    index_from_leksell: Array

    @property
    def _leksell_from_index(self) -> tuple[Array, Array]:
        back = np.linalg.inv(self.index_from_leksell[:, :3]).astype(np.float64)
        return back, -back @ self.index_from_leksell[:, 3]

    @property
    def bounds(self) -> Bounds:
        inside = np.argwhere(self.values <= 0)
        low, high = inside.min(axis=0) - 1, inside.max(axis=0) + 1
        corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
        back, shift = self._leksell_from_index
        points = corners @ back.T + shift
        return np.array([points.min(axis=0), points.max(axis=0)])

    @property
    def analytic_volume_cc(self) -> None:
        return None

    def contains(self, points: Array) -> NDArray[np.bool_]:
        from scipy.ndimage import map_coordinates

        index = points @ self.index_from_leksell[:, :3].T + self.index_from_leksell[:, 3]
        value = map_coordinates(self.values, index.T, order=1, mode="constant", cval=1.0)
        return np.asarray(value <= 0.0)

    def intervals(self, origins: Array, directions: Array) -> Array:
        from gkplan.kernels.levelset import levelset_crossings

        step = 0.5 / float(np.linalg.norm(self.index_from_leksell[:, :3], axis=1).max())
        starts = np.broadcast_to(origins, directions.shape).astype(np.float64)
        t: Array = levelset_crossings(
            self.values, self.index_from_leksell, starts, directions, REACH_MM, step
        )
        return t.reshape(len(t), -1, 2)
