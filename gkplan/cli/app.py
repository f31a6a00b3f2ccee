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
# What is planned and with what: the same for one plan and for several.
CaseArgument = Annotated[
    str, typer.Argument(help="phantom name, phantom .toml, contour .json, or DICOM folder")
]
DoseOption = Annotated[
    float | None, typer.Option("--dose-gy", "--dose", help="prescription dose for all targets")
]
IsodoseOption = Annotated[float | None, typer.Option(help="prescription isodose, 0 to 1")]
RateOption = Annotated[
    float | None, typer.Option(help="calibration dose rate on the day, Gy/min (3.0)")
]
DayOption = Annotated[str | None, typer.Option("--date", help="treatment date, YYYY-MM-DD")]
HeadOption = Annotated[str | None, typer.Option(help="phantom head to use")]
GammaOption = Annotated[
    float | None, typer.Option(help="gamma angle of the frame, degrees (the case's, or 90)")
]
UnitOption = Annotated[str, typer.Option(help="unit name or file")]
CoverageOption = Annotated[
    float | None, typer.Option(help="fraction of each target that gets the dose (0.991)")
]
EngineOption = Annotated[
    str | None, typer.Option(help="tmr, tmr-radiological or montecarlo (tmr as it was planned)")
]
PlanEngineOption = Annotated[
    str | None,
    typer.Option(help="tmr, tmr-radiological, or montecarlo: scale the plan of tmr to that"),
]
DepthOption = Annotated[
    str | None,
    typer.Option(help="tmr: geometric (all is water) or radiological (density along each beam)"),
]
UncertaintyOption = Annotated[
    float, typer.Option(help="montecarlo: one sigma above half the maximum, 0.01 is 1 %")
]
MediumOption = Annotated[
    str, typer.Option(help="montecarlo: head (densities of tissues or image) or water")
]
ResumeOption = Annotated[
    Path | None, typer.Option(help="montecarlo: save the work here, and go on from it")
]
