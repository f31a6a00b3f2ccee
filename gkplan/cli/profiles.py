"""gkplan profiles: composite profiles of a unit, and how they compare with others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gkplan.cli.app import app


@app.command()
def profiles(
    out: Annotated[Path, typer.Option(help="CSV file to write")],
    unit: Annotated[str, typer.Option(help="unit name or file")] = "perfexion",
    collimator: Annotated[int | None, typer.Option(help="only this collimator, mm")] = None,
    sectors: Annotated[str | None, typer.Option(help="open sectors, like 1,2")] = None,
    compare: Annotated[
        Path | None, typer.Option(help="CSV of profiles, all sectors open, to compare with")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="PNG file to draw the profiles in")] = None,
) -> None:
    """Composite profiles in the 160 mm sphere as CSV, with their widths and a figure."""
    from gkplan.commission.compare import comparison_rows
    from gkplan.commission.scans import read_scans
    from gkplan.dose.profiles import profiles_csv
    from gkplan.errors import PlanError
    from gkplan.files import write_text
    from gkplan.unit import load_unit

    machine = load_unit(unit)
    sizes = machine.collimator_sizes_mm if collimator is None else (collimator,)
    if collimator is not None and collimator not in machine.collimator_sizes_mm:
        known = ", ".join(map(str, machine.collimator_sizes_mm))
        raise PlanError(f"--collimator {collimator}: {machine.name} has {known} mm")
    try:
        opened = None if sectors is None else [int(s) for s in sectors.split(",")]
    except ValueError:
        raise PlanError(f"--sectors {sectors}: expected numbers like 1,2") from None
    if compare is not None and opened is not None:
        raise PlanError("--compare needs all sectors open; leave out --sectors")
    if figure is not None and (figure.suffix.lower() != ".png" or opened is not None):
        raise PlanError(f"--figure {figure}: expected the name of a .png file, and no --sectors")
    theirs = read_scans(compare) if compare is not None else []
    write_text(out, profiles_csv(machine, sizes, opened))
    if opened is None:
        for row in comparison_rows(machine, sizes, theirs):
            typer.echo(row)
    if figure is not None:
        from gkplan.files import write_bytes
        from gkplan.report.figure import png_bytes
        from gkplan.report.profileplot import profile_figure

        name = "" if compare is None else compare.stem
        write_bytes(figure, png_bytes(profile_figure(machine, sizes, theirs, name)))
