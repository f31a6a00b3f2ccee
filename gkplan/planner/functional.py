"""Doses prescribed to the maximum: one shot a target, organs at risk spared by blocked sectors."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.metrics.maximum import refined_maximum
from gkplan.planner.excess import excess, excesses, organ_doses
from gkplan.prescription import Prescription
from gkplan.shot import BLOCKED, Shot
from gkplan.solids import sample_about
from gkplan.solids.base import lattice

State = tuple[int, ...]

# A maximum nearer than this to where it is prescribed is left there.
_MISS_MM = 0.05
# Where it is looked for about the focus: that of a 16 mm shot lies 3 mm toward the sources.
_SEARCH_MM = 4.0
_CORRECTIONS = 6
# Times and doses foretold from the sectors of the open shot are right to within this factor.
_FORETOLD = 1.1


@dataclass(frozen=True, slots=True)
class _Blocking:
    """Sectors to try, and what is foretold of them: minutes, and `excess`."""

    state: State
    time_min: float
    excess: float


def functional_shots(
    case: Case, engine: TmrEngine, report: Callable[[str], None] = lambda _: None
) -> tuple[Shot, ...]:
    """One shot for each target, its maximum the prescribed one, at the target's centroid.

    All sectors are open unless an organ then exceeds its limit. If one does: of the sets of at
    most half the sectors that keep all limits when they are blocked, the one with the least
    beam-on time is; where none keeps them, the one with the least dose relative to its limit.
    A helmet stays open.

    Raises
    ------
    CaseError
        If the unit has no such collimator, or a target cannot be reached.
    """
    shots = [placed(case, p, _open(p, engine), engine) for p in case.prescriptions]
    for n, prescription in enumerate(case.prescriptions):
        # Sources can be plugged by hand where there are no sectors to block.
        if engine.unit.has_helmets or excess(case, shots, engine) <= 1.0:
            break
        report(f"blocking sectors at {prescription.target}")
        others = shots[:n] + shots[n + 1 :]
        shots[n] = _spared(case, prescription, shots[n], others, engine)
    return tuple(shots)


def placed(case: Case, prescription: Prescription, state: State, engine: TmrEngine) -> Shot:
    """A shot with these sectors whose maximum is the prescribed one, at the target's centroid.

    Blocked sectors shift the maximum off the focus (0.1 mm for half of the 4 mm sectors): the
    isocentre is moved back by as much.
    """
    points, _ = sample_about(case.structure(prescription.target).solid, 5000, coarsest_mm=1.0)
    aim = points.mean(axis=0)
    steady = replace(engine, transit=False)
    shot = Shot(_point(aim), state, 1.0, case.gamma_angle_deg, prescription.target)
    for _ in range(_CORRECTIONS):
        if not engine.unit.reaches(shot.isocenter_mm)[0]:
            raise CaseError(
                f"{case.path}: target {prescription.target!r} is outside the reach of "
                f"{engine.unit.name}: isocentres may lie at {engine.unit.reach_text}"
            )
        rate, place = _maximum(shot, steady)
        miss = aim - np.array(place)
        if np.linalg.norm(miss) < _MISS_MM:
            break
        shot = replace(shot, isocenter_mm=_point(np.array(shot.isocenter_mm) + miss))
    transit = engine.unit.collimator(prescription.collimator_mm).transit_min
    minutes = prescription.dose_gy / rate - (transit if engine.transit else 0.0)
    return replace(shot, time_min=minutes)


def _spared(
    case: Case, prescription: Prescription, shot: Shot, others: list[Shot], engine: TmrEngine
) -> Shot:
    """The shot with the blocked sectors that `functional_shots` asks for."""
    blockings = _blockings(case, shot, others, engine)
    hopeless = _FORETOLD * max(1.0, min(b.excess for b in blockings))
    least, found = excess(case, [shot, *others], engine), shot
    quickest: Shot | None = None
    for blocking in blockings:
        if quickest is not None and blocking.time_min > _FORETOLD * quickest.time_min:
            break
        if blocking.excess > hopeless:
            continue
        trial = placed(case, prescription, blocking.state, engine)
        if quickest is not None and trial.time_min >= quickest.time_min:
            continue
        over = excess(case, [trial, *others], engine)
        if over <= 1.0:
            quickest = trial
        elif over < least:
            least, found = over, trial
    return found if quickest is None else quickest


def _blockings(case: Case, shot: Shot, others: list[Shot], engine: TmrEngine) -> list[_Blocking]:
    """All states with up to half the sectors of an open shot blocked, the quickest first."""
    focus, n = np.array([shot.isocenter_mm]), len(shot.sectors)
    size = engine.unit.collimator_sizes_mm.index(shot.sectors[0])

    def sector_rates(points: Array) -> Array:
        rates = engine.influence(points, focus, shot.gamma_angle_deg)[0, :, size]
        return rates.astype(np.float64)

    at_focus = sector_rates(focus)[:, 0]
    samples = organ_doses(case, case.limits, [shot, *others], engine)
    rates = {name: sector_rates(s.points) for name, s in samples.items()}
    others_gy = {
        name: engine.dose(s.points, others) if others else 0.0 for name, s in samples.items()
    }
    found = []
    for count in range(1, n // 2 + 1):
        for blocked in itertools.combinations(range(n), count):
            is_open = np.isin(np.arange(n), blocked, invert=True)
            minutes = shot.time_min * at_focus.sum() / at_focus[is_open].sum()
            then = {
                name: replace(s, dose_gy=others_gy[name] + minutes * (is_open @ rates[name]))
                for name, s in samples.items()
            }
            state = tuple(shot.sectors[0] if flag else BLOCKED for flag in is_open)
            found.append(_Blocking(state, minutes, max(excesses(case.limits, then), default=0.0)))
    return sorted(found, key=lambda b: b.time_min)


def _maximum(shot: Shot, engine: TmrEngine) -> tuple[float, tuple[float, float, float]]:
    focus = np.array(shot.isocenter_mm)
    near = lattice(np.array([focus - _SEARCH_MM, focus + _SEARCH_MM]), 1.0)
    hottest = np.argsort(engine.dose(near, [shot]))[-4:]
    return refined_maximum(near[hottest], [shot], engine)


def _open(prescription: Prescription, engine: TmrEngine) -> State:
    size, unit = prescription.collimator_mm, engine.unit
    if size not in unit.collimator_sizes_mm:
        raise CaseError(
            f"prescription of {prescription.target!r}: {unit.name} has no {size} mm collimator, "
            f"only {', '.join(map(str, unit.collimator_sizes_mm))} mm"
        )
    return (size,) * unit.n_sectors


def _point(place: Array) -> tuple[float, float, float]:
    x, y, z = (round(float(c), 2) for c in place)
    return x, y, z
