"""A head is an outer surface and what lies inside it (Leksell mm)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array, RigidTransform
from gkplan.grid import Grid, Volume
from gkplan.solids import Bounds, Moved, Solid
from gkplan.solids.intervals import parts

AIR_HU = -1000.0


@dataclass(frozen=True, slots=True)
class Tissue:
    """A region with one density (g/cm3) and one CT number (HU)."""

    name: str
    solid: Solid
    density_g_cm3: float
    hu: float


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """Outer surface, and the tissues or the image inside it.

    Parameters
    ----------
    name : how the user asks for it
    surface : everything inside it counts as head (and, for `tmr`, as water)
    tissues : a later tissue replaces an earlier one where both are
    image : CT numbers on a grid in the Leksell frame, used instead of tissues if given
    """

    name: str
    surface: Solid
    tissues: tuple[Tissue, ...] = ()
    image: Volume | None = None

    @property
    def bounds(self) -> Bounds:
        return self.surface.bounds

    def moved(self, motion: RigidTransform) -> Head:
        """The head after a rigid motion, without its image, which would have to be resampled."""
        tissues = tuple(replace(t, solid=Moved(t.solid, motion)) for t in self.tissues)
        return Head(self.name, Moved(self.surface, motion), tissues)

    def contains(self, points: Array) -> NDArray[np.bool_]:
        return self.surface.contains(points)

    def on_grid(self, grid: Grid) -> NDArray[np.bool_]:
        """Which voxel centres of a grid are inside, (nk, nj, ni); a ray along each row of x."""
        from gkplan.kernels.rows import fill_rows

        x, y, z = grid.axes()
        zz, yy = np.meshgrid(z, y, indexing="ij")
        start = np.stack([np.full(zz.size, x[0]), yy.ravel(), zz.ravel()], axis=1)
        direction = np.tile([1.0, 0.0, 0.0], (len(start), 1))
        inside = np.empty((len(start), len(x)), dtype=np.bool_)
        for part in parts(len(start)):
            ends = self.surface.intervals(start[part], direction[part])
            fill_rows(x - x[0], ends, inside[part])
        return inside.reshape(grid.shape)

    def hu(self, points: Array) -> Array:
        """CT numbers at Leksell points (n, 3), of an MR image its signal; air outside."""
        if self.image is not None:
            return self.image.at(points, outside=AIR_HU)
        return self._paint(points, AIR_HU, [t.hu for t in self.tissues])

    def _paint(self, points: Array, outside: float, values: list[float]) -> Array:
        painted = np.full(len(points), outside)
        for tissue, value in zip(self.tissues, values, strict=True):
            low, high = tissue.solid.bounds
            near = np.flatnonzero(((points >= low) & (points <= high)).all(axis=1))
            painted[near[tissue.solid.contains(points[near])]] = value
        return painted
