"""Sphere packing: whole shots placed and weighed as a person does it, a baseline to beat."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.errors import CaseError
from gkplan.frames import Array, leksell_from_unit
from gkplan.planner.sequence import minimum_time
from gkplan.shot import Shot
from gkplan.solids import Solid, sample_about
from gkplan.solids.base import inside_lattice, lattice_around
from gkplan.unit import RadiationUnit
from gkplan.unit.profiles import AXES, composite_profile

# What a volume beyond the surface costs, in volumes of target. Dear at first: large shots that
# fit come first; where none gains enough the cost is halved, down to the least, until the target
# is filled: thin ends need shots that reach beyond them. Overlap costs nothing by itself, or
# nothing would fill the gaps between balls.
REACH_BEYOND, LEAST_REACH = 2.0, 0.1
# Of the target's volume: what a shot must gain at least, and when the target counts as filled.
# With 1 % in place of 0.5 % thin ends stay cold, and scaling to the coverage spoils all the rest.
LEAST_GAIN, FILLED = 0.005, 0.99
# Times the target's volume: a shot larger than that is not considered if there is a smaller one.
LARGEST = 2.0
COVERAGE = 0.99
_CELLS, _FINEST_MM, _COARSEST_MM = 4000, 0.25, 1.0
_SURFACE_POINTS = 1500
_SCALINGS = 8


@dataclass(frozen=True, slots=True)
class ShotShape:
    """The region of the 50 % isodose of one shot, all sectors open: an ellipsoid, unit axes.

    `half_mm` are half of the widths at half maximum along x, y and z.
    """

    collimator_mm: int
    half_mm: tuple[float, float, float]

    @property
    def volume_mm3(self) -> float:
        return float(4.0 / 3.0 * np.pi * np.prod(self.half_mm))

    @classmethod
    def of(cls, unit: RadiationUnit, collimator_mm: int) -> ShotShape:
        """As the unit's own profiles have it in the 160 mm water sphere."""
        half = []
        for axis in AXES:
            offset, dose = composite_profile(unit, collimator_mm, axis)
            half.append(float(np.ptp(offset[dose >= 0.5 * dose.max()]) / 2))
        return cls(collimator_mm, (half[0], half[1], half[2]))


def pack_shots(
    case: Case, engine: TmrEngine, report: Callable[[str], None] = lambda _: None
) -> tuple[Shot, ...]:
    """Shots with all sectors open that fill the targets, weighed and scaled to the coverage.

    Raises
    ------
    CaseError
        If a dose is prescribed to the maximum, or a target cannot be reached.

    Notes
    -----
    The greedy choice takes the position and the collimator whose 50 % isodose region covers most
    of what is left, less what it covers beyond the target. The times are then those whose dose
    comes closest (least squares, none negative) to the prescription on the surface of the target,
    so that an isodose follows it; all are then scaled until 0.99 of the target has the dose. The
    isodose is a result: near 0.5 for a single shot, lower for many.
    """
    if not case.prescriptions or any(p.is_maximum for p in case.prescriptions):
        raise CaseError(f"{case.path}: packing needs a dose prescribed to a volume")
    shapes = [ShotShape.of(engine.unit, size) for size in engine.unit.collimator_sizes_mm]
    shots: list[Shot] = []
    for target in case.targets:
        report(f"packing {target.name}")
        packed = packed_balls(target.solid, shapes, engine.unit, case.gamma_angle_deg)
        if not packed:
            raise CaseError(
                f"{case.path}: target {target.name!r} is outside the reach of {engine.unit.name}"
            )
        shots += [
            Shot(
                (x, y, z),
                (size,) * engine.unit.n_sectors,
                1.0,
                case.gamma_angle_deg,
                target.name,
            )
            for (x, y, z), size in packed
        ]
    report(f"weighing {len(shots)} shots")
    weighed = _weighed(case, shots, engine)
    report("sequencing: scaling to the coverage")
    return scaled_to_coverage(case, weighed, engine, COVERAGE)


def packed_balls(
    solid: Solid, shapes: Sequence[ShotShape], unit: RadiationUnit, gamma_angle_deg: float
) -> list[tuple[tuple[float, float, float], int]]:
    """Leksell positions (mm) and collimators of shots that fill a solid, in order of choice.

    At least one, if the unit reaches any point of the solid.
    """
    from scipy.signal import fftconvolve

    inside, spacing = sample_about(solid, _CELLS, _COARSEST_MM, _FINEST_MM)
    fitting = [s for s in shapes if s.volume_mm3 <= LARGEST * len(inside) * spacing**3]
    fitting = fitting or [min(shapes, key=lambda s: s.volume_mm3)]
    points = lattice_around(solid, spacing, max(max(shape.half_mm) for shape in fitting))
    left = inside_lattice(solid, points)
    outside, volume = ~left, left.sum()
    may = left & unit.reaches(points.reshape(-1, 3)).reshape(left.shape)
    if not may.any():
        return []
    turn = leksell_from_unit((0.0, 0.0, 0.0), gamma_angle_deg).rotation
    kernels = [_cells_of(shape, turn, spacing) for shape in fitting]

    reach_beyond = REACH_BEYOND
    chosen: list[tuple[tuple[float, float, float], int]] = []
    while not chosen or left.sum() > (1.0 - FILLED) * volume:
        worth = left - reach_beyond * outside
        gains = np.array(
            [np.where(may, fftconvolve(worth, k, mode="same"), -np.inf) for k in kernels]
        )
        which, place = _middle_of_best(gains, points)
        if chosen and gains[(which, *place)] < LEAST_GAIN * volume:
            if reach_beyond < LEAST_REACH:
                break
            reach_beyond /= 2
            continue
        x, y, z = (float(c) for c in points[place])
        chosen.append(((x, y, z), fitting[which].collimator_mm))
        apart = ~_inside(points - points[place], fitting[which], turn)
        left, outside = left & apart, outside & apart
    return chosen


def scaled_to_coverage(
    case: Case, shots: Sequence[Shot], engine: TmrEngine, coverage: float
) -> tuple[Shot, ...]:
    """The times of each target's shots scaled until it has the coverage, transit counted.

    No time falls below the shortest that the unit can deliver.
    """
    samples = {t.name: sample_about(t.solid, 40_000, coarsest_mm=1.0)[0] for t in case.targets}
    scaled = tuple(shots)
    for _ in range(_SCALINGS):
        factor = {
            name: case.prescription(name).dose_gy
            / float(np.quantile(engine.dose(points, scaled), 1.0 - coverage))
            for name, points in samples.items()
        }
        if max(abs(f - 1.0) for f in factor.values()) < 1e-4:
            break
        scaled = tuple(
            dataclasses.replace(
                s,
                time_min=max(s.time_min * factor[s.target], minimum_time(s.sectors, engine.unit)),
            )
            for s in scaled
        )
    return scaled


def _weighed(case: Case, shots: list[Shot], engine: TmrEngine) -> list[Shot]:
    """The shots with times that bring the prescription to the targets' surfaces.

    Those that come out shorter than can be delivered are left out, and the rest weighed again.
    """
    from scipy.optimize import nnls

    steady = dataclasses.replace(engine, transit=False)
    surfaces = {t.name: _surface(t.solid) for t in case.targets}
    points = np.concatenate(list(surfaces.values()))
    aim = np.concatenate(
        [np.full(len(p), case.prescription(name).dose_gy) for name, p in surfaces.items()]
    )
    rates = np.stack([steady.dose(points, [shot]) for shot in shots], axis=1)
    kept = list(range(len(shots)))
    while True:
        used = [shots[k] for k in kept]
        extra = [
            engine.unit.collimator(s.sectors[0]).transit_min if engine.transit else 0.0
            for s in used
        ]
        minutes = nnls(rates[:, kept], aim)[0] - extra
        long = [
            m >= minimum_time(s.sectors, engine.unit) for m, s in zip(minutes, used, strict=True)
        ]
        # The only shot of a target stays, however short.
        alone = [sum(o.target == s.target for o in used) == 1 for s in used]
        stays = [keep or only for keep, only in zip(long, alone, strict=True)]
        if all(stays):
            return [
                dataclasses.replace(s, time_min=max(float(m), minimum_time(s.sectors, engine.unit)))
                for s, m in zip(used, minutes, strict=True)
            ]
        # One at a time: what one loses, its neighbours may gain.
        shortest = min(np.flatnonzero(~np.array(stays)), key=lambda n: minutes[n])
        del kept[int(shortest)]


def _surface(solid: Solid) -> Array:
    """Lattice points (n, 3) just inside the surface of a solid."""
    from scipy.ndimage import binary_erosion

    _, spacing = sample_about(solid, 8 * _SURFACE_POINTS, _COARSEST_MM)
    points = lattice_around(solid, spacing, spacing)
    inside = inside_lattice(solid, points)
    shell = points[inside & ~binary_erosion(inside)]
    return shell[:: max(len(shell) // _SURFACE_POINTS, 1)]


def _cells_of(shape: ShotShape, turn: Array, spacing_mm: float) -> Array:
    """The shape on lattice cells, symmetric about the middle one: 1.0 inside."""
    reach = int(np.ceil(max(shape.half_mm) / spacing_mm))
    steps = spacing_mm * np.arange(-reach, reach + 1)
    offsets = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    return _inside(offsets, shape, turn).astype(np.float64)


def _inside(offsets: Array, shape: ShotShape, turn: Array) -> NDArray[np.bool_]:
    """Which Leksell offsets (..., 3) from the focus lie within the shape."""
    return np.asarray((((offsets @ turn) / shape.half_mm) ** 2).sum(axis=-1) <= 1.0)


def _middle_of_best(gains: Array, points: Array) -> tuple[int, tuple[int, int, int]]:
    """Collimator and lattice place of the best gain; of equals, the nearest to their middle."""
    # In cells: what is less than half a cell is the rounding of the transforms.
    equal = np.argwhere(gains >= gains.max() - 0.5)
    which = int(equal[0, 0])
    places = equal[equal[:, 0] == which, 1:]
    at = points[tuple(places.T)]
    i, j, k = places[np.linalg.norm(at - at.mean(axis=0), axis=1).argmin()].tolist()
    return which, (i, j, k)
