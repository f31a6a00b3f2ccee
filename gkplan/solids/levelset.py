"""A solid given by samples of a field: contours, images and measured radii become this."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.solids.base import Bounds

# Crossings a ray has room for at first; a head needs 2 or 4.
_ROOM = 8


@dataclass(frozen=True, slots=True, eq=False)
class LevelSet:
    """Points where the trilinear interpolation of `values` is not positive.

    Parameters
    ----------
    values : (nk, nj, ni) float32
        Negative inside, and smooth across the surface, such as a signed distance; only the
        places where it is zero matter. Its border must be positive.
    index_from_leksell : (3, 4) float
        Affine map of a Leksell point (mm) to the fractional index k, j, i.

    Notes
    -----
    Rays are followed in steps of half a cell, and what is thinner than that may be missed. The
    crossings found are those of the trilinear field within 0.001 mm.
    """

    values: NDArray[np.float32]
    index_from_leksell: Array
    _signs: NDArray[np.int8] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_signs", _block_signs(self.values <= 0.0))

    def shifted(self, shift_mm: Array) -> LevelSet:
        """The same solid moved by (3,) mm."""
        affine = self.index_from_leksell.copy()
        affine[:, 3] -= affine[:, :3] @ shift_mm
        return LevelSet(self.values, affine)

    @property
    def _leksell_from_index(self) -> tuple[Array, Array]:
        back = np.linalg.inv(self.index_from_leksell[:, :3]).astype(np.float64)
        return back, -back @ self.index_from_leksell[:, 3]

    @property
    def bounds(self) -> Bounds:
        inside = self.values <= 0
        spans = [np.flatnonzero(inside.any(axis=other)) for other in ((1, 2), (0, 2), (0, 1))]
        low = np.array([span[0] - 1 for span in spans])
        high = np.array([span[-1] + 1 for span in spans])
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

        starts = np.broadcast_to(origins, directions.shape).astype(np.float64)
        toward = np.asarray(directions, dtype=np.float64)
        room = _ROOM
        while True:
            t = np.full((len(toward), room), np.inf)
            counts = levelset_crossings(
                self.values, self._signs, self.index_from_leksell, starts, toward, t
            )
            if counts.max(initial=0) <= room:
                return t.reshape(len(t), -1, 2)
            room = int(counts.max())


def _block_signs(inside: NDArray[np.bool_]) -> NDArray[np.int8]:
    """For each block of the kernel's cells: -1 all inside, 1 all outside, 0 some of both.

    A block shares the samples on its faces with its neighbours.
    """
    from gkplan.kernels.levelset import BLOCK

    missing = [(0, -(n - 1) % BLOCK) for n in inside.shape]
    highest = lowest = np.pad(inside, missing, mode="edge")
    for axis in range(3):
        highest = _joined(highest, axis, BLOCK, np.logical_or)
        lowest = _joined(lowest, axis, BLOCK, np.logical_and)
    return 1 - highest.astype(np.int8) - lowest.astype(np.int8)


def _joined(samples: NDArray[np.bool_], axis: int, block: int, join: np.ufunc) -> NDArray[np.bool_]:
    """Samples (m * block + 1 along `axis`) joined to m blocks, each with its closing face."""
    along = np.moveaxis(samples, axis, 0)
    body = along[:-1].reshape(-1, block, *along.shape[1:])
    return np.moveaxis(join(join.reduce(body, axis=1), along[block::block]), 0, axis)
