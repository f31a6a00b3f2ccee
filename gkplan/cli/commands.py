"""One function a command."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gkplan.cli.app import (
    CaseArgument,
    CoverageOption,
    DayOption,
    DepthOption,
    DoseOption,
    EngineOption,
    GammaOption,
    HeadOption,
    IsodoseOption,
    MediumOption,
    OutOption,
    PlanArgument,
    PlanEngineOption,
    RateOption,
    ResumeOption,
    UncertaintyOption,
    UnitOption,
    app,
)
from gkplan.cli.engines import asked_engine
from gkplan.cli.foreign import (
    BridgeOption,
    CentreOption,
    LimitsOption,
    OarsOption,
    SeriesOption,
    StructuresOption,
    SurfaceOption,
    TargetsOption,
    ThresholdOption,
    asked_case,
)
from gkplan.cli.numbers import day_of, point
from gkplan.cli.progress import progress
from gkplan.disclaimer import DISCLAIMER
from gkplan.errors import PlanError

if TYPE_CHECKING:
    from gkplan.workflow import Planned


def _print(planned: Planned) -> None:
    from rich.console import Console
    from rich.table import Table

    from gkplan.report.comparison import compared_rows
    from gkplan.report.table import summary_rows

    rows: Sequence[tuple[str, ...]]
    if (before := planned.before) is None:
        table = Table("", "", title=planned.plan.case.name, show_header=False)
        rows = summary_rows(planned.plan, planned.evaluation, planned.seconds)
    else:
        table = Table("", "as planned", "scaled to Monte Carlo", title=planned.plan.case.name)
        rows = compared_rows(before, planned)
    for row in rows:
        table.add_row(*row)
    console = Console()
    console.print(table)
    console.print(DISCLAIMER)


@app.command()
def plan(
    case: CaseArgument,
    out: OutOption,
    dose_gy: DoseOption = None,
    isodose: IsodoseOption = None,
    rate: RateOption = None,
    day: DayOption = None,
    head: HeadOption = None,
    gamma: GammaOption = None,
    unit: UnitOption = "perfexion",
    target: TargetsOption = None,
    oar: OarsOption = None,
    limit: LimitsOption = None,
    series: SeriesOption = None,
    structures: StructuresOption = None,
    surface: SurfaceOption = None,
    threshold: ThresholdOption = None,
    bridge_mm: BridgeOption = 0.0,
    frame_centre: CentreOption = None,
    aim: Annotated[str, typer.Option(help="quality, balanced or fast")] = "balanced",
    depth: DepthOption = None,
    engine: PlanEngineOption = None,
    uncertainty: UncertaintyOption = 0.01,
    coverage: CoverageOption = None,
    selectivity: Annotated[
        float, typer.Option(help="how many times more selectivity counts than in the aim")
    ] = 1.0,
    gradient: Annotated[float, typer.Option(help="the same for the gradient")] = 1.0,
    speed: Annotated[float, typer.Option(help="the same for the beam-on time")] = 1.0,
    shots: Annotated[int | None, typer.Option(help="no more shots than these")] = None,
    isocenters: Annotated[int | None, typer.Option(help="no more isocentres than these")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="no more beam-on time, in minutes at 3 Gy/min")
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="replace a plan in --out")] = False,
) -> None:
    """Plan a case: shots, dose, metrics, DICOM and report."""
    from gkplan.files import check_output_folder

    check_output_folder(out, overwrite)
    from gkplan.planner.aim import aim_named, tilted

    wanted = tilted(
        aim_named(aim), coverage, selectivity, gradient, speed, shots, isocenters, minutes
    )
    asked = asked_engine(engine, depth, uncertainty, planning=True)
    load = asked_case(
        case, head, gamma, dose_gy, isodose, target, oar, limit, series, structures, surface,
        threshold, bridge_mm, frame_centre,
    )  # fmt: skip
    with progress() as report:
        from gkplan.workflow import make_plan, write_all

        planned = make_plan(
            load(report),
            unit,
            rate,
            day_of(day),
            report,
            wanted,
            asked.depth or "geometric",
            asked.montecarlo,
        )
        write_all(planned, out, overwrite, report)
    _print(planned)


@app.command()
def evaluate(
    plan_file: PlanArgument,
    json_out: Annotated[Path | None, typer.Option("--json", help="write the metrics here")] = None,
    engine: EngineOption = None,
    depth: DepthOption = None,
    uncertainty: UncertaintyOption = 0.01,
    medium: MediumOption = "head",
    resume: ResumeOption = None,
) -> None:
    """Judge a plan: indices, structure doses, limits."""
    asked = asked_engine(engine, depth, uncertainty, medium, resume)
    with progress() as report:
        from gkplan.files import write_text
        from gkplan.planfile import metrics_table, read_plan
        from gkplan.workflow import judge

        plan = asked.plan(read_plan(plan_file))
        planned = judge(plan, report, engine=asked.judging(plan, report))
    if json_out is not None:
        write_text(json_out, json.dumps(metrics_table(planned.evaluation.metrics), indent=1))
    _print(planned)


@app.command()
def dose(
    plan_file: PlanArgument,
    at: Annotated[list[str] | None, typer.Option(help="Leksell point X,Y,Z in mm")] = None,
    out: Annotated[Path | None, typer.Option(help="write the dose grid as .npz")] = None,
    spacing: Annotated[float, typer.Option(help="grid spacing, mm")] = 1.0,
    engine: EngineOption = None,
    depth: DepthOption = None,
    uncertainty: UncertaintyOption = 0.01,
    medium: MediumOption = "head",
    resume: ResumeOption = None,
) -> None:
    """Compute a plan's dose: at points, or on a grid."""
    import io

    import numpy as np

    from gkplan.files import write_bytes
    from gkplan.grid import Volume
    from gkplan.planfile import read_plan
    from gkplan.simulate import montecarlo_of
    from gkplan.workflow import dose_grid, dose_volume, engine_of

    asked = asked_engine(engine, depth, uncertainty, medium, resume)
    how = asked.montecarlo
    if not at and out is None:
        raise PlanError("dose: nothing to do; give --at X,Y,Z or --out FILE.npz")
    if not 0.1 <= spacing <= 20.0:
        raise PlanError(f"--spacing {spacing}: expected 0.1 to 20 mm")
    points = [point("--at", text) for text in at or []]
    if how and points and out is not None:
        raise PlanError("dose: montecarlo computes points or a grid; give --at or --out, not both")
    plan = asked.plan(read_plan(plan_file))
    more: dict[str, Any] = {}
    with progress() as report:
        source = montecarlo_of(plan, how, report) if how else engine_of(plan)
        values = source.dose(np.array(points), plan.shots).tolist() if points else []
        if how is None and out is not None:
            volume = dose_volume(plan, spacing)
        elif out is not None:
            grid = dose_grid(plan, spacing)
            result = montecarlo_of(plan, how, report).run(grid, plan.shots)
            volume = Volume(result.dose_gy, grid, "dose_gy")
            more = {"standard_error_gy": result.error_gy, "disclaimer": DISCLAIMER}
    for place, value in zip(points, values, strict=True):
        typer.echo(f"{place[0]:g},{place[1]:g},{place[2]:g} mm: {value:.4f} Gy")
    if out is not None:
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            **more,
            dose_gy=volume.array,
            origin_mm=volume.grid.origin_mm,
            spacing_mm=volume.grid.spacing_mm,
            frame=str(volume.grid.frame),
        )
        write_bytes(out, buffer.getvalue())


@app.command()
def units(
    name: Annotated[str | None, typer.Argument(help="show the origin of its numbers")] = None,
) -> None:
    """List the radiation units, or the origin of one unit's numbers."""
    from gkplan.unit import load_unit, unit_names

    for shown in [name] if name else unit_names():
        unit = load_unit(shown)
        sizes = "/".join(map(str, unit.collimator_sizes_mm))
        names = f"{unit.name} ({', '.join(unit.aliases)})" if unit.aliases else unit.name
        typer.echo(
            f"{names}: {unit.title}, {sizes} mm, data {unit.version}; profiles {unit.profiles}"
        )
        if name:
            for key, origin in unit.origin.items():
                typer.echo(f"  {key}: {origin}")
