"""The typer application that the commands hang on to, and the arguments they share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gkplan.disclaimer import DISCLAIMER

app = typer.Typer(
    help=f"Gamma Knife radiosurgery: plan, judge and export. {DISCLAIMER}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


PlanArgument = Annotated[Path, typer.Argument(help="plan.json, or a DICOM folder of gkplan")]
OutOption = Annotated[Path, typer.Option(help="folder to write")]
