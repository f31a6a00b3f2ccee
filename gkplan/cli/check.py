"""gkplan check: the dose of a plan computed again."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Annotated

import typer

from gkplan.cli.app import DepthOption, EngineOption, UncertaintyOption, UnitOption, app
from gkplan.cli.engines import asked_engine
from gkplan.cli.progress import progress


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(help="DICOM folder: RTPLAN, RTSTRUCT, RTDOSE")],
    pattern: Annotated[
        Path | None, typer.Option(help="JSON file with the sector states, if the plan has none")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="calibration dose rate on the day, Gy/min")
    ] = None,
    frame: Annotated[
        Path | None, typer.Option(help="localisation.json or registration.dcm of the images")
    ] = None,
    unit: UnitOption = "perfexion",
    point_tolerance: Annotated[float, typer.Option(help="total dose at the point, %")] = 3.0,
    shot_tolerance: Annotated[float, typer.Option(help="dose and rate of each shot, %")] = 5.0,
    gamma_pass: Annotated[float, typer.Option(help="voxels that pass 2 %/1 mm, %")] = 95.0,
    json_out: Annotated[Path | None, typer.Option("--json", help="write the numbers here")] = None,
    engine: EngineOption = None,
    depth: DepthOption = None,
    uncertainty: UncertaintyOption = 0.01,
) -> None:
    """Recompute a plan's dose and compare: per shot, on the grid, in structures. Exit 1: failed."""
    from rich.console import Console
    from rich.table import Table

    from gkplan.check import Recompute, Tolerances, check_plan
    from gkplan.disclaimer import DISCLAIMER
    from gkplan.errors import CheckWarning, PlanError
    from gkplan.files import write_text
    from gkplan.report.checktable import (
        DOSE_COLUMNS,
        JUDGEMENT_COLUMNS,
        SHOT_COLUMNS,
        check_table,
        dose_rows,
        judgement_rows,
        shot_rows,
        verdict_line,
    )

    for option, value in (
        ("--point-tolerance", point_tolerance),
        ("--shot-tolerance", shot_tolerance),
        ("--gamma-pass", gamma_pass),
    ):
        if not 0.0 < value <= 100.0:
            raise PlanError(f"{option} {value}: expected more than 0 and at most 100 %")
    tolerances = Tolerances(point_tolerance, shot_tolerance, shot_tolerance, gamma_pass / 100.0)
    asked = asked_engine(engine, depth, uncertainty)
    how = Recompute(asked.depth, asked.montecarlo)
    with progress() as report:
        from gkplan.dicom.read.checkfolder import CheckOptions, read_stated

        dense = asked.montecarlo is not None or asked.depth == "radiological"
        stated = read_stated(folder, CheckOptions(pattern, rate, unit, frame, dense), report)
        result = check_plan(stated, tolerances, report, how)
    if json_out is not None:
        write_text(json_out, json.dumps(check_table(result), indent=1) + "\n")
    for note in result.notes:
        warnings.warn(note, CheckWarning, stacklevel=1)
    console = Console()
    # Names and numbers are not to be cut where no terminal says how wide it is.
    console.width = max(console.width, 112)
    for title, columns, rows in (
        (f"{stated.name}: shots at the specification point", SHOT_COLUMNS, shot_rows(result)),
        ("Dose grid and structures", DOSE_COLUMNS, dose_rows(result)),
        ("Verdict", JUDGEMENT_COLUMNS, judgement_rows(result)),
    ):
        table = Table(*columns, title=title)
        for row in rows:
            table.add_row(*row)
        if rows:
            console.print(table)
    console.print(
        f"Recomputed by {result.engine}. {stated.unit.name}, calibration "
        f"{stated.rate_gy_per_min:.4g} Gy/min ({stated.rate_source}); "
        f"sectors: {stated.pattern_source}.",
        highlight=False,
    )
    console.print(verdict_line(result), highlight=False)
    console.print(DISCLAIMER)
    if not result.passed:
        raise typer.Exit(1)
