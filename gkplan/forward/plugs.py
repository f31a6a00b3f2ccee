"""Plugged sources of a shot through a helmet; which sources there are is for the unit to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gkplan.errors import PlanError
from gkplan.forward.step import about, edited, shot_of
from gkplan.plan import Plan

_MOST_SHOWN = 6


def plug(plan: Plan, number: int, sources: Sequence[int]) -> Plan:
    """Shot `number` with some sources (counted from 1) plugged, beside those that are already.

    Raises
    ------
    PlanError
        If the unit has no helmets or no such source, a source is named twice, or none stays open.
    """
    if not sources:
        raise PlanError("plug: expected the numbers of sources, got none")
    if len(set(sources)) != len(sources):
        twice = next(n for n in sources if list(sources).count(n) > 1)
        raise PlanError(f"shot {number}: source {twice} is there twice; name each source once")
    plugged = {*shot_of(plan, number).plugged, *sources}
    return _with(plan, number, tuple(plugged), f"plug {sources_text(sources)} of {number}")


def unplug(plan: Plan, number: int, sources: Sequence[int] | None = None) -> Plan:
    """Shot `number` with some of its plugged sources open again; all of them if none are named."""
    shot = shot_of(plan, number)
    if not shot.plugged:
        raise PlanError(f"shot {number}: no source is plugged")
    chosen = shot.plugged if sources is None else sources
    if open_ones := [n for n in chosen if n not in shot.plugged]:
        raise PlanError(
            f"shot {number}: source {open_ones[0]} is not plugged; these are: "
            f"{sources_text(shot.plugged)}"
        )
    left = tuple(n for n in shot.plugged if n not in chosen)
    which = "all" if sources is None else sources_text(sources)
    return _with(plan, number, left, f"unplug {which} of {number}")


def sources_text(sources: Sequence[int]) -> str:
    """Numbers as "1-5,9": runs are shortened; beyond a few runs only how many there are."""
    runs: list[list[int]] = []
    for n in sorted(sources):
        if runs and n == runs[-1][1] + 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    if len(runs) > _MOST_SHOWN:
        return f"{len(sources)} sources"
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def _with(plan: Plan, number: int, plugged: tuple[int, ...], what: str) -> Plan:
    shots = list(plan.shots)
    with about(number):
        shots[number - 1] = replace(shot_of(plan, number), plugged=plugged)
    return edited(plan, shots, what)
