"""How the command line says what is meant in a DICOM folder, and limits for any case."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from gkplan.cli.numbers import point
from gkplan.errors import PlanError

if TYPE_CHECKING:
    from gkplan.case import Case
    from gkplan.case.selection import Selection
    from gkplan.prescription import Limit, Prescription

_FRAME_FILES = (".json", ".dcm")

TargetsOption = Annotated[
    list[str] | None,
    typer.Option("--target", help="DICOM folder: ROI to treat, NAME or NAME:GY; repeat it"),
]
OarsOption = Annotated[
    list[str] | None, typer.Option("--oar", help="DICOM folder: ROI to spare; repeat it")
]
LimitsOption = Annotated[
    list[str] | None,
    typer.Option("--limit", help="NAME:max:GY, NAME:mean:GY or NAME:D0.2cc:GY; repeat it"),
]
SeriesOption = Annotated[
    str | None, typer.Option(help="DICOM folder: images to use, number (gkplan inspect) or UID")
]
StructuresOption = Annotated[
    str | None, typer.Option(help="DICOM folder: structure set to use, number or UID")
]
SurfaceOption = Annotated[
    str | None,
    typer.Option(help="DICOM folder: the head's surface, an ROI or 'image' (EXTERNAL, else image)"),
]
ThresholdOption = Annotated[
    float | None, typer.Option(help="DICOM folder: least value that is head (-500 HU in CT)")
]
BridgeOption = Annotated[
    float, typer.Option("--bridge", help="DICOM folder: cut what is thinner, mm (frames: 4)")
]
CentreOption = Annotated[
    str | None,
    typer.Option(
        "--frame",
        "--frame-centre",
        help="DICOM folder: where Leksell is: localisation.json or registration .dcm of its "
        "images, or X,Y,Z (LPS mm) of 100,100,100, axes parallel",
    ),
]


def asked_case(
    case: str,
    head: str | None,
    gamma_deg: float | None,
    dose_gy: float | None,
    isodose: float | None,
    targets: Sequence[str] | None,
    oars: Sequence[str] | None,
    limits: Sequence[str] | None,
    series: str | None,
    structures: str | None,
    surface: str | None,
    threshold: float | None,
    bridge_mm: float,
    centre: str | None,
) -> Callable[[Callable[[str], None]], Case]:
    """What loads the case that the options name; what is wrong with them is said at once.

    Raises
    ------
    PlanError
        For an option that is wrong, or that does not go with the others.
    """
    wanted = _limits_of(limits or [])
    chosen = _selection_of(
        targets or [],
        dose_gy,
        oars or [],
        wanted,
        series,
        structures,
        surface,
        threshold,
        bridge_mm,
    )

    def load(report: Callable[[str], None]) -> Case:
        from gkplan.workflow import prescribed

        loaded = _loaded_case(case, head, chosen, wanted, centre, report)
        loaded = prescribed(loaded, None if chosen else dose_gy, isodose)
        return loaded if gamma_deg is None else replace(loaded, gamma_angle_deg=gamma_deg)

    return load


def _selection_of(
    targets: Sequence[str],
    dose_gy: float | None,
    oars: Sequence[str],
    limits: Sequence[Limit],
    series: str | None,
    structures: str | None,
    surface: str | None,
    threshold: float | None,
    bridge_mm: float,
) -> Selection | None:
    """What the options say of a DICOM folder; None if no target is named.

    Raises
    ------
    PlanError
        For a target without dose, or choices without a target.
    """
    from gkplan.case.selection import Selection

    if not targets:
        for option, value in (
            ("--oar", oars),
            ("--series", series),
            ("--structures", structures),
            ("--surface", surface),
            ("--threshold", threshold),
            ("--bridge", bridge_mm),
        ):
            if value:
                raise PlanError(f"{option}: is for a DICOM folder, with at least one --target NAME")
        return None
    named = dict.fromkeys([*oars, *(limit.structure for limit in limits)])
    return Selection(
        tuple(_prescription(text, dose_gy) for text in targets),
        tuple(named),
        tuple(limits),
        series,
        structures,
        surface,
        threshold,
        bridge_mm,
    )


def _prescription(text: str, dose_gy: float | None) -> Prescription:
    from gkplan.prescription import Prescription

    name, colon, last = text.rpartition(":")
    if colon:
        try:
            return Prescription(name, float(last))
        except ValueError:
            pass  # the colon is part of the name
    if dose_gy is None:
        raise PlanError(
            f"--target {text}: its dose is missing and has no default; give --dose GY for all "
            f"targets or --target {text}:GY for this one"
        )
    return Prescription(text, dose_gy)


def _limits_of(texts: Sequence[str]) -> list[Limit]:
    """The limits in texts like "cochlea:mean:4"."""
    return [_limit(text) for text in texts]


def _limit(text: str) -> Limit:
    from gkplan.prescription import Limit

    parts = text.rsplit(":", 2)
    try:
        name, what, dose = parts[0], parts[1].strip(), float(parts[2])
    except (IndexError, ValueError):
        raise PlanError(
            f"--limit {text}: expected NAME:max:GY, NAME:mean:GY or NAME:D0.2cc:GY"
        ) from None
    if what in ("max", "mean"):
        return Limit(name, "max" if what == "max" else "mean", dose)
    volume = re.fullmatch(r"[dD]([0-9.]+)cc", what)
    try:
        cc = float(volume[1]) if volume else None
    except ValueError:
        cc = None
    if cc is None:
        raise PlanError(f"--limit {text}: expected max, mean or D0.2cc (a volume), got {what!r}")
    return Limit(name, "d0_035cc", dose) if cc == 0.035 else Limit(name, "volume", dose, cc)


def _loaded_case(
    case: str,
    head: str | None,
    chosen: Selection | None,
    limits: Sequence[Limit],
    centre: str | None,
    report: Callable[[str], None],
) -> Case:
    """The case that the arguments name, with limits and place of the frame."""
    from pathlib import Path

    from gkplan.frames import patient_from_leksell
    from gkplan.load import load_case
    from gkplan.workflow import limited

    if chosen is None:
        if centre is not None:
            raise PlanError("--frame-centre: is for a DICOM folder, with --target NAME")
        return limited(load_case(case, head), limits)
    if head is not None:
        raise PlanError("--head: a DICOM folder brings its own head; leave it out")
    place = None
    if centre is not None and Path(centre).suffix.lower() in _FRAME_FILES:
        from gkplan.dicom.read.place import frame_in

        place = frame_in(Path(case), chosen, Path(centre), report)
    elif centre is not None:
        place = patient_from_leksell(point("--frame-centre", centre))
    return load_case(case, None, place, chosen, report)
