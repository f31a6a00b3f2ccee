"""Points in a structure, finer where it is hottest, and the dose there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gkplan.dose.engine import DoseEngine
from gkplan.frames import Array
from gkplan.metrics.dvh import SampledDose
from gkplan.shot import Shot
from gkplan.solids import Solid, sample_about
from gkplan.solids.base import scattered, subdivide

SAMPLES = 40_000
_LARGE_CC = 20.0
HOTTEST = 64  # cells
_PARTS = 5
_AROUND = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), axis=-1).reshape(-1, 3)


@dataclass(frozen=True, slots=True, eq=False)
class StructurePoints:
    """Points (n, 3) Leksell mm in a solid; whether it is so large that the hottest are refined.

    They are the same for every plan, and finding them takes longer than the dose of a few shots.
    """

    solid: Solid
    points: Array
    spacing_mm: float
    is_large: bool


def structure_points(solid: Solid) -> StructurePoints:
    """The points where `sampled_dose` looks at a structure."""
    points, spacing = scattered(solid, SAMPLES, coarsest_mm=2.5)
    is_large = len(points) * spacing**3 / 1000 > _LARGE_CC
    if is_large:
        points, spacing = sample_about(solid, SAMPLES, coarsest_mm=2.5)
    return StructurePoints(solid, points, spacing, is_large)


def sampled_dose(
    solid: Solid | StructurePoints, shots: Sequence[Shot], engine: DoseEngine
) -> SampledDose:
    """Dose all over a structure; a large one is refined where it is hottest."""
    at = solid if isinstance(solid, StructurePoints) else structure_points(solid)
    volume = np.full(len(at.points), at.spacing_mm**3 / 1000)
    sample = SampledDose(at.points, engine.dose(at.points, shots), volume)
    return refined(sample, at.spacing_mm, at.solid, shots, engine) if at.is_large else sample


def coarse_dose(
    solid: Solid, count: int, shots: Sequence[Shot], engine: DoseEngine
) -> tuple[SampledDose, float]:
    """Dose at about `count` lattice points inside a structure, and their spacing in mm."""
    points, spacing = sample_about(solid, count, coarsest_mm=2.5)
    volume = np.full(len(points), spacing**3 / 1000)
    return SampledDose(points, engine.dose(points, shots), volume), spacing


def refined(
    sample: SampledDose,
    spacing_mm: float,
    solid: Solid,
    shots: Sequence[Shot],
    engine: DoseEngine,
    hottest: int = HOTTEST,
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
