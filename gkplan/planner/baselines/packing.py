"""Sphere packing: whole shots placed and weighed as a person does it, a baseline to beat."""

from __future__ import annotations

import dataclasses

import numpy as np

from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.planner.baselines.balls import ShotShape, packed_balls
from gkplan.planner.clock import Clock, Report
from gkplan.planner.made import MadeShots
from gkplan.planner.normalise import normalised
from gkplan.shot import Shot, minimum_time
from gkplan.solids import Solid, sample_about
from gkplan.solids.base import inside_lattice, lattice_around

COVERAGE = 0.99
_COARSEST_MM, _SURFACE_POINTS = 1.0, 1500


def pack_shots(case: Case, engine: TmrEngine, report: Report = lambda _: None) -> MadeShots:
    """Shots with all sectors open that fill the targets, weighed and scaled to the coverage.

    Raises
    ------
    CaseError
        If a dose is prescribed to the maximum, or a target cannot be reached.

    Notes
    -----
    Positions and collimators are those of `packed_balls`. The times are those whose dose comes
    closest (least squares, none negative) to the prescription on the surface of the target, so
    that an isodose follows it; all are then scaled until 0.99 of the target has the dose. The
    isodose is a result: 0.5 and more for a single shot, about 0.3 for many. Limits of organs at
    risk are not looked at.
    """
    if not case.prescriptions or any(p.is_maximum for p in case.prescriptions):
        raise CaseError(f"{case.path}: packing needs a dose prescribed to a volume")
    clock = Clock()
    shapes = [ShotShape.of(engine.unit, size) for size in engine.unit.collimator_sizes_mm]
    shots: list[Shot] = []
    for target in case.targets:
        report(f"packing {target.name}")
        with clock("programme"):
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
    weighed = _weighed(case, shots, engine, clock)
    report("scaling to the coverage")
    with clock("scaling"):
        scaled = normalised(case, tuple(weighed), engine, COVERAGE)
    return MadeShots(scaled, None, dict(clock.seconds))


def _weighed(case: Case, shots: list[Shot], engine: TmrEngine, clock: Clock) -> list[Shot]:
    """The shots with times that bring the prescription to the targets' surfaces."""
    steady = dataclasses.replace(engine, transit=False)
    surfaces = {t.name: _surface(t.solid) for t in case.targets}
    points = np.concatenate(list(surfaces.values()))
    aim = np.concatenate(
        [np.full(len(p), case.prescription(name).dose_gy) for name, p in surfaces.items()]
    )
    with clock("kernels"):
        rates = np.stack([steady.dose(points, [shot]) for shot in shots], axis=1)
    with clock("programme"):
        return _positive(rates, aim, shots, engine)


def _positive(rates: Array, aim: Array, shots: list[Shot], engine: TmrEngine) -> list[Shot]:
    """The shots with the times whose `rates` (points, shots) come closest to the `aim` (points,).

    Those that come out shorter than can be delivered are left out, and the rest weighed again.
    """
    from scipy.optimize import nnls

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
