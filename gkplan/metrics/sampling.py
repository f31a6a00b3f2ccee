"""Points in a structure, finer where it is hottest, and the dose there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.dose.engine import DoseEngine
from gkplan.frames import Array
from gkplan.metrics.dvh import SampledDose
from gkplan.shot import Shot
from gkplan.solids.base import Scattered, scattered, scattered_in, subdivide
from gkplan.structures import Structure

SAMPLES, COARSEST_MM = 40_000, 2.5
# So many cells of an organ are split, and of their parts.
_HOTTEST, _HOTTEST_PARTS = 64, 4
_PARTS = 5
_AROUND = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), axis=-1).reshape(-1, 3)


@dataclass(frozen=True, slots=True, eq=False)
class StructurePoints:
    """A structure and points in it.

    They are the same for every plan, and finding them may take longer than the dose of few shots.
    """

    structure: Structure
    sample: Scattered


def structure_points(structure: Structure, count: int = SAMPLES) -> StructurePoints:
    """About `count` points of a structure, for `sampled_dose`."""
    return StructurePoints(structure, scattered(structure.solid, count, COARSEST_MM))


def sampled_dose(
    structure: Structure | StructurePoints,
    shots: Sequence[Shot],
    engine: DoseEngine,
    hottest: int = _HOTTEST,
) -> SampledDose:
    """Dose all over a structure; `hottest` cells of an organ are looked at more closely.

    What an organ gets at most lies on its surface, which points inside do not reach.
    """
    at = structure if isinstance(structure, StructurePoints) else structure_points(structure)
    volume = np.full(len(at.sample.points), at.sample.spacing_mm**3 / 1000)
    dose = engine.dose(at.sample.points, shots)
    if at.structure.role == "target":
        return SampledDose(at.sample.points, dose, volume)
    return refined(at, dose, shots, engine, hottest)


def refined(
    at: StructurePoints,
    dose_gy: Array,
    shots: Sequence[Shot],
    engine: DoseEngine,
    hottest: int,
) -> SampledDose:
    """A sample with its hottest cells, and all that touch them, split into 125 each.

    Cells whose point lies outside the structure are split too: what is hottest is often its
    surface, and a part of it would be lost. The few hottest of the parts are split once more.
    """
    points, dose, volume = [], [], []
    cells, here = at.sample, dose_gy
    for count in (hottest, _HOTTEST_PARTS):
        # A structure thinner than the parts has none; what no beam reaches is hot nowhere.
        if not (here > 0.0).any():
            break
        kept, fine = _split(cells, here, count, at.structure)
        points.append(cells.points[kept])
        dose.append(here[kept])
        volume.append(np.full(len(points[-1]), cells.spacing_mm**3 / 1000))
        cells, here = fine, engine.dose(fine.points, shots)
    return SampledDose(
        np.concatenate([*points, cells.points]),
        np.concatenate([*dose, here]),
        np.concatenate([*volume, np.full(len(here), cells.spacing_mm**3 / 1000)]),
    )


def _split(
    cells: Scattered, dose_gy: Array, count: int, structure: Structure
) -> tuple[NDArray[np.bool_], Scattered]:
    """Which points stay, and those of the `count` hottest cells and their neighbours, split."""
    # By number, not by dose: many may have the same.
    hot = cells.cell[np.argsort(dose_gy, kind="stable")[-count:]]
    split = np.unique((hot[:, None] + _AROUND).reshape(-1, 3), axis=0)
    edge = cells.spacing_mm / _PARTS
    first = cells.first_mm - (cells.spacing_mm - edge) / 2
    centers = subdivide(cells.first_mm + cells.spacing_mm * split, cells.spacing_mm, _PARTS)
    low, high = split.min(axis=0), split.max(axis=0)
    chosen = np.zeros(tuple(high - low + 1), dtype=np.bool_)
    chosen[tuple((split - low).T)] = True
    near = ((cells.cell >= low) & (cells.cell <= high)).all(axis=1)
    kept = ~near
    kept[near] = ~chosen[tuple((cells.cell[near] - low).T)]
    return kept, scattered_in(structure.solid, centers, edge, first)
