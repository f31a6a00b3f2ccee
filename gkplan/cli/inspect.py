"""gkplan inspect: what is in a folder of DICOM files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gkplan.cli.app import app
from gkplan.cli.progress import progress
from gkplan.disclaimer import DISCLAIMER
from gkplan.errors import CaseError

if TYPE_CHECKING:
    from rich.console import Console

    from gkplan.dicom.read.listing import Listing, ObjectEntry, SeriesEntry


@app.command()
def inspect(
    folder: Annotated[Path, typer.Argument(help="folder; anything may be in and below it")],
    as_json: Annotated[bool, typer.Option("--json", help="print JSON instead of tables")] = False,
) -> None:
    """List the DICOM in a folder: series, structures, plans, doses, and what is missing."""
    if not folder.is_dir():
        raise CaseError(f"{folder}: no such folder; expected one with DICOM files")
    with progress() as report:
        from dataclasses import asdict

        from gkplan.dicom.read.listing import list_folder
        from gkplan.dicom.read.scan import scan

        listing = list_folder(scan(folder, report))
    if as_json:
        table = {"disclaimer": DISCLAIMER, **asdict(listing)}
        typer.echo(json.dumps(table, indent=1, allow_nan=False))
    else:
        _print(listing)


def _print(listing: Listing) -> None:
    from rich.console import Console

    console = Console(markup=False, highlight=False)
    console.width = max(console.width, 130)
    console.print(listing.folder)
    for series in listing.series:
        _print_series(console, series)
    for entry in (*listing.structures, *listing.plans, *listing.doses):
        _print_object(console, entry)
    for problem in listing.unreadable:
        console.print(f"unreadable: {problem}")
    console.print(
        f"{len(listing.series)} series, {len(listing.structures)} structure sets, "
        f"{len(listing.plans)} plans, {len(listing.doses)} doses, {len(listing.unreadable)} "
        f"unreadable, {listing.copies} copies, {listing.strays} files that are not DICOM"
    )
    console.print(DISCLAIMER)


def _print_series(console: Console, series: SeriesEntry) -> None:
    from rich.table import Table
    from rich.text import Text

    which = f"series {series.number}" if series.number else "not for planning"
    table = Table(show_header=False, title=Text(f"{which}: {series.files} {series.modality}"))
    for name, value in (
        ("description", series.description),
        ("geometry", series.geometry),
        ("maker", series.maker),
        ("folder", series.folder),
        ("SeriesInstanceUID", series.uid),
        ("FrameOfReferenceUID", series.frame_uid),
        *(("note", note) for note in series.notes),
    ):
        if value:
            table.add_row(name, Text(value))
    console.print(table)


def _print_object(console: Console, entry: ObjectEntry) -> None:
    from rich.table import Table
    from rich.text import Text

    which = "structures" if entry.modality == "RTSTRUCT" else entry.modality
    title = Text(f"{which} {entry.number}: {entry.label or entry.modality}")
    table = Table(show_header=False, title=title)
    for name, value in (
        ("file", entry.file),
        ("maker", entry.maker),
        ("SOPInstanceUID", entry.uid),
        ("refers to", ", ".join(entry.refers_to)),
        *(("note", note) for note in entry.notes),
    ):
        if value:
            table.add_row(name, Text(value))
    for roi in entry.rois:
        contours = ", ".join(f"{n} {shape}" for shape, n in roi.contours.items())
        kind = f" ({roi.kind})" if roi.kind else ""
        table.add_row(f"ROI {roi.number}", Text(f"{roi.name}{kind}: {contours or 'empty'}"))
    console.print(table)
