"""One edit of a plan by hand: checked, recorded, and undone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from gkplan.errors import PlanError
from gkplan.history import History
from gkplan.plan import Plan, check_depths
from gkplan.shot import BLOCKED, Shot, minimum_time


def edited(plan: Plan, shots: Sequence[Shot], what: str) -> Plan:
    """`plan` with other shots, which `what` says in words; the step can be undone.

    Raises
    ------
    PlanError
        If the unit cannot deliver the shots, one lies outside the head, or a new one is shorter
        than its collimators allow.

    Warns
    -----
    DepthWarning
        For shots less than 5 mm below the surface.
    """
    # A certificate is about the planner's shots as they were.
    after = replace(
        plan,
        shots=tuple(shots),
        metrics=None,
        certificate=None,
        history=plan.history.after(what, plan.shots),
    )
    check_times(after, known=plan.shots)
    check_depths(after.shots, plan.case.head, known=plan.shots)
    return after


def undo(plan: Plan) -> Plan:
    """The plan before its last edit; PlanError if there was none."""
    if not plan.history.past:
        raise PlanError("undo: no edit is left to be undone")
    return _with_history(plan, *plan.history.back(plan.shots))


def redo(plan: Plan) -> Plan:
    """The plan with the edit that was undone last; PlanError if there is none."""
    if not plan.history.future:
        raise PlanError("redo: no edit has been undone, or another one came after it")
    return _with_history(plan, *plan.history.forth(plan.shots))


def _with_history(plan: Plan, shots: tuple[Shot, ...], history: History) -> Plan:
    return replace(plan, shots=shots, metrics=None, certificate=None, history=history)


def shot_of(plan: Plan, number: int) -> Shot:
    """Shot `number`, counted from 1."""
    count = len(plan.shots)
    if not 1 <= number <= count:
        have = f"the plan has {count} shots" if count > 1 else "the plan has one shot"
        raise PlanError(f"shot {number} is not there; {have}, counted from 1")
    return plan.shots[number - 1]


def check_times(plan: Plan, known: Sequence[Shot] = ()) -> None:
    """Refuse shots shorter than their collimators allow, except those that are `known`."""
    for number, shot in enumerate(plan.shots, start=1):
        shortest = minimum_time(shot.sectors, plan.unit)
        if shot.time_min < shortest - 1e-9 and shot not in known:
            sizes = "/".join(str(s) for s in sorted(set(shot.sectors) - {BLOCKED}))
            raise PlanError(
                f"shot {number}: {shot.time_min:.4g} min is too short; {plan.unit.name} delivers "
                f"at least {shortest:g} min with the {sizes} mm collimator: give it more time or "
                f"remove it"
            )


@contextmanager
def about(number: int) -> Iterator[None]:
    """Say of which shot an error in the block is."""
    try:
        yield
    except PlanError as error:
        raise PlanError(f"shot {number}: {error}") from error
