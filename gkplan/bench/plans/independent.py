"""Coverage and Paddick index again, on random points that no lattice of the judging shares.

`evaluate` counts lattice points; what a lattice and a planner share by chance would flatter a
plan. Here every point is random within its own cell, and a contoured target is told a second way,
as planning systems do it: without the surface that `solid_from_contours` makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gkplan.bench.plans.slabs import target_slabs
from gkplan.case import Case
from gkplan.dose.engine import DoseEngine
from gkplan.frames import Array
from gkplan.shot import Shot
from gkplan.solids import Solid
from gkplan.solids.base import lattice, subdivide

POINTS = 100_000
_SEED = 20_240
# A cell of this edge whose middle has less than a quarter of the dose has the dose nowhere: beside
# the steepest shot the dose falls so far only over a longer way than from corner to middle.
EDGE_MM, _FRACTION = 1.0, 0.25
_MARGIN_MM = 15.0


@dataclass(frozen=True, slots=True)
class Sampled:
    """Coverage and Paddick index (definitions: `PlanIndices`) on random points."""

    coverage: float
    paddick_index: float


def independent_check(
    case: Case, shots: Sequence[Shot], engine: DoseEngine, count: int = POINTS
) -> tuple[Sampled, Sampled | None]:
    """Coverage and Paddick index of all targets on random points: of the solids, of the slabs.

    At least `count` points lie in each target and in the region around that may have the
    prescription dose. The second is None for a case that is not made of contours.

    Raises
    ------
    ValueError
        For a case with a dose prescribed to the maximum, where coverage means nothing.
    """
    if not case.prescriptions or any(p.is_maximum for p in case.prescriptions):
        raise ValueError(f"{case.path}: coverage means nothing without a dose to a volume")
    rng = np.random.default_rng(_SEED)
    slabs = target_slabs(case)
    # Volume and volume with the prescription dose: rows of the solids and of the slabs, mm3.
    volumes = np.zeros((2, 2))
    samples: dict[str, Array] = {}
    for target in case.targets:
        points, cell_mm3 = _about(target.solid, count, rng)
        members = [target.solid.contains(points)]
        if target.name in slabs:
            members.append(slabs[target.name].contains(points))
        used = np.logical_or.reduce(members)
        high = np.zeros(len(points), dtype=np.bool_)
        high[used] = engine.dose(points[used], shots) >= case.prescription(target.name).dose_gy
        for n, member in enumerate(members):
            volumes[n] += cell_mm3 * np.array([member.sum(), (member & high).sum()])
        samples[target.name] = points[members[0]][::20]
    piv = _prescription_volume_mm3(case, samples, shots, engine, 2 * count, rng)
    solids, stacks = (_sampled(float(all_of), float(high), piv) for all_of, high in volumes)
    return solids, (stacks if slabs else None)


def _sampled(volume: float, covered: float, piv: float) -> Sampled:
    coverage = covered / volume if volume > 0 else 0.0
    selectivity = min(covered / piv, 1.0) if piv > 0 else 0.0
    return Sampled(coverage, coverage * selectivity)


def _about(solid: Solid, count: int, rng: np.random.Generator) -> tuple[Array, float]:
    """A random point in every cell of a box around a solid, and the volume (mm3) of a cell.

    The cells are so small that at least `count` of the points lie inside.
    """
    low, high = solid.bounds
    # The slabs may reach a little beyond the solid.
    box = np.array([low - 1.0, high + 1.0])
    edge = float((np.prod(box[1] - box[0]) / count) ** (1 / 3))
    while True:
        points = lattice(box, edge)
        points = points + edge * rng.uniform(-0.5, 0.5, points.shape)
        inside = int(solid.contains(points).sum())
        if inside >= count:
            return points, edge**3
        edge *= 0.97 * (max(inside, 1) / count) ** (1 / 3)


def _prescription_volume_mm3(
    case: Case,
    samples: dict[str, Array],
    shots: Sequence[Shot],
    engine: DoseEngine,
    count: int,
    rng: np.random.Generator,
) -> float:
    """Volume with the prescription dose of the nearest target, anywhere in the head."""
    from scipy.spatial import cKDTree

    doses = np.array([case.prescription(name).dose_gy for name in samples])
    trees = [cKDTree(points) for points in samples.values()]
    places = np.concatenate([*samples.values(), [s.isocenter_mm for s in shots]])
    margin = _MARGIN_MM
    while True:
        box = np.array([places.min(axis=0) - margin, places.max(axis=0) + margin])
        cells = lattice(box, EDGE_MM)
        cells = cells[engine.dose(cells, shots) >= _FRACTION * doses.min()]
        # Whole, if nothing of it touches the border of the box.
        if ((cells > box[0] + 2 * EDGE_MM) & (cells < box[1] - 2 * EDGE_MM)).all():
            break
        margin *= 1.5
    parts = max(int(np.ceil((count / max(len(cells), 1)) ** (1 / 3))), 1)
    points = subdivide(cells, EDGE_MM, parts)
    points = points + EDGE_MM / parts * rng.uniform(-0.5, 0.5, points.shape)
    level = doses[np.array([tree.query(points)[0] for tree in trees]).argmin(axis=0)]
    return float((engine.dose(points, shots) >= level).sum() * (EDGE_MM / parts) ** 3)
