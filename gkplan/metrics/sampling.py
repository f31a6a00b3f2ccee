"""Points in a structure, finer where it is hottest, and the dose there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gkplan.dose.engine import DoseEngine
from gkplan.frames import Array
from gkplan.metrics.dvh import SampledDose
from gkplan.shot import Shot
from gkplan.solids import Solid, sample_about, scattered
from gkplan.solids.base import subdivide
from gkplan.structures import Structure

SAMPLES, COARSEST_MM = 40_000, 2.5
# A structure sampled more coarsely is refined where it is hottest.
FINE_ENOUGH_MM = 0.2
_HOTTEST = 64  # cells
_PARTS = 5
_AROUND = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), axis=-1).reshape(-1, 3)


@dataclass(frozen=True, slots=True, eq=False)
class StructurePoints:
    """Points (n, 3) Leksell mm in a structure, and their spacing.

    They are the same for every plan, and finding them may take longer than the dose of few shots.
    """

    structure: Structure
    points: Array
    spacing_mm: float


def structure_points(structure: Structure) -> StructurePoints:
    """The points where `sampled_dose` looks: in a target one at random in each lattice cell."""
    sample = scattered if structure.role == "target" else sample_about
    return StructurePoints(structure, *sample(structure.solid, SAMPLES, COARSEST_MM))


def sampled_dose(
    structure: Structure | StructurePoints, shots: Sequence[Shot], engine: DoseEngine
) -> SampledDose:
    """Dose all over a structure: of a target for its coverage, of an organ for its hottest part."""
    at = structure if isinstance(structure, StructurePoints) else structure_points(structure)
    volume = np.full(len(at.points), at.spacing_mm**3 / 1000)
    sample = SampledDose(at.points, engine.dose(at.points, shots), volume)
    if at.structure.role == "target" or at.spacing_mm <= FINE_ENOUGH_MM:
        return sample
    return refined(sample, at.spacing_mm, at.structure.solid, shots, engine)


def coarse_dose(
    solid: Solid, count: int, shots: Sequence[Shot], engine: DoseEngine
) -> tuple[SampledDose, float]:
    """Dose at about `count` lattice points inside a structure, and their spacing in mm."""
    points, spacing = sample_about(solid, count, COARSEST_MM)
    volume = np.full(len(points), spacing**3 / 1000)
    return SampledDose(points, engine.dose(points, shots), volume), spacing


def refined(
    sample: SampledDose,
    spacing_mm: float,
    solid: Solid,
    shots: Sequence[Shot],
    engine: DoseEngine,
    hottest: int = _HOTTEST,
) -> SampledDose:
    """A lattice sample with its hottest cells, and all that touch them, split into 125 each.

    Cells whose centre lies outside the structure are split too: what is hottest is often its
    surface, and a part of it would be lost.
    """
    count = min(hottest, len(sample.dose_gy))
    cell = np.rint((sample.points - sample.points[0]) / spacing_mm).astype(np.int64)
    hot = cell[sample.dose_gy >= np.partition(sample.dose_gy, -count)[-count]]
    split = np.unique((hot[:, None] + _AROUND).reshape(-1, 3), axis=0)
    fine = subdivide(sample.points[0] + spacing_mm * split, spacing_mm, _PARTS)
    fine = fine[solid.contains(fine)]
    low, high = split.min(axis=0), split.max(axis=0)
    shape = tuple(high - low + 1)
    chosen = np.zeros(shape, dtype=np.bool_)
    chosen[tuple((split - low).T)] = True
    near = ((cell >= low) & (cell <= high)).all(axis=1)
    kept = ~near
    kept[near] = ~chosen[tuple((cell[near] - low).T)]
    small = np.full(len(fine), (spacing_mm / _PARTS) ** 3 / 1000)
    return SampledDose(
        np.concatenate([sample.points[kept], fine]),
        np.concatenate([sample.dose_gy[kept], engine.dose(fine, shots)]),
        np.concatenate([sample.volume_cc[kept], small]),
    )
