"""gkplan shots: planning by hand, one edit a command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gkplan.cli.app import (
    CaseArgument,
    DayOption,
    DepthOption,
    DoseOption,
    GammaOption,
    HeadOption,
    IsodoseOption,
    PlanArgument,
    RateOption,
    UnitOption,
    app,
)
from gkplan.cli.edits import check_new, place_of, tell_of_stale_files
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
from gkplan.cli.numbers import chosen, day_of, numbers, point
from gkplan.cli.progress import progress
from gkplan.cli.shottable import print_shots
from gkplan.errors import PlanError

if TYPE_CHECKING:
    from gkplan.plan import Plan

shots = typer.Typer(
    help="Plan by hand: each command makes one edit, writes plan.json and judges the plan.",
    no_args_is_help=True,
)
app.add_typer(shots, name="shots")

Number = Annotated[int, typer.Argument(help="shot, counted from 1")]
Out = Annotated[
    Path | None, typer.Option(help="write the plan here instead, and leave PLAN as it is")
]
Gamma = Annotated[float | None, typer.Option(help="gamma angle, degrees")]
Target = Annotated[str | None, typer.Option(help="name of the target")]
SHOT_HELP = "a size (all sectors, or helmet), sectors like 4,8,8,B,B,8,8,4, or name in the library"
Plugged = Annotated[str | None, typer.Option(help="sources to plug, from 1, as in 1-4,9")]


@shots.command("new")
def new(
    case: CaseArgument,
    out: Annotated[Path, typer.Option(help="plan.json to write")],
    shot: Annotated[str | None, typer.Option(help=SHOT_HELP)] = None,
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
    depth: DepthOption = None,
) -> None:
    """Begin a plan: one shot at the centroid of each target."""
    check_new(out)
    asked = asked_engine(None, depth)
    load = asked_case(
        case, head, gamma, dose_gy, isodose, target, oar, limit, series, structures, surface,
        threshold, bridge_mm, frame_centre,
    )  # fmt: skip
    with progress() as report:
        from gkplan.forward import new_plan
        from gkplan.planfile import write_plan
        from gkplan.workflow import judge

        loaded = load(report)
        states = None if shot is None else _sectors(shot)
        report("preparing the kernels (compiled at the first run)")
        made = new_plan(
            loaded,
            states,
            unit_name=unit,
            rate_gy_per_min=rate,
            treatment_date=day_of(day),
            depth=asked.depth or "geometric",
        )
        planned = judge(made, report)
        write_plan(planned.plan, out)
    print_shots(planned)


@shots.command("list")
def list_shots(plan: PlanArgument) -> None:
    """Show the shots and the indices."""
    with progress() as report:
        from gkplan.planfile import read_plan
        from gkplan.workflow import judge

        planned = judge(read_plan(plan), report)
    print_shots(planned)


@shots.command()
def add(
    plan: PlanArgument,
    shot: Annotated[str, typer.Argument(help=SHOT_HELP)],
    at: Annotated[str, typer.Option(help="isocentre X,Y,Z in Leksell mm")],
    time: Annotated[float, typer.Option(help="minutes")] = 1.0,
    gamma: Gamma = None,
    target: Target = None,
    plugged: Plugged = None,
    out: Out = None,
) -> None:
    """Add a shot, delivered last."""
    from gkplan.forward import add

    states, place = _sectors(shot), point("--at", at)
    without = [] if plugged is None else chosen("sources", plugged)
    _edit(
        plan,
        out,
        lambda p: add(
            p, states, place, time, gamma_angle_deg=gamma, target=target, plugged=without
        ),
    )


@shots.command()
def move(
    plan: PlanArgument,
    number: Number,
    to: Annotated[str | None, typer.Option(help="X,Y,Z in Leksell mm")] = None,
    by: Annotated[str | None, typer.Option(help="DX,DY,DZ in mm")] = None,
    out: Out = None,
) -> None:
    """Move a shot to a place, or by an offset."""
    from gkplan.forward import move

    place = None if to is None else point("--to", to)
    shift = None if by is None else point("--by", by)
    _edit(plan, out, lambda p: move(p, number, to=place, by=shift))


@shots.command("set")
def set_shot(
    plan: PlanArgument,
    number: Number,
    time: Annotated[float | None, typer.Option(help="minutes")] = None,
    sectors: Annotated[str | None, typer.Option(help=SHOT_HELP)] = None,
    collimator: Annotated[int | None, typer.Option(help="mm, all sectors or helmet")] = None,
    gamma: Gamma = None,
    target: Target = None,
    out: Out = None,
) -> None:
    """Give a shot another time, other sectors or another helmet, gamma angle or target."""
    from gkplan.forward import change

    states = None if sectors is None else _sectors(sectors)
    _edit(
        plan,
        out,
        lambda p: change(
            p,
            number,
            time_min=time,
            sectors=states,
            collimator_mm=collimator,
            gamma_angle_deg=gamma,
            target=target,
        ),
    )


@shots.command()
def block(
    plan: PlanArgument,
    number: Number,
    sectors: Annotated[str, typer.Argument(help="sectors to block, from 1, as in 4,5")],
    out: Out = None,
) -> None:
    """Block some sectors of a shot."""
    from gkplan.forward import block

    which = chosen("sectors", sectors)
    _edit(plan, out, lambda p: block(p, number, which))


@shots.command()
def plug(
    plan: PlanArgument,
    number: Number,
    sources: Annotated[str, typer.Argument(help="sources to plug, from 1, as in 1-4,9")],
    out: Out = None,
) -> None:
    """Plug some sources of a shot through a helmet."""
    from gkplan.forward import plug

    which = chosen("sources", sources)
    _edit(plan, out, lambda p: plug(p, number, which))


@shots.command()
def unplug(
    plan: PlanArgument,
    number: Number,
    sources: Annotated[str | None, typer.Argument(help="as for plug; all if not given")] = None,
    out: Out = None,
) -> None:
    """Open plugged sources of a shot again."""
    from gkplan.forward import unplug

    which = None if sources is None else chosen("sources", sources)
    _edit(plan, out, lambda p: unplug(p, number, which))


@shots.command()
def remove(
    plan: PlanArgument,
    which: Annotated[str, typer.Argument(help="shots, as in 3 or 1,4,5")],
    out: Out = None,
) -> None:
    """Remove shots."""
    from gkplan.forward import remove

    gone = chosen("shots", which)
    _edit(plan, out, lambda p: remove(p, gone))


@shots.command()
def weight(
    plan: PlanArgument,
    which: Annotated[str | None, typer.Argument(help="shots, as in 2 or 1,3, or all")] = None,
    factor: Annotated[float | None, typer.Argument(help="what their times are times by")] = None,
    relative: Annotated[
        str | None, typer.Option(help="weights of all shots instead, as in 1,0.5,2")
    ] = None,
    out: Out = None,
) -> None:
    """Scale the times of some shots, or share the beam-on time out by relative weights."""
    from gkplan.forward import set_weights, weight

    if relative is not None:
        if which is not None:
            raise PlanError("weight: expected shots and a factor, or --relative, got both")
        weights = numbers("--relative", relative)
        _edit(plan, out, lambda p: set_weights(p, weights))
        return
    if which is None or factor is None:
        raise PlanError("weight: expected shots and a factor, as in 2 1.5, or --relative 1,0.5,2")
    some = None if which == "all" else chosen("shots", which)
    _edit(plan, out, lambda p: weight(p, factor, some))


@shots.command()
@shots.command("normalize", hidden=True)
def normalise(
    plan: PlanArgument,
    isodose: Annotated[
        float | None, typer.Option(help="the prescription is this fraction of the maximum")
    ] = None,
    coverage: Annotated[
        float | None, typer.Option(help="this fraction of the target gets the prescription")
    ] = None,
    target: Target = None,
    out: Out = None,
) -> None:
    """Scale all times so that an isodose or a coverage gets the prescription dose."""
    from gkplan.forward import normalise

    _edit(plan, out, lambda p: normalise(p, isodose=isodose, coverage=coverage, target=target))


@shots.command()
def undo(plan: PlanArgument, out: Out = None) -> None:
    """Take back the last edit."""
    from gkplan.forward import undo

    _edit(plan, out, undo)


@shots.command()
def redo(plan: PlanArgument, out: Out = None) -> None:
    """Make the edit again that was taken back."""
    from gkplan.forward import redo

    _edit(plan, out, redo)


@shots.command()
def library() -> None:
    """List the shots that have names."""
    from rich.console import Console
    from rich.table import Table

    from gkplan.forward import library_shots

    table = Table("Name", "Sectors 1 to 8", "What", "Origin", box=None, pad_edge=False)
    for shot in library_shots():
        states = " ".join("B" if state == 0 else str(state) for state in shot.sectors)
        table.add_row(shot.name, states, shot.description, shot.origin)
    console = Console()
    console.width = max(console.width, 120)
    console.print(table)


@shots.command()
def write(
    plan: PlanArgument,
    out: Annotated[Path, typer.Option(help="folder to write")],
    overwrite: Annotated[bool, typer.Option(help="replace a plan in --out")] = False,
) -> None:
    """Write all files of a plan, as gkplan plan does: DICOM, histograms and report."""
    from gkplan.files import check_output_folder

    check_output_folder(out, overwrite)
    with progress() as report:
        from gkplan.planfile import read_plan
        from gkplan.workflow import judge, write_all

        planned = judge(read_plan(plan), report)
        write_all(planned, out, overwrite, report)
    print_shots(planned)


def _sectors(text: str) -> tuple[int, ...]:
    from gkplan.forward import library_shot, parse_sectors

    return parse_sectors(text) if "," in text or text.isdecimal() else library_shot(text).sectors


def _edit(plan_file: Path, out: Path | None, function: Callable[[Plan], Plan]) -> None:
    """Read, edit, judge and write a plan, and print what it has become."""
    place = place_of(plan_file, out)
    with progress() as report:
        from gkplan.planfile import read_plan, write_plan
        from gkplan.workflow import judge

        planned = judge(function(read_plan(plan_file)), report)
        write_plan(planned.plan, place)
    print_shots(planned)
    tell_of_stale_files(place)
