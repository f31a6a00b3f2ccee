"""The methods that are compared: a name and a function each, with the time they take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.errors import CaseError
from gkplan.shot import Shot

if TYPE_CHECKING:
    from gkplan.planner import MadeShots

Report = Callable[[str], None]
Shots = tuple[Shot, ...]
Method = Callable[[Case, TmrEngine, Report], tuple[Shots, "Account"]]


@dataclass(frozen=True, slots=True)
class Account:
    """Seconds of planning, and how far from its optimum (relative) it ended at most.

    `programme_s` is the choice of shots in any method, also where it is no linear programme.
    `gap` is of the linear programme, `delivered_gap` of the shots before the scaling.
    """

    kernels_s: float
    programme_s: float
    sequencing_s: float
    gap: float | None = None
    delivered_gap: float | None = None


def _made(made: MadeShots) -> tuple[Shots, Account]:
    """The account that the planner itself keeps."""
    seconds, proof = made.seconds, made.certificate
    return made.shots, Account(
        seconds.get("kernels", 0.0) + seconds.get("proof", 0.0),
        seconds.get("programme", 0.0),
        seconds.get("delivery", 0.0) + seconds.get("scaling", 0.0),
        proof.gap if proof else None,
        proof.delivered_gap if proof else None,
    )


def _grassfire(case: Case, engine: TmrEngine, report: Report) -> tuple[Shots, Account]:
    from gkplan.planner import AIMS
    from gkplan.planner.baselines.fixed import plan_at
    from gkplan.planner.baselines.grassfire import grassfire_isocenters

    if not case.prescriptions or any(p.is_maximum for p in case.prescriptions):
        raise CaseError(f"{case.path}: grassfire needs a dose prescribed to a volume")
    places = grassfire_isocenters(case, engine.unit)
    return _made(plan_at(case, engine, AIMS["balanced"], places, report))


def _packing(case: Case, engine: TmrEngine, report: Report) -> tuple[Shots, Account]:
    from gkplan.planner.baselines.packing import pack_shots

    return _made(pack_shots(case, engine, report))


def _ours(aim: str, case: Case, engine: TmrEngine, report: Report) -> tuple[Shots, Account]:
    from gkplan.planner import AIMS, make_shots

    return _made(make_shots(case, engine, AIMS[aim], report))


METHODS: Mapping[str, Method] = {
    "quality": partial(_ours, "quality"),
    "balanced": partial(_ours, "balanced"),
    "fast": partial(_ours, "fast"),
    "grassfire": _grassfire,
    "packing": _packing,
}
