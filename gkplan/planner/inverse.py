"""Inverse planning: candidates, linear programme, shots, polish, normalisation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.frames import Array
from gkplan.planner.candidates import lattice_candidates, neighbors, spread
from gkplan.planner.delivery import Piece, pieces_of, polished
from gkplan.planner.goals import planning_goals
from gkplan.planner.programme import Programme, Solution
from gkplan.planner.sequence import minimum_time
from gkplan.shot import Shot
from gkplan.solids import sample_about

Report = Callable[[str], None]

TIME_WEIGHT = 0.006  # per minute of beam-on time at 3 Gy/min
COVERAGE = 0.992
_START = 16  # isocentres to begin with
_COARSE = 4.0  # the isocentres are chosen on so many times fewer points
_STEPS_MM = (1.0, 0.6)
_USED_MIN = 1e-4
_SCALINGS = 6  # targets see each other's shots, so scaling one changes the others a little


def plan_volume(case: Case, engine: TmrEngine, report: Report) -> tuple[Shot, ...]:
    """Shots for prescriptions to a volume.

    Raises
    ------
    CaseError
        If a target has no point that the unit can reach.
    """
    cost = TIME_WEIGHT * engine.rate_gy_per_min / 3.0
    isocenters, times = _isocenters(case, engine, cost, report)
    report(f"linear programme on all points, {len(isocenters)} isocentres")
    goals = planning_goals(case)
    influence = engine.influence(goals.points, isocenters, case.gamma_angle_deg)
    programme = Programme(goals, influence, cost)
    programme.start_from(times)
    solution = programme.solve()
    report("sequencing to deliverable shots")
    used = _used(solution)
    pieces, patterns = pieces_of(solution.times[used], influence[used], engine.unit)
    pieces, minutes = polished(goals, pieces, patterns, engine.unit, cost, report)
    return _normalised(case, _shots(case, isocenters[used], pieces, minutes), engine)


def _used(solution: Solution) -> NDArray[np.int64]:
    return np.flatnonzero(solution.times.sum(axis=(1, 2)) > _USED_MIN)


def _isocenters(case: Case, engine: TmrEngine, cost: float, report: Report) -> tuple[Array, Array]:
    """The isocentres worth having (n, 3) and their times, found on a coarse sample."""
    goals = planning_goals(case, coarser=_COARSE)
    places = lattice_candidates(case, engine.unit)
    report(f"dose of {len(places)} candidate isocentres")
    influence = engine.influence(goals.points, places, case.gamma_angle_deg)
    programme = Programme(goals, influence, cost)
    report(f"linear programme over {len(places)} candidates")
    programme.start(spread(places, _START))
    solution = programme.solve(gap=3e-3)
    for step in _STEPS_MM:
        near = neighbors(places[_used(solution)], step, places, engine.unit)
        influence = engine.influence(goals.points, near, case.gamma_angle_deg)
        pays = solution.pays(influence, cost)
        report(f"linear programme, {pays.sum()} places between the candidates")
        places = np.concatenate([places, near[pays]])
        programme.extend(influence[pays])
        solution = programme.solve(gap=3e-3)
    used = _used(solution)
    return places[used], solution.times[used]


def _shots(case: Case, isocenters: Array, pieces: list[Piece], minutes: Array) -> tuple[Shot, ...]:
    centers = {t.name: sample_about(t.solid, 300, 2.0)[0] for t in case.targets}
    shots = []
    for piece, time in zip(pieces, minutes, strict=True):
        place = isocenters[piece.isocenter]
        near = {
            name: float(np.linalg.norm(points - place, axis=1).min())
            for name, points in centers.items()
        }
        x, y, z = (float(v) for v in place)
        name = min(near, key=lambda key: near[key])
        shots.append(Shot((x, y, z), piece.state, float(time), case.gamma_angle_deg, name))
    return tuple(shots)


def _normalised(case: Case, shots: tuple[Shot, ...], engine: TmrEngine) -> tuple[Shot, ...]:
    """The times of each target's shots scaled until it has the coverage wanted."""
    samples = {t.name: sample_about(t.solid, 40_000, coarsest_mm=1.0)[0] for t in case.targets}
    for _ in range(_SCALINGS):
        factor = {}
        for name, points in samples.items():
            covering = np.quantile(engine.dose(points, shots), 1.0 - COVERAGE)
            factor[name] = case.prescription(name).dose_gy / float(covering)
        shots = tuple(
            dataclasses.replace(
                s,
                time_min=max(s.time_min * factor[s.target], minimum_time(s.sectors, engine.unit)),
            )
            for s in shots
        )
        if max(abs(f - 1.0) for f in factor.values()) < 1e-4:
            break
    return shots
