"""gkplan export: a plan as DICOM, into a folder or to a server."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from gkplan.cli.app import EngineOption, MediumOption, PlanArgument, UncertaintyOption, app
from gkplan.cli.engines import AskedEngine, asked_engine
from gkplan.cli.progress import progress
from gkplan.disclaimer import DISCLAIMER
from gkplan.errors import CheckWarning, PlanError


@app.command()
def export(
    plan_file: PlanArgument,
    out: Annotated[Path | None, typer.Option(help="new or empty folder to write to")] = None,
    send: Annotated[str | None, typer.Option(help="HOST:PORT of a DICOM server")] = None,
    aet: Annotated[str | None, typer.Option(help="with --send: the server's AE title")] = None,
    calling_aet: Annotated[str, typer.Option(help="with --send: our AE title")] = "GKPLAN",
    engine: EngineOption = None,
    uncertainty: UncertaintyOption = 0.01,
    medium: MediumOption = "head",
) -> None:
    """Write a plan as DICOM: RTPLAN, RTDOSE, RTSTRUCT and CT; or send it, a folder as it is."""
    from gkplan.dicom.write.association import Peer, echo
    from gkplan.dicom.write.send import account, send_folder
    from gkplan.files import check_output_folder, whole_folder

    if out is None and send is None:
        raise PlanError("export: where to? give --out DIR, or --send HOST:PORT and --aet TITLE")
    if send is not None and aet is None:
        raise PlanError(f"--send {send}: give the AE title of the server, --aet TITLE")
    asked = asked_engine(engine, None, uncertainty, medium)
    if plan_file.is_dir() and out is None and engine is not None:
        raise PlanError(f"--engine {engine}: {plan_file} is a folder, which is sent as it is")
    peer = None if send is None else Peer.at(send, str(aet), calling_aet)
    if out is not None:
        check_output_folder(out, overwrite=False)
    with progress() as report, TemporaryDirectory() as spare:
        if peer is not None:
            report(f"asking {peer}")
            echo(peer)
        folder = out or Path(spare)
        if out is not None:
            with whole_folder(out) as whole:
                _write(plan_file, whole, asked, report)
        elif plan_file.is_dir():
            folder = plan_file
        else:
            _write(plan_file, folder, asked, report)
        said = None if peer is None else account(send_folder(folder, peer, report), peer)
    if said is not None:
        typer.echo(f"{said}. {DISCLAIMER}")


def _write(
    plan_file: Path, folder: Path, asked: AskedEngine, report: Callable[[str], None]
) -> None:
    from gkplan.planfile import read_plan
    from gkplan.workflow import dose_volume, judge, write_dicom

    plan = asked.plan(read_plan(plan_file))
    if asked.montecarlo is None and plan.provenance.get("engine") == "montecarlo":
        warnings.warn(
            f"{plan_file}: its times were scaled to a Monte Carlo dose (medium "
            f"{plan.provenance.get('medium', 'head')}), but the dose that is exported is that of "
            f"tmr; --engine montecarlo with this --medium computes the other again",
            CheckWarning,
            stacklevel=1,
        )
    planned = judge(plan, report, engine=asked.judging(plan, report))
    write_dicom(planned, dose_volume(planned.plan, engine=planned.engine), folder, report)
