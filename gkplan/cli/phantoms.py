"""gkplan phantoms: what ships, what is in a case, and what it looks like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gkplan.cli.app import app
from gkplan.errors import CaseError


@app.command()
def phantoms(
    name: Annotated[
        str | None, typer.Argument(help="say what is in this one: a name, or your own .toml file")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="draw it, into NAME.png")] = False,
    out: Annotated[Path | None, typer.Option(help="PNG file to draw instead")] = None,
) -> None:
    """List the phantoms that ship with gkplan; describe or draw one."""
    from gkplan.case.phantom import phantom_names, phantom_title

    if name is None:
        if show or out is not None:
            raise CaseError("phantoms --show: name the phantom to draw, or a phantom's .toml file")
        for known in phantom_names():
            typer.echo(f"{known:24s} {phantom_title(known)}")
        return
    from gkplan.load import load_case
    from gkplan.report.caseplot import case_figure, describe

    if out is not None and out.suffix.lower() != ".png":
        raise CaseError(f"--out {out}: expected the name of a .png file")
    case = load_case(name)
    gamma = f"gamma angle {case.gamma_angle_deg:g} degrees"
    typer.echo(f"{case.name}, in the head {case.head.name!r}, {gamma}")
    for structure in case.structures:
        typer.echo(f"  {describe(case, structure)}")
    typer.echo(f"  source: {case.source}")
    if show or out is not None:
        from gkplan.files import write_bytes
        from gkplan.report.figure import png_bytes

        picture = Path(f"{case.name}.png") if out is None else out
        write_bytes(picture, png_bytes(case_figure(case)))
        typer.echo(f"  drawn: {picture}")
