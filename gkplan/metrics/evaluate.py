"""Judging a plan on sub-voxel samples that are independent of any export grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.case import Case
from gkplan.dose.engine import DoseEngine
from gkplan.frames import Array, Frame
from gkplan.grid import Grid
from gkplan.metrics.dvh import SampledDose, dose_volume_histogram, limit_dose, structure_dose
from gkplan.metrics.maximum import refined_maximum
from gkplan.metrics.model import Evaluation, LimitResult, PlanIndices, PlanMetrics
from gkplan.metrics.sampling import StructurePoints, sampled_dose
from gkplan.shot import Shot
from gkplan.solids.base import subdivide
from gkplan.structures.nested import nested

V12_GY = 12.0
_COARSE_MM, _MARGIN_MM = 2.5, 70.0
_FINE_POINTS = 300_000


@dataclass(frozen=True, slots=True, eq=False)
class HotRegion:
    """Lattice points where the dose may reach the lowest level that matters.

    `cell` (n, 3) are the integer lattice coordinates, for connected components.
    """

    points: Array
    dose_gy: Array
    volume_cc: float
    cell: NDArray[np.int64]


def evaluate(
    case: Case,
    shots: Sequence[Shot],
    engine: DoseEngine,
    places: Mapping[str, StructurePoints] | None = None,
) -> Evaluation:
    """Metrics and histograms of `shots` on `case`, with the dose of `engine`.

    Targets and organs at risk are sampled by themselves (about 40,000 points, and more where an
    organ is hottest); prescription volumes on a lattice of the whole hot region of the head,
    finer than 0.65 mm for usual targets. Definitions: `PlanIndices`, `StructureDose`.

    A point of the hot region is the nearest target's. Of targets that lie one inside another (see
    `nested`) each owns what is near either: a boost's selectivity counts what it spills into the
    target around it, and the target around counts the boost as its own. Its half-prescription
    region swallows the boost's, whose gradient and efficiency are therefore not told. In the
    indices of all targets together every point counts once, in a boost at the boost's dose.

    Who judges many plans of a case may give the `structure_points` of each structure by name.
    """
    samples = {
        s.name: sampled_dose(places[s.name] if places else s, shots, engine)
        for s in case.structures
    }
    targets = [t.name for t in case.targets]
    hot = _hot_region(case, shots, engine)
    maximum, place = _maximum(hot, [samples[t] for t in targets], shots, engine)
    doses = [case.prescription(t).dose_gy for t in targets]
    inside = nested([t.solid for t in case.targets], [samples[t].points for t in targets])
    owner = _owner(case, hot.points, samples, doses, inside)
    regions = _regions(hot.points, [samples[t].points for t in targets], owner, inside)
    merged = _merged(hot, doses, regions, inside)
    defined = not any(p.is_maximum for p in case.prescriptions) and bool(targets)
    per_target = {}
    hottest = _nearest_target(np.array([place]), [samples[t].points for t in targets])[0]
    for n, name in enumerate(targets):
        mine = hot.dose_gy[regions[n]]
        top = maximum if n == hottest else float(samples[name].dose_gy.max())
        per_target[name] = _indices(
            [(samples[name], doses[n], mine)], hot.volume_cc, top, doses[n], defined, merged[n]
        )
    parts = [
        (_without_boosts(case, n, samples[t], doses, inside), d, hot.dose_gy[owner == n])
        for n, (t, d) in enumerate(zip(targets, doses, strict=True))
    ]
    overall = _indices(parts, hot.volume_cc, maximum, max(doses, default=0.0), defined, False)
    metrics = PlanMetrics(
        overall=overall,
        targets=per_target,
        structures={name: structure_dose(s) for name, s in samples.items()},
        limits=tuple(
            LimitResult(limit, limit_dose(samples[limit.structure], limit)) for limit in case.limits
        ),
        max_dose_point_mm=place,
        v12gy_cc=float((hot.dose_gy >= V12_GY).sum() * hot.volume_cc),
        beam_on_time_min=sum(s.time_min for s in shots),
        n_shots=len(shots),
        n_isocenters=len({s.isocenter_mm for s in shots}),
    )
    dvhs = tuple(dose_volume_histogram(name, s) for name, s in samples.items())
    return Evaluation(metrics, dvhs)


def _hot_region(case: Case, shots: Sequence[Shot], engine: DoseEngine) -> HotRegion:
    from scipy.ndimage import maximum_filter

    places = np.array([s.isocenter_mm for s in shots])
    low, high = case.head.bounds
    box = np.array(
        [
            np.maximum(places.min(axis=0) - _MARGIN_MM, low),
            np.minimum(places.max(axis=0) + _MARGIN_MM, high),
        ]
    )
    grid = Grid.around(box, _COARSE_MM, Frame.LEKSELL)
    coarse = engine.dose(grid.points(), shots).reshape(grid.shape)
    lowest = min([V12_GY, *(p.dose_gy / 2 for p in case.prescriptions)])
    hot = np.argwhere(maximum_filter(coarse, size=3) >= 0.9 * lowest)
    parts = int(np.clip(np.floor((_FINE_POINTS / max(len(hot), 1)) ** (1 / 3)), 2, 10))
    centers = grid.points().reshape(*grid.shape, 3)[tuple(hot.T)]
    points = subdivide(centers, _COARSE_MM, parts)
    step = _COARSE_MM / parts
    cell = np.rint((points - np.array(grid.origin_mm)) / step - 0.5 * (parts % 2 == 0)).astype(int)
    return HotRegion(points, engine.dose(points, shots), step**3 / 1000, cell)


def _maximum(
    hot: HotRegion, targets: list[SampledDose], shots: Sequence[Shot], engine: DoseEngine
) -> tuple[float, tuple[float, float, float]]:
    """The global maximum dose and its place, refined from the best sample."""
    points = np.concatenate([hot.points, *(t.points for t in targets)])
    dose = np.concatenate([hot.dose_gy, *(t.dose_gy for t in targets)])
    starts = np.concatenate(
        [points[np.argsort(dose)[-4:]], np.array([s.isocenter_mm for s in shots])]
    )
    return refined_maximum(starts, shots, engine)


def _nearest_target(points: Array, targets: list[Array]) -> NDArray[np.int64]:
    """Number of the target whose surface is nearest to each point."""
    if len(targets) < 2:
        return np.zeros(len(points), dtype=np.int64)
    from scipy.spatial import cKDTree

    # A target whose box is farther than some point of another one need not be searched.
    least, most = np.empty((2, len(targets), len(points)))
    for n, target in enumerate(targets):
        low, high = target.min(axis=0), target.max(axis=0)
        middle = target[np.argmin(((target - (low + high) / 2) ** 2).sum(axis=1))]
        least[n] = np.linalg.norm(np.maximum(np.maximum(low - points, points - high), 0.0), axis=1)
        most[n] = np.linalg.norm(points - middle, axis=1)
    distance = np.where(least <= most.min(axis=0), least, np.inf)
    contested = np.isfinite(distance).sum(axis=0) > 1
    for n, target in enumerate(targets):
        near = contested & np.isfinite(distance[n])
        distance[n, near] = cKDTree(target).query(points[near], workers=-1)[0]
    return np.asarray(np.argmin(distance, axis=0), dtype=np.int64)


def _owner(
    case: Case,
    points: Array,
    samples: dict[str, SampledDose],
    doses: list[float],
    inside: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Number of the target that each point counts for when every point counts once."""
    owner = _nearest_target(points, [samples[t.name].points for t in case.targets])
    # Of targets one inside another the nearest sample says nothing.
    for n in np.argsort(doses):
        if (inside[n] | inside[:, n]).any():
            owner[case.targets[n].solid.contains(points)] = n
    return owner


def _regions(
    points: Array, samples: list[Array], owner: NDArray[np.int64], inside: NDArray[np.bool_]
) -> list[NDArray[np.bool_]]:
    """Which points count for each target alone: no target that is apart from it is nearer."""
    together = inside | inside.T
    regions = []
    for n in range(len(samples)):
        if together[n].any():
            rivals = [samples[m] for m in np.flatnonzero(~together[n]) if m != n]
            regions.append(_nearest_target(points, [samples[n], *rivals]) == 0)
        else:
            regions.append(owner == n)
    return regions


def _without_boosts(
    case: Case, n: int, sample: SampledDose, doses: list[float], inside: NDArray[np.bool_]
) -> SampledDose:
    """The sample of target n without what lies in a target inside or around it of more dose."""
    kept = np.ones(len(sample.dose_gy), dtype=np.bool_)
    for m in np.flatnonzero(inside[n] | inside[:, n]):
        if (doses[m], m) > (doses[n], n):
            kept &= ~case.targets[m].solid.contains(sample.points)
    return SampledDose(sample.points[kept], sample.dose_gy[kept], sample.volume_cc[kept])


def _merged(
    hot: HotRegion,
    doses: list[float],
    regions: list[NDArray[np.bool_]],
    inside: NDArray[np.bool_],
) -> list[bool]:
    """Whether each target's half-prescription region is connected to another target's.

    That of a target inside it does not count.
    """
    if len(doses) < 2:
        return [False] * len(doses)
    from scipy.ndimage import label

    halves = [r & (hot.dose_gy >= d / 2) for r, d in zip(regions, doses, strict=True)]
    above = np.logical_or.reduce(halves)
    cell = hot.cell[above] - hot.cell.min(axis=0)
    image = np.zeros(cell.max(axis=0) + 1, dtype=bool)
    image[tuple(cell.T)] = True
    piece = label(image)[0][tuple(cell.T)]
    pieces = [set(np.unique(piece[half[above]]).tolist()) for half in halves]
    return [
        any(pieces[n] & other for m, other in enumerate(pieces) if m != n and not inside[m, n])
        for n in range(len(doses))
    ]


def _indices(
    parts: list[tuple[SampledDose, float, Array]],
    cell_cc: float,
    maximum: float,
    dose_gy: float,
    defined: bool,
    merged: bool,
) -> PlanIndices:
    """Indices over (target samples, prescription dose, hot-region dose near it) parts."""
    tv = sum(float(s.volume_cc.sum()) for s, _, _ in parts)
    isodose = dose_gy / maximum if maximum > 0 else 0.0
    if not defined:
        return PlanIndices(None, None, None, None, None, isodose, maximum, tv)
    tv_piv = sum(float(s.volume_cc[s.dose_gy >= d].sum()) for s, d, _ in parts)
    piv = sum(float((h >= d).sum()) * cell_cc for _, d, h in parts)
    half = sum(float((h >= d / 2).sum()) * cell_cc for _, d, h in parts)
    in_target = sum(float((s.volume_cc * s.dose_gy).sum()) for s, _, _ in parts)
    in_half = sum(float(h[h >= d / 2].sum()) * cell_cc for _, d, h in parts)
    coverage = tv_piv / tv
    selectivity = min(tv_piv / piv, 1.0) if piv > 0 else None
    return PlanIndices(
        coverage=coverage,
        selectivity=selectivity,
        paddick_index=coverage * selectivity if selectivity is not None else None,
        gradient_index=half / piv if piv > 0 and not merged else None,
        efficiency_index=in_target / in_half if in_half > 0 and not merged else None,
        prescription_isodose=isodose,
        max_dose_gy=maximum,
        target_volume_cc=tv,
    )
