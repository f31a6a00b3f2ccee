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
from gkplan.cli.engines import asked_engine
from gkplan.cli.progress import progress
from gkplan.disclaimer import DISCLAIMER
from gkplan.errors import PlanError


@app.command()
def compare(
    plan_file: PlanArgument,
    engines: Annotated[
        str, typer.Option(help="two or three of tmr, tmr-radiological, montecarlo, with commas")
    ] = "tmr,tmr-radiological,montecarlo",
    uncertainty: UncertaintyOption = 0.01,
    medium: MediumOption = "head",
    resume: ResumeOption = None,
    figure: Annotated[
        Path | None, typer.Option(help="write histograms and differences as .png")
    ] = None,
) -> None:
    """Judge one plan by several dose engines, side by side: indices, differences, gamma."""
    from rich.console import Console
    from rich.table import Table

    from gkplan.dose.names import NAMES

    names = [name.strip() for name in engines.split(",")]
    if len(names) < 2 or len(set(names)) < len(names) or not set(names) <= set(NAMES):
        raise PlanError(f"--engines {engines}: expected two or three of {', '.join(NAMES)}")
    last = "montecarlo" if "montecarlo" in names else names[-1]
    how = asked_engine(last, None, uncertainty, medium, resume).montecarlo
    with progress() as report:
        from gkplan.check.engines import by_engines, engine_gammas
        from gkplan.files import write_bytes
        from gkplan.planfile import read_plan
        from gkplan.report import png_bytes
        from gkplan.report.comparison import (
            GAMMA_COLUMNS,
            compared_rows,
            difference_rows,
            gamma_rows,
            noise_text,
        )
        from gkplan.report.engineplot import engines_figure

        plan = read_plan(plan_file)
        judged = by_engines(plan, names, how, report)
        gammas = engine_gammas(judged, report)
        if figure is not None:
            report("drawing")
            write_bytes(figure, png_bytes(engines_figure(plan, judged)))
    console = Console()
    # Numbers are not to be cut where no terminal says how wide it is.
    console.width = max(console.width, 48 + 26 * len(names))
    for title, columns, rows in (
        (plan.case.name, ("", *names), compared_rows(*(j.planned for j in judged))),
        (
            f"Differences from {names[0]}",
            ("", names[0], *names[1:]),
            difference_rows(judged),
        ),
        ("Gamma", GAMMA_COLUMNS, gamma_rows(gammas)),
    ):
        table = Table(*columns, title=title)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    if note := noise_text(judged):
        console.print(note, highlight=False)
    console.print(DISCLAIMER)
