"""What an edit by hand shows: the shots and what they have become."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gkplan.disclaimer import DISCLAIMER

if TYPE_CHECKING:
    from gkplan.workflow import Planned


def print_shots(planned: Planned) -> None:
    """The shots, the quick indices, the limits and the last edit."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from gkplan.report.table import INDEX_COLUMNS, index_rows, limit_rows, shot_columns, shot_rows

    plan, metrics = planned.plan, planned.evaluation.metrics
    console = Console()
    # Lines of figures are not to be cut where no terminal says how wide it is.
    console.width = max(console.width, 96)
    for columns, rows in (
        (shot_columns(plan.unit), shot_rows(plan)),
        (INDEX_COLUMNS, index_rows(metrics)),
    ):
        table = Table(*columns, box=None, pad_edge=False)
        for row in rows:
            table.add_row(*map(escape, row))
        console.print(table)
        console.print()
    console.print(
        f"beam-on time {metrics.beam_on_time_min:.2f} min, shots: {metrics.n_shots}, "
        f"V12 {metrics.v12gy_cc:.3g} cc"
    )
    for structure, limit, dose, verdict in limit_rows(planned.evaluation):
        style = None if verdict == "met" else "red"
        console.print(f"{structure} {limit}: {dose}, {verdict}", style=style, markup=False)
    if plan.history.past:
        console.print(f"last edit: {plan.history.past[-1].what}", markup=False)
    console.print(DISCLAIMER)
