"""gkplan compare: one plan by several dose engines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gkplan.cli.app import (
    MediumOption,
    PlanArgument,
    ResumeOption,
    UncertaintyOption,
    app,
)
from gkplan.cli.engines import NAMES, asked_engine
from gkplan.cli.progress import progress
from gkplan.disclaimer import DISCLAIMER
from gkplan.errors import PlanError


@app.command()
def compare(
    plan_file: PlanArgument,
    engines: Annotated[str, typer.Option(help="two, with a comma between")] = "tmr,montecarlo",
    uncertainty: UncertaintyOption = 0.01,
    medium: MediumOption = "head",
    resume: ResumeOption = None,
    figure: Annotated[Path | None, typer.Option(help="write the histograms as .png")] = None,
) -> None:
    """Judge one plan by two dose engines, side by side."""
    from rich.console import Console
    from rich.table import Table

    names = [name.strip() for name in engines.split(",")]
    if len(names) != 2 or len(set(names)) != 2 or not set(names) <= set(NAMES):
        raise PlanError(f"--engines {engines}: expected two of {', '.join(NAMES)}")
    asked = [
        asked_engine(n, None, uncertainty, medium, resume if n == "montecarlo" else None)
        for n in names
    ]
    with progress() as report:
        from gkplan.files import write_bytes
        from gkplan.planfile import read_plan
        from gkplan.report import png_bytes
        from gkplan.report.comparison import compared_rows
        from gkplan.report.engineplot import engines_figure
        from gkplan.workflow import judge

        plan = read_plan(plan_file)
        first, second = (
            judge(of.plan(plan), report, engine=of.judging(plan, report)) for of in asked
        )
        if figure is not None:
            pair = {name: p.evaluation for name, p in zip(names, (first, second), strict=True)}
            write_bytes(figure, png_bytes(engines_figure(plan, pair)))
    table = Table("", *names, title=plan.case.name)
    for row in compared_rows(first, second):
        table.add_row(*row)
    console = Console()
    console.print(table)
    console.print(DISCLAIMER)
