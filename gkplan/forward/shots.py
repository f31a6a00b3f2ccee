"""Edits of a plan's shots by hand: each takes a plan and gives a new one.

Shots are counted from 1, as everywhere that people read. The metrics of the plan that comes in
do not hold for the one that goes out, and are left behind: `gkplan.judge` makes new ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gkplan.errors import PlanError
from gkplan.forward.sectors import opened, sectors_text
from gkplan.forward.step import about, edited, shot_of
from gkplan.plan import Plan
from gkplan.shot import BLOCKED, Shot

Point = tuple[float, float, float]


def add(
    plan: Plan,
    sectors: Sequence[int],
    at: Point,
    time_min: float = 1.0,
    *,
    gamma_angle_deg: float | None = None,
    target: str | None = None,
    plugged: Sequence[int] = (),
) -> Plan:
    """One more shot, delivered last.

    Parameters
    ----------
    sectors : state of each sector (mm, 0 is blocked), or one for all sectors alike or a helmet;
        `gkplan.forward.library_shot` gives some
    at : Leksell mm
    gamma_angle_deg : that of the case, if it is not given
    target : name of its target; need not be given where there is only one
    plugged : numbers (from 1) of the sources that are plugged in the helmet
    """
    gamma = plan.case.gamma_angle_deg if gamma_angle_deg is None else gamma_angle_deg
    aim = _target(plan, target)
    with about(len(plan.shots) + 1):
        states = opened(sectors, plan.unit)
        shot = Shot(_point(at), states, time_min, gamma, aim, tuple(plugged))
    what = f"add {sectors_text(shot.sectors)} at {_place(shot.isocenter_mm)}, {time_min:g} min"
    return edited(plan, [*plan.shots, shot], what)


def move(plan: Plan, number: int, *, to: Point | None = None, by: Point | None = None) -> Plan:
    """Shot `number` moved to a place, or by an offset (Leksell mm): one of the two."""
    if (to is None) == (by is None):
        raise PlanError(f"move shot {number}: expected either a place or an offset, one of the two")
    shot = shot_of(plan, number)
    with about(number):
        if to is not None:
            place = _point(to)
        else:
            shift = zip(shot.isocenter_mm, _point(by or ()), strict=True)
            place = _point([round(a + b, 6) for a, b in shift])
        moved = replace(shot, isocenter_mm=place)
    return _replaced(plan, number, moved, f"move {number} to {_place(place)}")


def change(
    plan: Plan,
    number: int,
    *,
    time_min: float | None = None,
    sectors: Sequence[int] | None = None,
    collimator_mm: int | None = None,
    gamma_angle_deg: float | None = None,
    target: str | None = None,
) -> Plan:
    """Shot `number` with another time, other sectors, tilt or target.

    `collimator_mm` opens all sectors at that size, or is the helmet; `sectors` sets each by itself.
    """
    shot = shot_of(plan, number)
    if sectors is not None and collimator_mm is not None:
        raise PlanError(f"shot {number}: expected sectors or one collimator for all, got both")
    if collimator_mm is not None:
        sectors = (collimator_mm,)
    given: dict[str, tuple[str, object]] = {}
    if time_min is not None:
        given["time_min"] = (f"{time_min:g} min", time_min)
    if sectors is not None:
        states = opened(sectors, plan.unit)
        given["sectors"] = (sectors_text(states), states)
    if gamma_angle_deg is not None:
        given["gamma_angle_deg"] = (f"gamma {gamma_angle_deg:g}", gamma_angle_deg)
    if target is not None:
        given["target"] = (f"target {target}", _target(plan, target))
    if not given:
        raise PlanError(f"shot {number}: nothing to set; give a time, sectors, a tilt or a target")
    what = f"set {number}: {', '.join(words for words, _ in given.values())}"
    with about(number):
        shot = replace(shot, **{name: value for name, (_, value) in given.items()})  # type: ignore[arg-type]
    return _replaced(plan, number, shot, what)


def block(plan: Plan, number: int, sectors: Sequence[int]) -> Plan:
    """Shot `number` with some of its sectors (counted from 1) blocked."""
    shot, count = shot_of(plan, number), plan.unit.n_sectors
    if plan.unit.has_helmets:
        raise PlanError(
            f"shot {number}: {plan.unit.name} has helmets and no sectors to block; plug sources"
        )
    for sector in sectors:
        if not 1 <= sector <= count:
            raise PlanError(
                f"shot {number}: sector {sector} is not there; {plan.unit.name} has 1 to {count}"
            )
    states = tuple(
        BLOCKED if n in sectors else state for n, state in enumerate(shot.sectors, start=1)
    )
    what = f"block {','.join(map(str, sectors))} of {number}"
    with about(number):
        blocked = replace(shot, sectors=states)
    return _replaced(plan, number, blocked, what)


def remove(plan: Plan, numbers: Sequence[int]) -> Plan:
    """The plan without some of its shots; one at least must stay."""
    gone = set(numbers)
    for n in gone:
        shot_of(plan, n)
    if len(gone) == len(plan.shots):
        raise PlanError("remove: a plan needs at least one shot; add another one first")
    kept = [shot for n, shot in enumerate(plan.shots, start=1) if n not in gone]
    return edited(plan, kept, f"remove {','.join(map(str, sorted(gone)))}")


def weight(plan: Plan, factor: float, numbers: Sequence[int] | None = None) -> Plan:
    """The times of some shots (all, if no numbers are given) multiplied by `factor`."""
    if not 0.0 < factor < float("inf"):
        raise PlanError(f"weight: expected a positive factor, got {factor:g}")
    every = range(1, len(plan.shots) + 1)
    chosen = set(every if numbers is None else numbers)
    for n in chosen:
        shot_of(plan, n)
    shots = [
        replace(shot, time_min=shot.time_min * factor) if n in chosen else shot
        for n, shot in enumerate(plan.shots, start=1)
    ]
    which = "all" if numbers is None else ",".join(map(str, sorted(chosen)))
    return edited(plan, shots, f"weight {which} by {factor:g}")


def set_weights(plan: Plan, weights: Sequence[float]) -> Plan:
    """Times in proportion to `weights`, one a shot; the beam-on time of the plan stays.

    What a weight is, is a convention of gkplan: the relative beam-on time of a shot.
    """
    if len(weights) != len(plan.shots) or not all(0.0 < w < float("inf") for w in weights):
        raise PlanError(
            f"weights: expected {len(plan.shots)} positive numbers, one a shot, got {list(weights)}"
        )
    minutes = plan.beam_on_time_min / sum(weights)
    shots = [replace(s, time_min=w * minutes) for s, w in zip(plan.shots, weights, strict=True)]
    return edited(plan, shots, f"weights {','.join(f'{w:g}' for w in weights)}")


def _replaced(plan: Plan, number: int, shot: Shot, what: str) -> Plan:
    shots = list(plan.shots)
    shots[number - 1] = shot
    return edited(plan, shots, what)


def _target(plan: Plan, name: str | None) -> str:
    """The name of a target, checked; without one that of the only target."""
    targets = [t.name for t in plan.case.targets]
    if name is None:
        if len(targets) > 1:
            raise PlanError(f"target: expected a name, for there are {', '.join(targets)}")
        return targets[0] if targets else ""
    if name not in targets:
        raise PlanError(f"target: no target {name!r}; there are: {', '.join(targets) or 'none'}")
    return name


def _point(point: Sequence[float]) -> Point:
    if len(point) != 3:
        raise PlanError(f"isocentre: expected three numbers in Leksell mm, got {tuple(point)}")
    x, y, z = (float(c) for c in point)
    return x, y, z


def _place(point: Sequence[float]) -> str:
    return "(" + ", ".join(f"{c:g}" for c in point) + ")"
