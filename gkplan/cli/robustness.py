"""gkplan robustness: a plan under errors of set-up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from gkplan.cli.app import PlanArgument, app


@app.command()
def robustness(
    plan_file: PlanArgument,
    shift: Annotated[float, typer.Option(help="standard deviation an axis, mm")] = 0.5,
    rotation: Annotated[
        float, typer.Option(help="standard deviation an axis, degrees, about the targets' centroid")
    ] = 0.5,
    scenarios: Annotated[int, typer.Option(help="how many are drawn")] = 50,
    seed: Annotated[int, typer.Option(help="of the random numbers")] = 1,
    figure: Annotated[Path | None, typer.Option(help="PNG file to draw")] = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="write the numbers here")] = None,
) -> None:
    """Coverage and organ doses when the patient lies a little beside and turned."""
    from rich.console import Console
    from rich.table import Table

    from gkplan.cli.progress import progress
    from gkplan.disclaimer import DISCLAIMER
    from gkplan.errors import PlanError
    from gkplan.files import write_bytes, write_text
    from gkplan.metrics.setup import SetupUncertainty
    from gkplan.planfile import read_plan
    from gkplan.report.robusttable import ROBUST_COLUMNS, robust_line, robust_rows, robust_table
    from gkplan.workflow import judge_robustness

    if figure is not None and figure.suffix.lower() != ".png":
        raise PlanError(f"--figure {figure}: expected the name of a .png file")
    uncertainty = SetupUncertainty(shift, rotation, scenarios, seed)
    with progress() as report:
        plan = read_plan(plan_file)
        result = judge_robustness(plan, uncertainty, report)
        if figure is not None:
            from gkplan.report import png_bytes
            from gkplan.report.robustplot import robustness_figure

            report("drawing")
            write_bytes(figure, png_bytes(robustness_figure(plan, result)))
    if json_out is not None:
        write_text(json_out, json.dumps(robust_table(plan, result), indent=1) + "\n")
    table = Table(*ROBUST_COLUMNS, title=f"{plan.case.name}: set-up errors; doses in Gy")
    for row in robust_rows(result):
        table.add_row(*row)
    console = Console()
    # Names are not to be cut where no terminal says how wide it is.
    console.width = max(console.width, 112)
    console.print(table)
    console.print(robust_line(result), highlight=False)
    console.print(DISCLAIMER)
