"""The main job as a few functions: plan, evaluate, dose on a grid, and all files of a plan."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gkplan.case import Case
from gkplan.case.contradictions import check_limits
from gkplan.disclaimer import DISCLAIMER
from gkplan.dose import TmrEngine
from gkplan.files import check_output_folder, whole_folder, write_bytes, write_text
from gkplan.frames import Array, Frame
from gkplan.grid import Grid, Volume
from gkplan.head import DepthRule
from gkplan.metrics.bed import Schedule
from gkplan.metrics.bedplan import PlanBed, evaluate_bed
from gkplan.metrics.model import Evaluation
from gkplan.metrics.repair import TissueRepair, load_tissue
from gkplan.metrics.robustness import Robustness, evaluate_robustness
from gkplan.metrics.setup import SetupUncertainty
from gkplan.plan import (
    DEFAULT_RATE_GY_PER_MIN,
    Plan,
    check_depths,
    check_rate,
    check_shot_times,
)
from gkplan.planfile import write_plan
from gkplan.prescription import Limit, Prescription
from gkplan.unit import RadiationUnit, load_unit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gkplan.dose.corrected import CorrectedDose
    from gkplan.dose.montecarlo import MonteCarlo
    from gkplan.metrics.sampling import StructurePoints
    from gkplan.planner import Aim, MadeShots

Report = Callable[[str], None]
_DOSE_MARGIN_MM = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Planned:
    """A judged plan, what it was judged on, and the seconds it took.

    Parameters
    ----------
    engine : that it was judged by, where that is not `engine_of` the plan
    before : of a plan scaled to another engine's dose: as it was planned
    """

    plan: Plan
    evaluation: Evaluation
    seconds: float
    engine: CorrectedDose | None = None
    before: Planned | None = None


def engine_of(plan: Plan) -> TmrEngine:
    """The dose engine of a plan's unit, head and rate, its shots checked against the head."""
    check_depths(plan.shots, plan.case.head)
    rate = plan.calibration_dose_rate_gy_per_min
    return TmrEngine(plan.unit, plan.case.head, rate, plan.transit, plan.depth)


def prescribed(case: Case, dose_gy: float | None, isodose: float | None) -> Case:
    """The case with another dose or isodose for all its targets."""

    def changed(p: Prescription) -> Prescription:
        pair = p.isodose if isodose is None else (isodose, isodose)
        return replace(p, dose_gy=p.dose_gy if dose_gy is None else dose_gy, isodose=pair)

    return replace(case, prescriptions=tuple(changed(p) for p in case.prescriptions))


def limited(case: Case, limits: Sequence[Limit]) -> Case:
    """The case with more limits; one of the same structure and kind is replaced.

    Raises
    ------
    CaseError
        As `gkplan.case.contradictions.check_limits`.
    """
    new = {(limit.structure, limit.label): limit for limit in limits}
    kept = tuple(m for m in case.limits if (m.structure, m.label) not in new)
    return check_limits(replace(case, limits=(*kept, *new.values()))) if new else case


def treatment_rate(unit: RadiationUnit, rate: float | None, day: date | None) -> float:
    """Rate on the day of treatment: as given, or decayed from the unit's date to `day`, or 3.0."""
    if rate is None:
        rate = DEFAULT_RATE_GY_PER_MIN if day is None else unit.calibration.dose_rate_on(day)
    check_rate(rate)
    return rate


def make_plan(
    case: Case,
    unit_name: str = "perfexion",
    rate_gy_per_min: float | None = None,
    treatment_date: date | None = None,
    report: Report = lambda _: None,
    aim: Aim | None = None,
    depth: DepthRule = "geometric",
    montecarlo: MonteCarlo | None = None,
) -> Planned:
    """Plan a case and judge the plan; `report` is told what is being done.

    `aim` (see `gkplan.aim_named`) is the balanced one if it is not given; with radiological
    `depth` the planner sees the densities of the head. With `montecarlo` the plan is then scaled
    to the dose that Monte Carlo gives it, and judged by that.
    """
    from gkplan.dose.densities import densities_of
    from gkplan.planner import AIMS, make_shots

    start = time.perf_counter()
    unit = load_unit(unit_name)
    rate = treatment_rate(unit, rate_gy_per_min, treatment_date)
    report("preparing the kernels (compiled at the first run)")
    aim = aim or AIMS["balanced"]
    engine = TmrEngine(unit, case.head, rate, transit=True, depth=depth)
    if montecarlo is not None and montecarlo.medium == "head":
        densities_of(case.head)  # Refused now, not after the planning.
    made = make_shots(case, engine, aim, report)
    planned = judge(_plan_of(case, engine, unit_name, made, aim, treatment_date), report)
    if montecarlo is not None:
        from gkplan.simulate import on_montecarlo

        planned = on_montecarlo(planned, aim.coverage, montecarlo, report)
    return replace(planned, seconds=time.perf_counter() - start)


def make_pareto(
    case: Case,
    unit_name: str = "perfexion",
    rate_gy_per_min: float | None = None,
    treatment_date: date | None = None,
    report: Report = lambda _: None,
    aims: Sequence[Aim] | None = None,
    depth: DepthRule = "geometric",
) -> tuple[Planned, ...]:
    """Plan a case for each of several aims and judge the plans; `report` is told what is done.

    `aims` (see `gkplan.planner.ladder`) are seven from quality to fast if they are not given. The
    seconds of a plan are those of its judging.
    """
    from gkplan.metrics.sampling import structure_points
    from gkplan.planner import AIMS, ladder, pareto

    unit = load_unit(unit_name)
    rate = treatment_rate(unit, rate_gy_per_min, treatment_date)
    report("preparing the kernels (compiled at the first run)")
    aims = aims or ladder(AIMS["quality"], AIMS["fast"])
    engine = TmrEngine(unit, case.head, rate, transit=True, depth=depth)
    every = pareto(case, engine, aims, report)
    places = {s.name: structure_points(s) for s in case.structures}
    judged: list[Planned] = []
    for made, aim in zip(every, aims, strict=True):
        report(f"judging plan {len(judged) + 1} of {len(every)}")
        plan = _plan_of(case, engine, unit_name, made, aim, treatment_date)
        judged.append(judge(plan, places=places))
    return tuple(judged)


def _plan_of(
    case: Case, engine: TmrEngine, unit_name: str, made: MadeShots, aim: Aim, day: date | None
) -> Plan:
    """Planned shots as a plan that nobody has judged yet."""
    return Plan(
        case,
        engine.unit,
        unit_name,
        made.shots,
        engine.rate_gy_per_min,
        day,
        provenance={"aim": asdict(made.aim or aim)},
        certificate=made.certificate,
        transit=engine.transit,
        depth=engine.depth,
    )


def judge(
    plan: Plan,
    report: Report = lambda _: None,
    places: Mapping[str, StructurePoints] | None = None,
    engine: CorrectedDose | None = None,
) -> Planned:
    """The plan with its metrics and provenance, and the histograms.

    `places` are those of `evaluate`, for who judges many plans of a case; `engine` is another
    than `tmr`, see `gkplan.simulate`.
    """
    from gkplan.metrics.evaluate import evaluate

    start = time.perf_counter()
    report("judging the plan")
    by = engine or engine_of(plan)
    evaluation = evaluate(plan.case, plan.shots, by, places)
    kept = {key: plan.provenance[key] for key in ("aim",) if key in plan.provenance}
    made = {**kept, **_provenance(plan), "engine": by.name}
    if engine is not None:
        made["uncertainty"] = engine.uncertainty
    plan = replace(plan, metrics=evaluation.metrics, provenance=made)
    return Planned(plan, evaluation, time.perf_counter() - start, engine)


def judge_bed(
    plan: Plan,
    tissue: TissueRepair | None = None,
    schedule: Schedule | None = None,
    report: Report = lambda _: None,
) -> PlanBed:
    """Biologically effective dose of a plan's structures (normal CNS, one session, if not given).

    Warns
    -----
    DeliveryWarning
        If a session's part of some shot is shorter than the unit can give.
    """
    schedule = schedule or Schedule()
    check_shot_times(plan.shots, plan.unit, min(schedule.fractions))
    report("biologically effective dose")
    engine = engine_of(plan)
    return evaluate_bed(plan.case, plan.shots, engine, tissue or load_tissue(), schedule)


def judge_robustness(
    plan: Plan, uncertainty: SetupUncertainty | None = None, report: Report = lambda _: None
) -> Robustness:
    """A plan under scenarios of set-up error; `report` is told which scenario is computed."""
    report("preparing the kernels (compiled at the first run)")
    return evaluate_robustness(plan.case, plan.shots, engine_of(plan), uncertainty, report)


def dose_volume(plan: Plan, spacing_mm: float = 1.0, engine: CorrectedDose | None = None) -> Volume:
    """Dose (Gy, float32) on a grid around all isocentres and targets, in the Leksell frame."""
    grid = dose_grid(plan, spacing_mm)
    return Volume((engine or engine_of(plan)).dose_on(grid, plan.shots), grid, "dose_gy")


def dose_grid(plan: Plan, spacing_mm: float = 1.0) -> Grid:
    """The grid of `dose_volume`: 30 mm around isocentres and targets, at most 2e6 voxels.

    Of a frame that is tilted in the images it is larger, so that an axial box of that size fits.
    """
    from gkplan.dicom.geometry import is_axial, reach_of_tilted

    corners = [np.array([s.isocenter_mm for s in plan.shots])]
    corners += [t.solid.bounds for t in plan.case.targets]
    points = np.concatenate(corners)
    low, high = plan.case.head.bounds
    bounds = np.array([points.min(axis=0), points.max(axis=0)])
    bounds += np.array([[-_DOSE_MARGIN_MM], [_DOSE_MARGIN_MM]])
    if not is_axial(plan.case.patient_from_leksell):
        half = np.diff(bounds, axis=0)[0] / 2
        more = half * (1 / reach_of_tilted(half, plan.case.patient_from_leksell) - 1)
        bounds += np.array([-more, more])
    bounds = np.array([np.maximum(bounds[0], low), np.minimum(bounds[1], high)])
    spacing = max(spacing_mm, float(np.prod(bounds[1] - bounds[0]) / 2e6) ** (1 / 3))
    return Grid.around(bounds, spacing, Frame.LEKSELL)


def show_plan(
    plan: Plan, dose: Volume | None = None, evaluation: Evaluation | None = None
) -> Figure:
    """The picture of a plan: three planes with isodoses, structures and shots; histograms.

    Parameters
    ----------
    dose : Gy on a grid in the Leksell frame, if it is at hand
    evaluation : that of `judge`, if it is at hand

    Returns
    -------
    matplotlib.figure.Figure
        A notebook shows it as the last expression of a cell, after ``%matplotlib inline``;
        ``figure.savefig("plan.png")`` writes it.
    """
    from gkplan.report import plan_figure

    if evaluation is None:
        evaluation = judge(plan).evaluation
    return plan_figure(plan, dose_volume(plan) if dose is None else dose, evaluation)


def shot_doses(plan: Plan, point_mm: Array, engine: CorrectedDose | None = None) -> list[float]:
    """Dose (Gy) of each shot by itself at one Leksell point."""
    by = engine or engine_of(plan)
    return [float(by.dose(point_mm[None], [shot])[0]) for shot in plan.shots]


def focus_rates(plan: Plan, engine: CorrectedDose | None = None) -> list[float]:
    """Dose rate (Gy/min) of each shot at its own focus."""
    by = engine.without_transit() if engine else engine_of(replace(plan, transit=False))
    return [float(by.dose(np.array([s.isocenter_mm]), [s])[0]) / s.time_min for s in plan.shots]


def write_dicom(planned: Planned, dose: Volume, folder: Path, report: Report) -> None:
    """RTPLAN, RTDOSE, RTSTRUCT and CT into an existing, empty folder."""
    from gkplan.dicom import export_plan

    plan = planned.plan
    peak = np.array(planned.evaluation.metrics.max_dose_point_mm)
    rates = focus_rates(plan, planned.engine)
    export_plan(
        plan,
        dose,
        shot_doses(plan, peak, planned.engine),
        folder,
        focus_rates_gy_per_min=rates,
        progress=report,
    )


def write_all(
    planned: Planned, out: Path, overwrite: bool = False, report: Report = lambda _: None
) -> None:
    """plan.json, dicom/, dvh.csv, report.png and report.html in `out`: all of them or none."""
    from gkplan.report import dvh_csv, plan_figure, png_bytes, report_html

    check_output_folder(out, overwrite)
    report("dose on the export grid")
    dose = dose_volume(planned.plan, engine=planned.engine)
    with whole_folder(out) as folder:
        write_plan(planned.plan, folder / "plan.json")
        write_text(folder / "dvh.csv", dvh_csv(planned.evaluation))
        report("drawing the report")
        png = png_bytes(plan_figure(planned.plan, dose, planned.evaluation))
        write_bytes(folder / "report.png", png)
        rates = focus_rates(planned.plan, planned.engine)
        page = report_html(planned.plan, planned.evaluation, png, rates, planned.seconds)
        write_text(folder / "report.html", page)
        report("writing DICOM")
        (folder / "dicom").mkdir()
        write_dicom(planned, dose, folder / "dicom", report)


def _provenance(plan: Plan) -> dict[str, object]:
    packages = ("numpy", "scipy", "numba", "pydicom")
    return {
        "software": f"gkplan {version('gkplan')}",
        "disclaimer": DISCLAIMER,
        "unit": f"{plan.unit.name} {plan.unit.version}",
        "unit_sha256": plan.unit.sha256,
        "unit_profiles": plan.unit.profiles,
        "case_source": plan.case.source,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
    }
