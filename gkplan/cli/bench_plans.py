"""gkplan bench plans: the planner beside its baselines over a population of cases."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gkplan.cli.bench import bench
from gkplan.cli.progress import progress
from gkplan.disclaimer import DISCLAIMER
from gkplan.errors import PlanError, StoppedError

if TYPE_CHECKING:
    from rich.table import Table

    from gkplan.bench.plans import Medians, Method, Row


@bench.command()
def plans(
    cases: Annotated[
        list[str],
        typer.Option(help="folder of contour .json files, a file, or a phantom; may be repeated"),
    ],
    out: Annotated[
        Path, typer.Option(help="folder of the results; a second run goes on where it stopped")
    ] = Path("bench-plans"),
    methods: Annotated[
        str | None,
        typer.Option(help="some of quality,balanced,fast,grassfire,packing; all if none"),
    ] = None,
    executor: Annotated[
        str | None, typer.Option(help="processes or dask; in turn if not given")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="how many processes; all cores")] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="address of a running dask scheduler")
    ] = None,
    prescription: Annotated[
        float | None, typer.Option(help="dose for all targets, Gy; each case's own")
    ] = None,
    rate: Annotated[float, typer.Option(help="calibration dose rate, Gy/min")] = 3.0,
    unit: Annotated[str, typer.Option(help="unit name or file")] = "perfexion",
) -> None:
    """Plan every case by every method; one table, its medians and a figure."""
    from gkplan.bench.plans import Options, find_cases, jobs_of, medians, sweep
    from gkplan.cli.executors import executor_called
    from gkplan.unit import load_unit

    load_unit(unit)
    cores = os.cpu_count() or 1
    count = cores if workers is None else workers
    if count < 1:
        raise PlanError(f"--workers {workers}: expected 1 or more")
    if scheduler and executor != "dask":
        raise PlanError(f"--scheduler {scheduler}: needs --executor dask")
    # Processes on this machine share its cores; a cluster has its own.
    threads = max(cores // count, 1) if executor and not scheduler else None
    jobs = jobs_of(find_cases(cases), _methods(methods), Options(prescription, rate, unit), threads)
    with progress() as report:
        try:
            with executor_called(executor, count, scheduler) as chosen:
                rows = sweep(jobs, out / "results", chosen, report)
        except KeyboardInterrupt:
            raise StoppedError(f"what was finished is kept in {out / 'results'}") from None
        report("drawing")
        _write(rows, out)
    _print(rows, medians(rows))


def _methods(text: str | None) -> dict[str, Method]:
    from gkplan.bench.plans import METHODS

    names = list(METHODS) if text is None else [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in METHODS]:
        raise PlanError(f"--methods {unknown[0]}: expected some of {', '.join(METHODS)}")
    return {name: METHODS[name] for name in names}


def _write(rows: Sequence[Row], out: Path) -> None:
    from gkplan.bench.plans import rows_csv, rows_json
    from gkplan.files import write_bytes, write_text
    from gkplan.report.benchplot import bench_figure
    from gkplan.report.figure import png_bytes

    write_text(out / "plans.csv", rows_csv(rows))
    write_text(out / "plans.json", rows_json(rows))
    write_bytes(out / "plans.png", png_bytes(bench_figure(rows)))


def _print(rows: Sequence[Row], middle: Sequence[Medians]) -> None:
    from rich.console import Console

    console = Console()
    # Lines of figures are not to be cut where no terminal says how wide it is.
    console.width = max(console.width, 190)
    console.print(_row_table(rows))
    console.print(_median_table(middle))
    for row in rows:
        if row.error:
            console.print(f"{row.case} by {row.method}: {row.error}", markup=False)
    for source in sorted({row.source for row in rows if row.source}):
        console.print(f"Source: {source}", markup=False)
    console.print("PCI, cov.: on lattices / on random points / in slabs of the contours.")
    console.print("gap: to the bound over the method's own candidates, before scaling and transit.")
    console.print("kern./LP/seq./judge: seconds.")
    console.print(DISCLAIMER)


# Heading and what stands below it, of a row or of medians.
_COLUMNS = (
    ("cc", ("volume_cc",), 3),
    ("cov.", ("coverage", "sampled_coverage", "slab_coverage"), 3),
    ("sel.", ("selectivity",), 3),
    ("PCI", ("paddick_index", "sampled_paddick_index", "slab_paddick_index"), 3),
    ("GI", ("gradient_index",), 2),
    ("eta50", ("efficiency_index",), 3),
    ("isod.", ("prescription_isodose",), 2),
    ("V12 cc", ("v12gy_cc",), 2),
    ("BOT min", ("beam_on_time_min",), 1),
    ("shots", ("shots",), 0),
    ("iso.", ("isocenters",), 0),
    ("gap LP/shots", ("gap", "delivered_gap"), 4),
    ("kern./LP/seq./judge", ("kernels_s", "programme_s", "sequencing_s", "judging_s"), 1),
)


def _cells(value: dict[str, float | None]) -> list[str]:
    from gkplan.report.text import number

    return [
        "/".join(number(value[name], digits) for name in names) for _, names, digits in _COLUMNS
    ]


def _row_table(rows: Sequence[Row]) -> Table:
    from dataclasses import asdict

    from rich.table import Table

    table = Table("case", "method", *(head for head, *_ in _COLUMNS), "limits", box=None)
    for row in rows:
        if row.error:
            table.add_row(row.case, row.method, "failed")
            continue
        limits = "\n".join(
            f"{limit.structure} {limit.dose_gy:.2f}/{limit.limit_gy:g}{'' if limit.met else ' !'}"
            for limit in row.limits
        )
        table.add_row(row.case, row.method, *_cells(asdict(row)), limits)
    return table


def _median_table(middle: Sequence[Medians]) -> Table:
    from rich.table import Table

    table = Table("median of", "method", "n", *(head for head, *_ in _COLUMNS), "met", box=None)
    for m in middle:
        if m.cases:
            met = f"{m.limits_met}/{m.limits}"
            table.add_row(m.group, m.method, str(m.cases), *_cells(m.of), met)
    return table
