"""gkplan bench: how fast the engines are on this machine."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gkplan.cli.app import app

if TYPE_CHECKING:
    from rich.table import Table

bench = typer.Typer(help="Time the engines beside their baselines; every answer is asserted.")
app.add_typer(bench, name="bench")


@bench.callback()
def _group() -> None:
    """One command a benchmark."""


@bench.command()
def dose(
    out: Annotated[Path | None, typer.Option("--json", help="also write the figures here")] = None,
    quick: Annotated[
        bool, typer.Option(help="a trial with little work; its times mean little")
    ] = False,
) -> None:
    """Dose kernels beside the float64 twin, a plain loop and the machine's limits."""
    from rich.console import Console

    from gkplan.bench.dose import FULL, QUICK, run
    from gkplan.cli.progress import progress
    from gkplan.files import write_text

    with progress() as report:
        result: dict[str, Any] = run(report, QUICK if quick else FULL)
    console = Console()
    # Lines of figures are not to be cut where no terminal says how wide it is.
    console.width = max(console.width, 96)
    first, where = result["first_call"], result["machine"]
    console.print(f"{where['processor']}, {where['cores']} cores")
    for count, limits in result["limits"].items():
        console.print(
            f"{count} thread(s): {limits['multiply_add_gflops']:.0f} GF/s multiply-add, "
            f"{limits['look_up_g_per_s']:.1f} G look-ups/s, {limits['triad_gb_per_s']:.0f} GB/s"
        )
    console.print(
        f"first call {first['compile_s']:.1f} s compiling, {first['from_cache_s']:.1f} s from cache"
    )
    console.print(_table(result["rows"]))
    if out is not None:
        write_text(out, json.dumps(result, indent=1) + "\n")


def _table(rows: list[dict[str, Any]]) -> Table:
    from rich.table import Table

    columns = ("thr", "shots", "s", "G bv/s", "x plain", "of limit", "error", "MB")
    table = Table("", *columns, box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for row in rows:
        table.add_row(
            f"{row['engine']}: {row['what']}",
            str(row["threads"]),
            str(row["shots"]),
            f"{row['seconds']:.3f}",
            f"{row['beam_voxels_per_s'] / 1e9:.3g}",
            f"{row['times_plain']:.3g}",
            f"{row['of_limit']:.2g}",
            f"{row['error']:.0e}",
            "" if math.isnan(row["peak_mb"]) else f"{row['peak_mb']:.0f}",
        )
    return table
