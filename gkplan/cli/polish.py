"""gkplan polish: better times or places for the shots of a plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gkplan.cli.app import PlanArgument, app
from gkplan.cli.edits import place_of, tell_of_stale_files

if TYPE_CHECKING:
    from gkplan.planner import Aim
    from gkplan.workflow import Planned


@app.command()
def polish(
    plan: PlanArgument,
    positions: Annotated[
        bool, typer.Option("--positions", help="move isocentres and change sectors, too")
    ] = False,
    aim: Annotated[str, typer.Option(help="quality, balanced or fast")] = "balanced",
    out: Annotated[
        Path | None, typer.Option(help="write the plan here instead, and leave PLAN as it is")
    ] = None,
) -> None:
    """Give the shots of a plan better times; never more shots, never a worse score."""
    from gkplan.cli.progress import progress
    from gkplan.planner.aim import aim_named

    place = place_of(plan, out)
    wanted = aim_named(aim)
    with progress() as report:
        from gkplan.forward import polish as polished
        from gkplan.planfile import read_plan, write_plan
        from gkplan.workflow import judge

        given = read_plan(plan)
        better = polished(given, aim, positions=positions, report=report)
        before = judge(given, report)
        after = before if better is given else judge(better, report)
        if better is not given or out is not None:
            write_plan(after.plan, place)
    _print(before, after, wanted)
    if better is not given:
        tell_of_stale_files(place)


def _print(before: Planned, after: Planned, aim: Aim) -> None:
    from rich.console import Console
    from rich.table import Table

    from gkplan.disclaimer import DISCLAIMER
    from gkplan.planner.polish import ENOUGH
    from gkplan.report.comparison import compared_rows

    table = Table("", "before", "after", title=before.plan.case.name, box=None, pad_edge=False)
    for row in compared_rows(before, after):
        table.add_row(*row)
    console = Console()
    # Lines of figures are not to be cut where no terminal says how wide it is.
    console.width = max(console.width, 112)
    console.print(table)
    if after is before:
        console.print(
            f"nothing scores {100 * ENOUGH:g} % better at a coverage of {100 * aim.coverage:g} %: "
            f"the plan is left as it is",
            highlight=False,
        )
    else:
        console.print(after.plan.history.past[-1].what, markup=False, highlight=False)
    console.print(DISCLAIMER)
