"""gkplan commission: fit a unit's beam model to composite profiles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gkplan.cli.app import app


@app.command()
def commission(
    profiles: Annotated[Path, typer.Argument(help="CSV of composite profiles, 160 mm sphere")],
    out: Annotated[Path, typer.Option(help="unit file to write (.toml)")],
    unit: Annotated[str, typer.Option(help="unit to start from, name or file")] = "perfexion",
    leave_out: Annotated[
        bool, typer.Option(help="also predict each profile from the fit to the others")
    ] = True,
) -> None:
    """Fit the beam model to measured or planned profiles and write a unit file."""
    from gkplan.cli.progress import progress
    from gkplan.commission import fit_collimator, leave_one_out, read_scans
    from gkplan.commission.write import account, commissioned_table, toml_text
    from gkplan.errors import UnitError
    from gkplan.files import write_text
    from gkplan.unit import load_unit, unit_table

    base, table = load_unit(unit), unit_table(unit)
    scans = read_scans(profiles)
    predicted: dict[str, float] = {}
    fits = []
    with progress() as report:
        for size in sorted({scan.collimator_mm for scan in scans}):
            mine = [scan for scan in scans if scan.collimator_mm == size]
            report(f"fitting {len(mine)} profiles of the {size} mm collimator")
            fits.append(fit_collimator(base, size, mine))
            if leave_out:
                report(f"leaving out one {size} mm profile at a time")
                predicted |= leave_one_out(base, size, mine)
    typer.echo(account(fits, predicted))
    if failed := [fit.collimator_mm for fit in fits if not fit.converged]:
        raise UnitError(f"{out}: not written: the fit of {failed[0]} mm did not converge")
    write_text(out, toml_text(commissioned_table(table, fits, profiles.name)))
