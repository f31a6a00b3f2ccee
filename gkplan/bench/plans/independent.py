"""Coverage and Paddick index again, on random points that no lattice of the judging shares.

`evaluate` counts lattice points; what a lattice and a planner share by chance would flatter a
plan. Here every point is random within its own cell, and a contoured target is told a second way,
as planning systems do it: without the surface that `solid_from_contours` makes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gkplan.case import Case
from gkplan.dose.engine import DoseEngine
from gkplan.frames import Array
from gkplan.shot import Shot
from gkplan.solids import Solid
from gkplan.solids.base import lattice, subdivide

POINTS = 100_000
_SEED = 20_240
# A cell of this edge whose middle has less than a quarter of the dose has the dose nowhere: that
# would take a gradient steeper than that of the smallest shot.
_EDGE_MM, _FRACTION = 1.0, 0.25
_MARGIN_MM = 15.0


@dataclass(frozen=True, slots=True)
class Sampled:
    """Coverage and Paddick index (definitions: `PlanIndices`) on random points."""

    coverage: float
    paddick_index: float


@dataclass(frozen=True, slots=True, eq=False)
class SlabStack:
    """Contours continued by half a spacing to both sides: a stack of slabs.

    A point belongs to it if an odd number of the contours of the nearest slice encloses it. No
    interpolation between slices, and no bridge over a missing one.

    Parameters
    ----------
    axes : (3, 3) rows u, v in the slices and w normal to them, Leksell
    spacing_mm : between slices
    heights : (m,) along w
    rings : for each slice its closed contours, (n, 2) along u and v, mm
    """

    axes: Array
    spacing_mm: float
    heights: Array
    rings: tuple[tuple[Array, ...], ...]

    @classmethod
    def of(cls, rings: Sequence[Array], spacing_mm: float | None) -> SlabStack:
        """From planar rings (n, 3), Leksell mm, in parallel planes."""
        area = [np.cross(ring, np.roll(ring, -1, axis=0)).sum(axis=0) / 2 for ring in rings]
        normal = max(area, key=lambda a: float(np.linalg.norm(a)))
        normal = normal / np.linalg.norm(normal)
        u = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
        u /= np.linalg.norm(u)
        axes = np.array([u, np.cross(normal, u), normal])
        height = np.array([float((ring @ normal).mean()) for ring in rings])
        steps = np.diff(np.sort(height))
        steps = steps[steps > 0.1]
        spacing = spacing_mm or (float(np.median(steps)) if len(steps) else 1.0)
        number = np.rint((height - height.min()) / spacing).astype(int)
        slices = np.unique(number)
        return cls(
            axes,
            spacing,
            np.array([height[number == n].mean() for n in slices]),
            tuple(
                tuple((r @ axes.T)[:, :2] for r, k in zip(rings, number, strict=True) if k == n)
                for n in slices
            ),
        )

    def contains(self, points: Array) -> NDArray[np.bool_]:
        """Which of the Leksell points (n, 3) belong to the stack."""
        local = points @ self.axes.T
        away = np.abs(local[:, 2, None] - self.heights)
        nearest = away.argmin(axis=1)
        close = away.min(axis=1) <= self.spacing_mm / 2
        inside = np.zeros(len(points), dtype=np.bool_)
        for n, rings in enumerate(self.rings):
            mine = np.flatnonzero(close & (nearest == n))
            for ring in rings:
                inside[mine] ^= _encloses(ring, local[mine, :2])
        return inside


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
    slabs = _slabs(case)
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
        cells = lattice(box, _EDGE_MM)
        cells = cells[engine.dose(cells, shots) >= _FRACTION * doses.min()]
        # Whole, if nothing of it touches the border of the box.
        if ((cells > box[0] + 2 * _EDGE_MM) & (cells < box[1] - 2 * _EDGE_MM)).all():
            break
        margin *= 1.5
    parts = max(int(np.ceil((count / max(len(cells), 1)) ** (1 / 3))), 1)
    points = subdivide(cells, _EDGE_MM, parts)
    points = points + _EDGE_MM / parts * rng.uniform(-0.5, 0.5, points.shape)
    level = doses[np.array([tree.query(points)[0] for tree in trees]).argmin(axis=0)]
    return float((engine.dose(points, shots) >= level).sum() * (_EDGE_MM / parts) ** 3)


def _slabs(case: Case) -> dict[str, SlabStack]:
    """The stacks of the targets of a contour file, empty for other cases."""
    if case.kind != "contours":
        return {}
    table = json.loads(Path(case.path).read_text(encoding="utf-8"))
    leksell = case.patient_from_leksell.inverse
    spacing = table.get("slice_spacing_mm")
    return {
        t.name: SlabStack.of([leksell(np.array(r)) for r in table["structures"][t.name]], spacing)
        for t in case.targets
    }


def _encloses(ring: Array, points: Array) -> NDArray[np.bool_]:
    """Which points (n, 2) a closed polygon (m, 2) encloses, by the even-odd rule."""
    x, y = points[:, 0, None], points[:, 1, None]
    (xa, ya), (xb, yb) = ring.T, np.roll(ring, -1, axis=0).T
    spans = (ya > y) != (yb > y)
    rise = np.where(yb == ya, 1.0, yb - ya)
    return np.asarray((spans & (x < xa + (y - ya) / rise * (xb - xa))).sum(axis=1) % 2 == 1)
