"""gkplan localise: where the stereotactic frame is; gkplan phantom-localizer: images to try it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Annotated

import typer

from gkplan.cli.app import OutOption, app
from gkplan.cli.numbers import point
from gkplan.cli.progress import progress
from gkplan.disclaimer import DISCLAIMER


@app.command()
def localise(
    folder: Annotated[Path, typer.Argument(help="folder with one axial CT or MR series")],
    box: Annotated[
        str | None, typer.Option(help="version of the indicator box (found out if not given)")
    ] = None,
    limit_mean: Annotated[float, typer.Option(help="largest mean fiducial error, mm")] = 0.5,
    limit_max: Annotated[float, typer.Option(help="largest fiducial error, mm")] = 1.5,
    out: Annotated[
        Path | None,
        typer.Option(help="folder for localisation.json and registration.dcm"),
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="replace a localisation in --out")] = False,
) -> None:
    """Find the Leksell frame in images that show its indicator box."""
    from rich.console import Console
    from rich.table import Table

    from gkplan.errors import FrameError, FrameWarning
    from gkplan.files import check_output_folder, whole_folder, write_text
    from gkplan.localizer import Limits, load_box
    from gkplan.localizer import localise as find
    from gkplan.report.frametable import FRAME_COLUMNS, frame_line, frame_rows, localisation_table

    if not (0 < limit_mean < 100 and 0 < limit_max < 100):
        raise FrameError("--limit-mean, --limit-max: expected millimetres above 0")
    if box is not None:
        load_box(box)
    if out is not None:
        check_output_folder(out, overwrite, "localisation.json")
    limits = Limits(limit_mean, limit_max)
    with progress() as report:
        from gkplan.dicom.axial import read_axial

        series = read_axial(folder)
        try:
            found = find(series.slices, box, limits, report)
        except FrameError as error:
            raise FrameError(f"{folder}: {error}") from error
        if out is not None:
            from gkplan.dicom.registration import write_registration

            with whole_folder(out) as staging:
                text = json.dumps(localisation_table(found, limits), indent=1) + "\n"
                write_text(staging / "localisation.json", text)
                write_registration(found.leksell_from_patient, series, staging / "registration.dcm")
    for note in found.notes:
        warnings.warn(note, FrameWarning, stacklevel=1)
    table = Table(*FRAME_COLUMNS, title=str(folder))
    for row in frame_rows(found):
        table.add_row(*row)
    console = Console()
    console.print(table)
    console.print(frame_line(found, limits), highlight=False, markup=False)
    console.print(DISCLAIMER)


@app.command("phantom-localizer")
def phantom_localizer(
    out: OutOption,
    modality: Annotated[str, typer.Option(help="ct or mr")] = "ct",
    box: Annotated[str, typer.Option(help="version of the indicator box")] = "box-190",
    tilt: Annotated[
        str, typer.Option(help="turn of the frame about the patient's x, y, z: degrees")
    ] = "0,0,0",
    shift: Annotated[
        str, typer.Option(help="place of its centre in the images: x,y,z mm")
    ] = "0,0,0",
    missing: Annotated[
        list[str] | None, typer.Option(help="name of a rod to leave out, as localise has it")
    ] = None,
    mirrored: Annotated[bool, typer.Option(help="exchange left and right")] = False,
    seed: Annotated[int, typer.Option(help="of the noise and the distortion")] = 1,
) -> None:
    """Write synthetic images of an indicator box on a head, and truth.json."""
    from dataclasses import replace

    import numpy as np

    from gkplan.errors import FrameError
    from gkplan.files import check_output_folder, whole_folder, write_text
    from gkplan.localizer import SCANNERS, Scene, load_box, pose, render
    from gkplan.localizer.scene import distorted

    if modality not in SCANNERS:
        raise FrameError(f"--modality {modality}: expected one of {', '.join(SCANNERS)}")
    turn, place = point("--tilt", tilt), point("--shift", shift)
    if max(map(abs, turn)) > 20.0 or max(map(abs, place)) > 1000.0:
        raise FrameError("--tilt, --shift: expected at most 20 degrees and 1000 mm")
    scanner = SCANNERS[modality]
    scene = replace(Scene.of(load_box(box), pose(turn, place)), mirrored=mirrored)
    for name in missing or []:
        scene = scene.without(name)
    scene = distorted(scene, scanner, np.random.default_rng(seed))
    check_output_folder(out, overwrite=False)
    with progress() as report:
        report("rendering")
        slices = render(scene, scanner, seed)
        from gkplan.dicom.axial import write_axial
        from gkplan.dicom.common import Study

        report("writing DICOM")
        with whole_folder(out) as staging:
            (staging / modality).mkdir()
            study = Study.of(f"localizer {modality}")
            write_axial(slices, scanner.thickness_mm, study, staging / modality)
            truth = {
                "disclaimer": DISCLAIMER,
                "box": box,
                "patient_from_leksell": scene.patient_from_leksell.matrix.tolist(),
                "distortion_mm": scanner.distortion_mm,
                "missing": missing or [],
                "mirrored": mirrored,
            }
            write_text(staging / "truth.json", json.dumps(truth, indent=1) + "\n")
    typer.echo(f"{out / modality}: {len(slices.z_mm)} slices; {out / 'truth.json'}")
