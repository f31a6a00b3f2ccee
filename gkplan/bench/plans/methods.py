"""The methods that are compared: a name and a function each, with the time they take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.dose.engine import Array32
from gkplan.errors import CaseError
from gkplan.frames import NEUTRAL_GAMMA_DEG, Array
from gkplan.shot import Shot

if TYPE_CHECKING:
    from gkplan.planner import MadeShots

Report = Callable[[str], None]
Shots = tuple[Shot, ...]
Planner = Callable[[Case, TmrEngine, Report], tuple[Shots, float | None]]
KERNELS, PROGRAMME, SEQUENCING = "kernels", "programme", "sequencing"


@dataclass(frozen=True, slots=True)
class Account:
    """Seconds of planning, and how far from its optimum (relative) it ended at most.

    `gap` is of the linear programme, `delivered_gap` of the shots before the scaling.

    `programme_s` is the choice of shots in any method, also where it is no linear programme.
    """

    kernels_s: float
    programme_s: float
    sequencing_s: float
    gap: float | None = None
    delivered_gap: float | None = None


Method = Callable[[Case, TmrEngine, Report], tuple[Shots, Account]]


class Clock:
    """Seconds of each phase; of phases within each other the innermost counts."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = dict.fromkeys((KERNELS, PROGRAMME, SEQUENCING), 0.0)
        self._phase = PROGRAMME
        self._since = time.perf_counter()

    def turn(self, phase: str) -> str:
        """Begin a phase; the name of the one that it ends."""
        now, before = time.perf_counter(), self._phase
        self.seconds[before] += now - self._since
        self._phase, self._since = phase, now
        return before

    @contextmanager
    def during(self, phase: str) -> Iterator[None]:
        before = self.turn(phase)
        try:
            yield
        finally:
            self.turn(before)


@dataclass(frozen=True, slots=True, eq=False)
class TimedEngine(TmrEngine):
    """The engine with a clock for its kernels: a method that replaces a field keeps the clock."""

    clock: Clock = field(default_factory=Clock)

    def dose(self, points_mm: Array, shots: Sequence[Shot]) -> Array:
        with self.clock.during(KERNELS):
            return TmrEngine.dose(self, points_mm, shots)

    def influence(
        self,
        points_mm: Array,
        isocenters_mm: Array,
        gamma_angle_deg: float = NEUTRAL_GAMMA_DEG,
        out: Array32 | None = None,
        plugged: Sequence[int] = (),
    ) -> Array32:
        with self.clock.during(KERNELS):
            return TmrEngine.influence(
                self, points_mm, isocenters_mm, gamma_angle_deg, out, plugged
            )


def measured(
    planner: Planner, case: Case, engine: TmrEngine, report: Report
) -> tuple[Shots, Account]:
    """Shots of a planner that gives shots and a gap, with the account of its time.

    Sequencing begins with the planner's line of progress that says so.
    """
    clock = Clock()

    def told(text: str) -> None:
        if text.startswith(SEQUENCING):
            clock.turn(SEQUENCING)
        report(text)

    timed = TimedEngine(
        engine.unit, engine.head, engine.rate_gy_per_min, engine.transit, clock=clock
    )
    shots, gap = planner(case, timed, told)
    clock.turn(PROGRAMME)
    seconds = clock.seconds
    return shots, Account(seconds[KERNELS], seconds[PROGRAMME], seconds[SEQUENCING], gap)


def _packing(case: Case, engine: TmrEngine, report: Report) -> tuple[Shots, None]:
    from gkplan.planner.baselines.packing import pack_shots

    return pack_shots(case, engine, report), None


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


def _ours(aim: str, case: Case, engine: TmrEngine, report: Report) -> tuple[Shots, Account]:
    from gkplan.planner import AIMS, make_shots

    return _made(make_shots(case, engine, AIMS[aim], report))


METHODS: Mapping[str, Method] = {
    "quality": partial(_ours, "quality"),
    "balanced": partial(_ours, "balanced"),
    "fast": partial(_ours, "fast"),
    "grassfire": _grassfire,
    "packing": partial(measured, _packing),
}
