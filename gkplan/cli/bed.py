"""gkplan bed: biologically effective dose of a plan, with the timing of its shots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from gkplan.cli.app import PlanArgument, app


@app.command()
def bed(
    plan_file: PlanArgument,
    tissue: Annotated[
        str, typer.Option(help="tissue whose repair counts: a name, or a TOML file")
    ] = "normal-cns",
    sessions: Annotated[int, typer.Option(help="equal sessions, 1 to 5")] = 1,
    hours: Annotated[float, typer.Option(help="from the start of a session to the next")] = 24.0,
    gap: Annotated[float, typer.Option(help="minutes between shots")] = 0.1,
    json_out: Annotated[Path | None, typer.Option("--json", help="write the numbers here")] = None,
) -> None:
    """Biologically effective dose (BED) beside the physical dose."""
    from rich.console import Console
    from rich.table import Table

    from gkplan.cli.progress import progress
    from gkplan.disclaimer import DISCLAIMER
    from gkplan.files import write_text
    from gkplan.metrics.bed import Schedule
    from gkplan.metrics.repair import load_tissue
    from gkplan.planfile import read_plan
    from gkplan.report.bedtable import BED_COLUMNS, bed_lines, bed_rows, bed_table
    from gkplan.workflow import judge_bed

    schedule, repair = Schedule.equal(sessions, hours, gap), load_tissue(tissue)
    with progress() as report:
        plan = read_plan(plan_file)
        result = judge_bed(plan, repair, schedule, report)
    if json_out is not None:
        write_text(json_out, json.dumps(bed_table(plan, result), indent=1) + "\n")
    table = Table(*BED_COLUMNS, title=f"{plan.case.name}: dose and BED, Gy")
    for row in bed_rows(result):
        table.add_row(*row)
    console = Console()
    console.print(table)
    for line in bed_lines(result):
        console.print(line, highlight=False, markup=False)
    console.print(DISCLAIMER)
