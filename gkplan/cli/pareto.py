"""gkplan pareto: several plans of one case, from the best dose to the shortest beam-on time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gkplan.cli.app import (
    CaseArgument,
    CoverageOption,
    DayOption,
    DepthOption,
    DoseOption,
    GammaOption,
    HeadOption,
    IsodoseOption,
    OutOption,
    RateOption,
    UnitOption,
    app,
)
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
from gkplan.disclaimer import DISCLAIMER

if TYPE_CHECKING:
    from gkplan.plan import Plan

_TABLE = "pareto.json"


@app.command()
def pareto(
    case: CaseArgument,
    out: OutOption,
    plans: Annotated[int, typer.Option(help="how many")] = 7,
    aim_from: Annotated[str, typer.Option(help="aim of the first plan")] = "quality",
    aim_to: Annotated[str, typer.Option(help="aim of the last plan")] = "fast",
    coverage: CoverageOption = None,
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
    overwrite: Annotated[bool, typer.Option(help="replace such plans in --out")] = False,
) -> None:
    """Several plans of a case, from the best dose to the shortest beam-on time."""
    from gkplan.cli.engines import asked_engine
    from gkplan.cli.numbers import day_of
    from gkplan.cli.progress import progress
    from gkplan.files import check_output_folder
    from gkplan.planner.aim import aim_named, tilted
    from gkplan.planner.pareto import ladder

    check_output_folder(out, overwrite, _TABLE)
    rule = asked_engine(None, depth).depth or "geometric"
    aims = ladder(tilted(aim_named(aim_from), coverage), aim_named(aim_to), plans)
    load = asked_case(
        case, head, gamma, dose_gy, isodose, target, oar, limit, series, structures, surface,
        threshold, bridge_mm, frame_centre,
    )  # fmt: skip
    with progress() as report:
        from gkplan.workflow import make_pareto

        judged = make_pareto(load(report), unit, rate, day_of(day), report, aims, rule)
        report("drawing")
        _write([p.plan for p in judged], out)
    _print([p.plan for p in judged])


def _write(plans: Sequence[Plan], out: Path) -> None:
    from gkplan.files import whole_folder, write_bytes, write_text
    from gkplan.planfile import write_plan
    from gkplan.report import png_bytes
    from gkplan.report.paretoplot import pareto_figure
    from gkplan.report.paretotable import pareto_csv, pareto_table, plan_file_name

    with whole_folder(out) as folder:
        for n, plan in enumerate(plans, start=1):
            write_plan(plan, folder / plan_file_name(n))
        table = json.dumps(pareto_table(plans), indent=1, allow_nan=False)
        write_text(folder / _TABLE, table + "\n")
        write_text(folder / "pareto.csv", pareto_csv(plans))
        write_bytes(folder / "pareto.png", png_bytes(pareto_figure(plans)))


def _print(plans: Sequence[Plan]) -> None:
    from rich.console import Console
    from rich.table import Table

    from gkplan.report.paretotable import NOTE, PARETO_COLUMNS, pareto_rows

    table = Table(*PARETO_COLUMNS, title=plans[0].case.name)
    for row in pareto_rows(plans):
        table.add_row(*row)
    console = Console()
    # Numbers are not to be cut where no terminal says how wide it is.
    console.width = max(console.width, 130)
    console.print(table)
    console.print(NOTE)
    console.print(DISCLAIMER)
