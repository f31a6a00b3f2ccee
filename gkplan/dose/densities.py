"""How much the matter of a head attenuates, beside water: voxels, and beams through them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gkplan.dose.beams import Beams
from gkplan.dose.engine import Array32
from gkplan.frames import Array, RigidTransform
from gkplan.head import Head
from gkplan.montecarlo.headvoxels import head_grid, matter_on
from gkplan.montecarlo.materials import material, material_names

_SPACING_MM = 1.0
# Between places so far apart along a beam its depth is taken to be linear.
_STEP_MM = 2.0


class ExtraDepth(NamedTuple):
    """By how much water-equivalent depth exceeds the geometric one along beams.

    Parameters
    ----------
    table : (beams, places) float32 mm; of one place if depth is geometric
    first_mm, per_mm : place n is at ``first_mm - n / per_mm`` from the focus toward the source
    """

    table: Array32
    first_mm: np.float32
    per_mm: np.float32

    @classmethod
    def none(cls, beams: Beams) -> ExtraDepth:
        return cls.at_steps(np.zeros((len(beams), 1), dtype=np.float32), 0.0)

    @classmethod
    def at_steps(cls, table: Array32, first_mm: float) -> ExtraDepth:
        return cls(table, np.float32(first_mm), np.float32(1.0 / _STEP_MM))


@dataclass(frozen=True, slots=True, eq=False)
class Densities:
    """Electrons in a volume, water's being 1, on voxels; 0 outside the head.

    Parameters
    ----------
    values : (nk, nj, ni) float32
    index_from_leksell : (3, 4) affine map of a Leksell point (mm) to the fractional index k, j, i

    Notes
    -----
    At the energies of Co-60 nearly all of the attenuation is Compton scattering, which counts
    electrons: mass density times Z/A of the material that the Monte Carlo engine takes it to be.
    """

    values: Array32
    index_from_leksell: Array

    def moved(self, motion: RigidTransform) -> Densities:
        """After a rigid motion of the head; the voxels turn with it."""
        back = motion.inverse
        turn, shift = self.index_from_leksell[:, :3], self.index_from_leksell[:, 3]
        moved = np.column_stack([turn @ back.rotation, turn @ back.translation + shift])
        return replace(self, index_from_leksell=moved)

    def ahead(self, origins_mm: Array, directions: Array, first_mm: float, count: int) -> Array32:
        """Water-equivalent length (n, count) of rays beyond places `_STEP_MM` apart, mm.

        Behind the head, where a ray has left it for good, every mm counts as water.
        """
        from gkplan.kernels.paths import matter_ahead

        length = np.empty((len(origins_mm), count), dtype=np.float32)
        matter_ahead(
            self.values,
            self.index_from_leksell,
            np.ascontiguousarray(origins_mm, dtype=np.float64),
            np.ascontiguousarray(directions, dtype=np.float64),
            first_mm,
            _STEP_MM,
            length,
        )
        return length

    def extra_depth(self, beams: Beams, bounds_mm: Array) -> ExtraDepth:
        """What beams cross on the way to points within bounds (2, 3), less the length."""
        middle, half = bounds_mm.mean(axis=0), np.ptp(bounds_mm, axis=0) / 2
        along = ((middle - beams.focus_mm) * beams.directions).sum(axis=1)
        reach = np.abs(beams.directions) @ half
        hits = np.isfinite(beams.surface_mm)
        if not hits.any():
            return ExtraDepth.none(beams)
        # Nothing lies above the surface; voxels may stick out of it by less than a step.
        first = min(float((along + reach).max()), float(beams.surface_mm[hits].max())) + _STEP_MM
        count = max(int(np.ceil((first - float((along - reach).min())) / _STEP_MM)), 0) + 2
        table = self.ahead(beams.focus_mm, beams.directions, first, count)
        places = first - _STEP_MM * np.arange(count, dtype=np.float32)
        surface = np.where(hits, beams.surface_mm, 0.0).astype(np.float32)
        table -= np.maximum(surface[:, None] - places, np.float32(0.0))
        return ExtraDepth.at_steps(table, first)


# The head of a plan is asked for by every engine that is made for it.
@lru_cache(maxsize=2)
def densities_of(head: Head) -> Densities:
    """The densities of a head, from its tissues or its CT numbers, on voxels of 1 mm.

    Raises
    ------
    CaseError
        For a head without densities, a place in none of its tissues, or a negative density.
    """
    grid = head_grid(head, _SPACING_MM)
    number, density = matter_on(head, grid, "head")
    water = material("water").electrons_mol_g
    electrons = [material(name).electrons_mol_g / water for name in material_names()]
    values: NDArray[np.float32] = np.array(electrons, dtype=np.float32)[number]
    values *= density.astype(np.float32)
    scale = 1.0 / np.array(grid.spacing_mm)
    affine = np.column_stack([np.diag(scale), -scale * np.array(grid.origin_mm)])[::-1]
    return Densities(values, np.ascontiguousarray(affine))
