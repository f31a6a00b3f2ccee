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
    from gkplan.commission import fit_unit, leave_one_out, read_scans
    from gkplan.commission.account import account
    from gkplan.commission.write import commissioned_table, toml_text
    from gkplan.errors import UnitError
    from gkplan.files import write_text
    from gkplan.unit import load_unit, unit_table

    base, table = load_unit(unit), unit_table(unit)
    scans = read_scans(profiles)
    with progress() as report:
        report(f"fitting {len(scans)} profiles")
        fit = fit_unit(base, scans)
        predicted = leave_one_out(base, scans, report) if leave_out else {}
    typer.echo(account(fit, predicted))
    if not fit.converged:
        raise UnitError(f"{out}: not written: the fit did not converge")
    write_text(out, toml_text(commissioned_table(table, fit, profiles.name)))
