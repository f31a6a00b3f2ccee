"""gkplan register: where one series of a head lies in another."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from gkplan.cli.app import app
from gkplan.cli.progress import progress
from gkplan.disclaimer import DISCLAIMER
from gkplan.errors import FrameWarning, OutputError, PlanError

# Searches in images of two heads were seen to end 3 mm apart, see docs/localise.md.
_LARGEST_LIMIT_MM = 2.0


@app.command()
def register(
    fixed: Annotated[Path, typer.Argument(help="folder with the images to lay the others on")],
    moving: Annotated[Path, typer.Argument(help="folder with the images to move")],
    out: Annotated[Path, typer.Option(help="DICOM Spatial Registration to write")],
    fixed_series: Annotated[
        str | None, typer.Option(help="series of FIXED, number (gkplan inspect) or UID")
    ] = None,
    moving_series: Annotated[
        str | None, typer.Option(help="series of MOVING, number (gkplan inspect) or UID")
    ] = None,
    frame: Annotated[
        Path | None,
        typer.Option(
            help="localisation.json or registration of FIXED: the result then leads to Leksell"
        ),
    ] = None,
    limit: Annotated[
        float, typer.Option(help="mm by which searches in parts of the head may differ")
    ] = 1.2,
    overwrite: Annotated[bool, typer.Option(help="replace --out")] = False,
) -> None:
    """Lay one CT or MR series rigidly on another, by mutual information."""
    _check_out(out, overwrite)
    if not 0.0 < limit <= _LARGEST_LIMIT_MM:
        raise PlanError(
            f"--limit {limit}: expected more than 0 and at most {_LARGEST_LIMIT_MM:g} mm"
        )
    with progress() as report:
        from gkplan.coregister import coregister, in_words, simpleitk
        from gkplan.dicom.coregistration import (
            check_registrable,
            find_series,
            read_upright,
            write_coregistration,
        )
        from gkplan.dicom.registration import read_frame

        simpleitk()
        one = find_series(fixed, fixed_series, "--fixed-series", report)
        other = find_series(moving, moving_series, "--moving-series", report)
        check_registrable(one, other)
        leksell = None if frame is None else read_frame(frame, one.frame_uid)
        found = coregister(read_upright(one, report), read_upright(other, report), report, limit)
        write_coregistration(one, other, found.fixed_from_moving, out, leksell)
    typer.echo(f"fixed: {one.title}; moving: {other.title}")
    typer.echo(in_words(found))
    typer.echo(
        f"mutual information {found.likeness:.3f} ({found.before:.3f} as the headers have it); "
        f"{100 * found.overlap:.0f} % of the fixed head lies in the moving images; seven further "
        f"searches end within {found.spread_mm:.2f} mm"
    )
    for note in found.notes:
        warnings.warn(note, FrameWarning, stacklevel=1)
    typer.echo(f"{out}: look at the two series on each other before relying on it")
    typer.echo(DISCLAIMER)


def _check_out(out: Path, overwrite: bool) -> None:
    """Refuse, before any work, a file that cannot or must not be written."""
    if out.is_dir():
        raise OutputError(f"--out {out}: is a folder; expected the name of a .dcm file")
    if out.exists() and not overwrite:
        raise OutputError(f"--out {out}: exists already; --overwrite replaces it")
    if not out.absolute().parent.is_dir():
        raise OutputError(f"--out {out}: the folder {out.absolute().parent} does not exist")
