"""gkplan phantom-dicom: a phantom as a DICOM folder of another system."""

from __future__ import annotations

from typing import Annotated

import typer

from gkplan.cli.app import OutOption, app
from gkplan.cli.progress import progress
from gkplan.disclaimer import DISCLAIMER


@app.command("phantom-dicom")
def phantom_dicom(
    name: Annotated[str, typer.Argument(help="phantom name, or phantom .toml")],
    out: OutOption,
) -> None:
    """Write a phantom as CT and RTSTRUCT of another system, to try the way in with."""
    from gkplan.files import check_output_folder, whole_folder

    check_output_folder(out, overwrite=False)
    with progress() as report:
        from gkplan.dicom.write.asforeign import write_as_foreign
        from gkplan.load import load_case

        case = load_case(name)
        with whole_folder(out) as folder:
            write_as_foreign(case, folder, report)
    x, y, z = case.patient_from_leksell([100.0, 100.0, 100.0]).tolist()
    typer.echo(f"{out}: CT and RTSTRUCT of {case.name}")
    typer.echo(f"  the phantom's frame is --frame-centre {x + 0.0:g},{y + 0.0:g},{z + 0.0:g}")
    for prescription in case.prescriptions:
        typer.echo(f"  --target {prescription.target!r} --dose {prescription.dose_gy:g}")
    for oar in case.oars:
        typer.echo(f"  --oar {oar.name!r}")
    typer.echo(DISCLAIMER)
