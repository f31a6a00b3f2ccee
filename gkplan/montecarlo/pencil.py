"""The dose about one photon's path, from which beams are calibrated and shaped."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from gkplan.frames import Array, Frame
from gkplan.grid import Grid
from gkplan.montecarlo.effort import TrackBank, effort_of, scratch
from gkplan.montecarlo.geometry import score_in_rings, voxels_of
from gkplan.montecarlo.ideal import ideal_beam
from gkplan.montecarlo.tables import USUAL, line_attenuation, physics_of

GY_PER_MEV_G = 1.602176634e-10
RADIUS_MM, DEPTH_MM = 80.0, 80.0
# Edges of the rings of the shipped file: fine at the axis, where the dose is steepest.
_EDGES_MM = np.unique(np.round(np.concatenate([np.arange(0, 8, 0.1), np.geomspace(8, 80, 60)]), 1))
_PATH = Path(__file__).parent / "data" / "pencil.csv"


@dataclass(frozen=True, slots=True, eq=False)
class Pencil:
    """Dose at the centre of the 160 mm water sphere beside the path of one photon through it.

    Parameters
    ----------
    edge_mm : (n + 1,) distances from the path
    dose_gy : (n,) in the rings between
    """

    edge_mm: Array
    dose_gy: Array

    def at(self, distance_mm: Array) -> Array:
        """Dose (Gy) at distances of any shape; a straight line between the rings' middles."""
        middle = (self.edge_mm[1:] + self.edge_mm[:-1]) / 2
        return np.asarray(np.exp(np.interp(distance_mm, middle, np.log(self.dose_gy))))


@cache
def shipped_pencil(scattered: float = 0.0) -> Pencil:
    """The dose that `benchmarks/pencil.py` computed; uncertain by 0.1 % at the axis, 1 % a ring.

    `scattered` is the fraction of photons that have lost energy, see `cobalt_lines`.
    """
    table = np.loadtxt(_PATH, delimiter=",", comments="#")
    dose = (1.0 - scattered) * table[:, 2] + scattered * table[:, 4]
    return Pencil(np.append(table[:, 0], table[-1, 1]), dose)


def computed_pencil(
    batches: int, rays: int, seed: int, scattered: float = 0.0
) -> tuple[Pencil, Array]:
    """The same, computed, and the standard error (n,) of each ring (Gy)."""
    from gkplan.kernels.replay import replay

    names = ("water",)
    physics = physics_of(names, USUAL)
    n = int(RADIUS_MM) + 4
    grid = Grid((n, n, n), (2.0,) * 3, (1.0 - n, 1.0 - n, 1.0 - n), Frame.LEKSELL)
    x, y, z = grid.axes()
    inside = (z[:, None, None] ** 2 + y[:, None] ** 2 + x**2) <= RADIUS_MM**2
    vox = voxels_of(physics, grid, np.zeros(grid.shape, dtype=np.uint8), inside * 1.0)
    # Only what happens near the centre adds electrons there.
    chance = np.full(grid.shape, 0.1, dtype=np.float32)
    chance[np.abs(z) < 12.0] = 1.0
    effort = effort_of(vox, 0.1, 16, 4, 0.25, chance)
    beam = ideal_beam(1e-6, 0.0, scattered=scattered)
    attenuation = line_attenuation(names, beam.energy)
    bank = TrackBank(beam.energy)
    count = np.diff(np.round(_EDGES_MM / 0.1)).astype(int)
    area = np.pi * np.diff(_EDGES_MM**2)
    doses = []
    for batch in range(batches):
        # 8 mm of depth: the curvature of the depth dose changes the mean by 0.01 %.
        score = score_in_rings(0.1, int(count.sum()), DEPTH_MM - 84.0, 8.0, 1, np.ones(1))
        work = (physics, vox, score, beam, *bank.made(2 * (seed + batch)), effort, attenuation)
        replay(*work, *scratch(), seed, batch * rays, rays)
        rings = np.add.reduceat(score.dose[0, 0], np.cumsum([0, *count[:-1]]))
        doses.append(rings / rays / (area * 8.0 / 1000.0) * GY_PER_MEV_G)
    mean = np.mean(doses, axis=0)
    error = np.std(doses, axis=0, ddof=1) / np.sqrt(batches)
    return Pencil(_EDGES_MM, mean), error
