"""Small plans with a made-up dose and metrics that follow from it by sampling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from gkplan.case import Case
from gkplan.frames import Array, Frame, patient_from_leksell
from gkplan.grid import Grid, Volume
from gkplan.head import Head, Tissue
from gkplan.metrics.model import (
    Dvh,
    Evaluation,
    LimitResult,
    PlanIndices,
    PlanMetrics,
    StructureDose,
)
from gkplan.plan import Plan
from gkplan.prescription import Limit, Prescription
from gkplan.shot import Shot
from gkplan.solids import Capsule, Ellipsoid, sample_about
from gkplan.structures import Structure
from gkplan.unit import load_unit

Point = tuple[float, float, float]
TARGET: Point = (126.0, 92.0, 118.0)


def sphere(center: Point, radius: float) -> Ellipsoid:
    return Ellipsoid(center, (radius,) * 3)


def head() -> Head:
    skin = Ellipsoid((100, 100, 100), (78, 96, 88))
    bone = Ellipsoid((100, 100, 99), (73, 90, 82))
    brain = Ellipsoid((100, 99, 97), (67, 83, 75))
    ventricle = Ellipsoid((100, 100, 85), (9, 28, 12))
    return Head(
        "example",
        skin,
        (
            Tissue("skin", skin, 1.05, 30.0),
            Tissue("bone", bone, 1.6, 900.0),
            Tissue("brain", brain, 1.04, 40.0),
            Tissue("ventricle", ventricle, 1.0, 0.0),
        ),
    )


def case(targets: Sequence[Structure], doses: Sequence[Prescription]) -> Case:
    oars = (
        Structure("cochlea-left", "oar", sphere((141.0, 98.0, 121.0), 2.2)),
        Structure("brainstem", "oar", Capsule((100.0, 84.0, 95.0), (100.0, 72.0, 140.0), 12.0)),
        Structure("optic-chiasm", "oar", Capsule((94.0, 120.0, 100.0), (106.0, 120.0, 100.0), 3.0)),
    )
    return Case(
        name="example",
        kind="phantom",
        path="example",
        sha256="ab" * 32,
        source="Made up for tests, doi:10.0000/example",
        head=head(),
        structures=(*targets, *oars),
        prescriptions=tuple(doses),
        limits=(Limit("cochlea-left", "mean", 4.0), Limit("brainstem", "d0_035cc", 8.0)),
        patient_from_leksell=patient_from_leksell(),
    )


def plan_of(targets: dict[str, tuple[Point, float]], dose_gy: float, maximum: bool = False) -> Plan:
    """One shot in the centre of each target, given as centre and radius."""
    isodose = (1.0, 1.0) if maximum else (0.4, 0.7)
    structures = [Structure(n, "target", sphere(c, r)) for n, (c, r) in targets.items()]
    doses = [Prescription(n, dose_gy, isodose) for n in targets]
    states = ((4, 4, 8, 8, 16, 0, 0, 4), (8,) * 8, (16, 0) * 4, (4,) * 8)
    return Plan(
        case=case(structures, doses),
        unit=load_unit("perfexion"),
        unit_name="perfexion",
        shots=tuple(
            Shot(center, states[n % 4], 3.25 + n, target=name)
            for n, (name, (center, _)) in enumerate(targets.items())
        ),
        calibration_dose_rate_gy_per_min=2.5,
        provenance={"engine": "made up", "options": {"seed": 7, "goal": "time"}},
    )


def one_target() -> Plan:
    return plan_of({"schwannoma": (TARGET, 7.0)}, 12.0)


def six_targets() -> Plan:
    places = {
        "met-1": ((60.0, 130.0, 70.0), 6.0),
        "met-2": ((135.0, 120.0, 60.0), 9.0),
        "met-3": ((70.0, 60.0, 110.0), 4.0),
        "met-4": ((140.0, 70.0, 90.0), 3.0),
        "met-5": ((95.0, 150.0, 90.0), 5.0),
        "met-6": ((105.0, 50.0, 130.0), 2.5),
    }
    return plan_of(places, 20.0)


def functional() -> Plan:
    return plan_of({"trigeminal-root": ((112.0, 95.0, 112.0), 1.5)}, 80.0, maximum=True)


def gaussians(plan: Plan) -> Callable[[Array], Array]:
    """A smooth dose: a peak at each isocentre that passes the prescription at its target."""

    def dose(points: Array) -> Array:
        total = np.zeros(len(points))
        for shot in plan.shots:
            target = plan.case.structure(shot.target)
            prescription = plan.case.prescription(shot.target)
            peak = prescription.dose_gy * (1 if prescription.is_maximum else 2)
            radius = float(np.ptp(target.solid.bounds, axis=0)[0]) / 2
            squared = ((points - np.array(shot.isocenter_mm)) ** 2).sum(axis=1)
            total += peak * 0.5 ** (squared / radius**2)
        return total

    return dose


def dose_volume(dose: Callable[[Array], Array], spacing_mm: float = 4.0) -> Volume:
    grid = Grid.around([[20.0, 0.0, 10.0], [180.0, 200.0, 190.0]], spacing_mm, Frame.LEKSELL)
    return Volume(dose(grid.points()).reshape(grid.shape).astype(np.float32), grid, "dose_gy")


def evaluate(plan: Plan, dose: Callable[[Array], Array]) -> Evaluation:
    """Metrics and histograms from points sampled in each structure and in the head."""
    at: dict[str, tuple[Array, float]] = {}
    for structure in plan.case.structures:
        points, spacing = sample_about(structure.solid, 1000, 2.0)
        at[structure.name] = (np.sort(dose(points))[::-1], spacing**3 / 1000)
    grid = Grid.around(plan.case.head.bounds, 4.0, Frame.LEKSELL)
    everywhere = dose(grid.points())
    places = np.array([shot.isocenter_mm for shot in plan.shots])
    peaks = dose(places)
    maximum = float(peaks.max())
    functional = all(p.is_maximum for p in plan.case.prescriptions)

    def indices(names: Sequence[str]) -> PlanIndices:
        level = plan.case.prescription(names[0]).dose_gy
        covered = sum(float((at[n][0] >= level).sum()) * at[n][1] for n in names)
        whole = sum(len(at[n][0]) * at[n][1] for n in names)
        treated = max(covered, 1e-9) * 1.25
        coverage, selectivity = covered / whole, covered / treated
        none = functional
        return PlanIndices(
            None if none else coverage,
            None if none else selectivity,
            None if none else coverage * selectivity,
            None if none or len(names) > 1 else 2.83,
            None if none or len(names) > 1 else 0.47,
            level / maximum,
            maximum,
            whole,
        )

    def structure_dose(name: str) -> StructureDose:
        gy, cc = at[name]
        d98, d50, d2 = (float(gy[min(int(p * len(gy)), len(gy) - 1)]) for p in (0.98, 0.5, 0.02))
        hottest = float(gy[min(int(0.035 / cc), len(gy) - 1)])
        mean, top = float(gy.mean()), float(gy.max())
        return StructureDose(len(gy) * cc, mean, top, hottest, d98, d50, d2)

    def against(limit: Limit) -> LimitResult:
        doses = structures[limit.structure]
        value = {"mean": doses.mean_gy, "max": doses.max_gy, "d0_035cc": doses.d0_035cc_gy}
        return LimitResult(limit, value[limit.kind])

    def histogram(name: str) -> Dvh:
        gy, cc = at[name]
        levels = np.linspace(0.0, gy.max(), 60)
        return Dvh(name, levels, np.array([(gy >= d).sum() for d in levels]) * cc)

    structures = {name: structure_dose(name) for name in at}
    names = [t.name for t in plan.case.targets]
    x, y, z = (float(c) for c in places[peaks.argmax()])
    metrics = PlanMetrics(
        overall=indices(names),
        targets={name: indices([name]) for name in names},
        structures=structures,
        limits=tuple(against(limit) for limit in plan.case.limits),
        max_dose_point_mm=(x, y, z),
        v12gy_cc=float((everywhere >= 12).sum()) * grid.voxel_volume_cc,
        beam_on_time_min=plan.beam_on_time_min,
        n_shots=len(plan.shots),
        n_isocenters=plan.n_isocenters,
    )
    return Evaluation(metrics, tuple(histogram(name) for name in at))


def renamed(plan: Plan, old: str, new: str) -> Plan:
    """`plan` with one structure called `new`."""

    def changed(name: str) -> str:
        return new if name == old else name

    source = plan.case
    structures = tuple(replace(s, name=changed(s.name)) for s in source.structures)
    doses = tuple(replace(p, target=changed(p.target)) for p in source.prescriptions)
    limits = tuple(replace(x, structure=changed(x.structure)) for x in source.limits)
    shots = tuple(replace(s, target=changed(s.target)) for s in plan.shots)
    case = replace(source, structures=structures, prescriptions=doses, limits=limits)
    return replace(plan, case=case, shots=shots)
