"""The BED of a plan: its structures, and how far it varies along the prescription isodose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.case import Case
from gkplan.dose.engine import DoseEngine
from gkplan.frames import Array, Frame
from gkplan.grid import Grid
from gkplan.metrics.bed import Schedule, bed_at
from gkplan.metrics.dvh import SampledDose, structure_dose
from gkplan.metrics.model import StructureDose
from gkplan.metrics.repair import TissueRepair
from gkplan.metrics.sampling import sampled_dose
from gkplan.shot import Shot
from gkplan.solids import Solid, sample_about

_MARGIN_MM = 10.0
_CELLS = 60_000
_COARSEST_MM = 1.0


@dataclass(frozen=True, slots=True)
class StructureBed:
    """The same statistics of the physical dose of one structure and of its BED, Gy both."""

    dose: StructureDose
    bed: StructureDose


@dataclass(frozen=True, slots=True)
class IsodoseBed:
    """BED (Gy) along the isodose surface of the prescription dose around one target."""

    dose_gy: float
    min_gy: float
    mean_gy: float
    max_gy: float

    @property
    def spread(self) -> float:
        """``(max - min) / mean``."""
        return (self.max_gy - self.min_gy) / self.mean_gy


@dataclass(frozen=True, slots=True, eq=False)
class PlanBed:
    """What the shots of a plan do to a tissue when they are given to a schedule.

    `isodoses` has no entry for a target whose dose is prescribed to the maximum, or where the
    prescription dose is not reached. `session_min` is the length of each session, gaps included.
    """

    tissue: TissueRepair
    schedule: Schedule
    session_min: tuple[float, ...]
    structures: Mapping[str, StructureBed]
    isodoses: Mapping[str, IsodoseBed]


def evaluate_bed(
    case: Case,
    shots: Sequence[Shot],
    engine: DoseEngine,
    tissue: TissueRepair,
    schedule: Schedule | None = None,
) -> PlanBed:
    """BED of all structures of `case`, as if each of them were of `tissue`.

    Sampled at the points of `gkplan.metrics.evaluate`; see `bed_at`.
    """
    schedule = schedule or Schedule()
    structures = {}
    for structure in case.structures:
        sample = sampled_dose(structure, shots, engine)
        dose, bed = bed_at(sample.points, shots, engine, tissue, schedule)
        structures[structure.name] = StructureBed(
            *(structure_dose(SampledDose(sample.points, d, sample.volume_cc)) for d in (dose, bed))
        )
    isodoses = {}
    for target in case.targets:
        prescription = case.prescription(target.name)
        if prescription.is_maximum:
            continue
        others = [t.solid for t in case.targets if t is not target]
        points = isodose_points(target.solid, others, prescription.dose_gy, shots, engine)
        if len(points):
            _, bed = bed_at(points, shots, engine, tissue, schedule)
            isodoses[target.name] = IsodoseBed(
                prescription.dose_gy, float(bed.min()), float(bed.mean()), float(bed.max())
            )
    minutes = tuple(schedule.session_min(shots, n) for n in range(len(schedule.fractions)))
    return PlanBed(tissue, schedule, minutes, structures, isodoses)


def isodose_points(
    target: Solid,
    others: Sequence[Solid],
    dose_gy: float,
    shots: Sequence[Shot],
    engine: DoseEngine,
) -> Array:
    """Points (n, 3) where lattice lines around `target` cross the isodose surface of `dose_gy`.

    Searched within 10 mm of the target's box, less what is nearer to one of `others`. On each
    crossed edge of the lattice (1 mm or less) a parabola through the dose at its ends and its
    middle gives the place: within 0.2 % of the dose where the dose is smooth.
    """
    low, high = target.bounds
    size = float(np.prod(high - low + 2.0 * _MARGIN_MM))
    spacing = min(_COARSEST_MM, (size / _CELLS) ** (1 / 3))
    grid = Grid.around(target.bounds, spacing, Frame.LEKSELL, _MARGIN_MM)
    where = grid.points().reshape(*grid.shape, 3)
    excess = engine.dose(grid.points(), shots).reshape(grid.shape) - dose_gy
    starts, ends, before, after = [], [], [], []
    for axis in range(3):
        first = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        second = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        crossed = (excess[first] >= 0.0) != (excess[second] >= 0.0)
        starts.append(where[first][crossed])
        ends.append(where[second][crossed])
        before.append(excess[first][crossed])
        after.append(excess[second][crossed])
    start, end = np.concatenate(starts), np.concatenate(ends)
    if not len(start):
        return start
    middle = engine.dose((start + end) / 2, shots) - dose_gy
    t = _root(np.concatenate(before), middle, np.concatenate(after))
    points = start + t[:, None] * (end - start)
    return np.asarray(points[_nearer(points, target, others)], dtype=np.float64)


def _root(f0: Array, f1: Array, f2: Array) -> Array:
    """Where in (0, 1) the parabola through f0, f1, f2 at 0, 1/2, 1 is 0; f0 and f2 differ in sign.

    Notes
    -----
    ``f = f0 + b t + a t^2``; the form of the root that loses no digits where a is small.
    """
    a, b = 2.0 * (f0 - 2.0 * f1 + f2), -3.0 * f0 + 4.0 * f1 - f2
    root = np.sqrt(np.maximum(b * b - 4.0 * a * f0, 0.0))
    # Of the two roots the one in the interval: the curve rises there if f2 is positive.
    q = np.where(f2 > f0, b + root, b - root)
    return np.clip(-2.0 * f0 / np.where(q == 0.0, 1.0, q), 0.0, 1.0)


def _nearer(points: Array, target: Solid, others: Sequence[Solid]) -> NDArray[np.bool_]:
    """Which points are nearer to `target` than to any of `others`."""
    from scipy.spatial import cKDTree

    def distance(solid: Solid) -> Array:
        return np.asarray(cKDTree(sample_about(solid, 5000, coarsest_mm=1.0)[0]).query(points)[0])

    if not others:
        return np.ones(len(points), dtype=np.bool_)
    return np.asarray(distance(target) <= np.min([distance(o) for o in others], axis=0))
