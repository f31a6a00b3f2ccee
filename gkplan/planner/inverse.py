"""Inverse planning: candidates, linear programme, shots, polish, normalisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, lil_array

from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.planner.goals import Goals, planning_goals
from gkplan.planner.lp import Rows, solve
from gkplan.planner.sequence import State, composite_states, minimum_time
from gkplan.shot import BLOCKED, Shot
from gkplan.solids import sample, sample_about

Report = Callable[[str], None]

TIME_WEIGHT = 0.006  # per minute of beam-on time at 3 Gy/min
COVERAGE = 0.99
_MAX_CANDIDATES, _START, _ENTER = 160, 24, 14
_PRUNE_LOSS = 0.01


@dataclass(frozen=True, slots=True)
class _Piece:
    """One deliverable sector state at one isocentre."""

    isocenter: int
    state: State


def plan_volume(case: Case, engine: TmrEngine, report: Report) -> tuple[Shot, ...]:
    """Shots for prescriptions to a volume.

    Raises
    ------
    CaseError
        If a target has no point that the unit can reach.
    """
    report("sampling the targets")
    goals = planning_goals(case)
    candidates = _candidates(case, engine)
    cost = TIME_WEIGHT * engine.rate_gy_per_min / 3.0
    chosen, times = _sector_times(goals, candidates, engine, cost, report)
    report("sequencing to deliverable shots")
    pieces, influence = _pieces(goals, candidates[chosen], times, engine)
    pieces, minutes = _polish(goals, pieces, influence, engine, cost, report)
    shots = _shots(case, candidates[chosen], pieces, minutes)
    return _normalised(case, shots, engine)


def _candidates(case: Case, engine: TmrEngine) -> Array:
    """Lattice points inside the targets, and the targets' centroids."""
    places = []
    for target in case.targets:
        points, spacing = sample_about(target.solid, 2000, coarsest_mm=1.5)
        volume = len(points) * spacing**3
        step = float(np.clip((volume / (_MAX_CANDIDATES / len(case.targets))) ** (1 / 3), 2.0, 4.0))
        inside = np.concatenate([sample(target.solid, step), points.mean(axis=0)[None]])
        inside = inside[engine.unit.reaches(inside)]
        if len(inside) == 0:
            raise CaseError(
                f"{case.path}: target {target.name!r} is outside the reach of {engine.unit.name}"
            )
        places.append(np.round(inside, 1))
    return np.concatenate(places)


def _sector_times(
    goals: Goals, candidates: Array, engine: TmrEngine, cost: float, report: Report
) -> tuple[NDArray[np.int64], Array]:
    """Isocentres used (numbers) and their times (n, sectors, collimators): columns are priced."""
    n = len(candidates)
    report(f"dose of {n} candidate isocentres")
    influence = engine.influence(goals.points, candidates)
    n_sectors, n_collimators = influence.shape[2:]
    flat = influence.reshape(len(goals.points), n, -1)
    active = _spread(candidates, min(_START, n))
    for cycle in range(5):
        report(f"linear programme, {len(active)} isocentres")
        rows = goals.rows(np.ascontiguousarray(flat[:, active]).reshape(len(flat), -1))
        x = _solve_times(rows, len(active), n_sectors, n_collimators, cost)
        times = x.reshape(len(active), n_sectors, n_collimators)
        used = times.sum(axis=(1, 2)) > 1e-6
        gain = _reduced_gain(goals, rows, x, flat, (n_sectors, n_collimators), cost)
        gain[active] = 0.0
        enter = np.argsort(gain)[::-1][:_ENTER]
        enter = enter[gain[enter] > 0.02 * cost]
        if len(enter) == 0 or cycle == 4:
            break
        active = np.concatenate([active[used], enter])
    return active[used], times[used]


def _spread(points: Array, count: int) -> NDArray[np.int64]:
    """`count` points far from each other (greedy k-centre), from the middle outward."""
    first = int(np.linalg.norm(points - points.mean(axis=0), axis=1).argmin())
    chosen = [first]
    distance = np.linalg.norm(points - points[first], axis=1)
    while len(chosen) < count:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return np.array(chosen)


def _solve_times(rows: Rows, n: int, sectors: int, collimators: int, cost: float) -> Array:
    """LP over times t[i, s, c] with tau_i >= sum_c t[i, s, c] and ``cost`` per minute of tau."""
    m = n * sectors * collimators
    coupling = lil_array((n * sectors, m + n))
    for k in range(n * sectors):
        coupling[k, k * collimators : (k + 1) * collimators] = 1.0
        coupling[k, m + k // sectors] = -1.0
    costs = np.concatenate([np.zeros(m), np.full(n, cost)])
    return solve(rows, costs, csr_array(coupling))[:m]


def _reduced_gain(
    goals: Goals,
    rows: Rows,
    x: Array,
    flat: NDArray[np.float32],
    shape: tuple[int, int],
    cost: float,
) -> Array:
    """How much better a minute at each candidate is than it costs (> 0: it should enter).

    The subgradient of the hinges stands for the dual prices; goals at their level count half.
    """
    hinge = rows.hinge(x)
    price = np.where(hinge > 1e-4, 1.0, np.where(hinge > -1e-4, 0.5, 0.0))
    force = -price * rows.weight * rows.sign
    at_point = np.zeros(len(goals.points))
    np.add.at(at_point, goals.point_of_goal, force[: len(goals.point_of_goal)])
    for value, group in zip(force[len(goals.point_of_goal) :], goals.mean_of, strict=True):
        at_point[group] += value / len(group)
    support = np.flatnonzero(at_point)
    worth = np.tensordot(at_point[support].astype(np.float32), flat[support], axes=1)
    best = worth.reshape(-1, *shape).max(axis=2)
    return np.asarray(np.maximum(best, 0.0).sum(axis=1) - cost, dtype=np.float64)


def _pieces(
    goals: Goals, isocenters: Array, times: Array, engine: TmrEngine
) -> tuple[list[_Piece], NDArray[np.float32]]:
    """Deliverable states of every isocentre and their influence (points, pieces)."""
    influence = engine.influence(goals.points, isocenters)
    sizes = engine.unit.collimator_sizes_mm
    pieces = [
        _Piece(i, state)
        for i in range(len(isocenters))
        for state, _ in composite_states(times[i], engine.unit)
    ]
    columns = [
        sum(
            influence[:, p.isocenter, s, sizes.index(size)]
            for s, size in enumerate(p.state)
            if size != BLOCKED
        )
        for p in pieces
    ]
    return pieces, np.stack([np.asarray(c) for c in columns], axis=1)


def _polish(
    goals: Goals,
    pieces: list[_Piece],
    influence: NDArray[np.float32],
    engine: TmrEngine,
    cost: float,
    report: Report,
) -> tuple[list[_Piece], Array]:
    """Times with the states fixed; shots too short to deliver, or hardly missed, are dropped."""
    shortest = np.array([minimum_time(p.state, engine.unit) for p in pieces])

    def optimum(kept: NDArray[np.int64]) -> tuple[Array, float]:
        rows = goals.rows(influence[:, kept])
        costs = np.full(len(kept), cost)
        x = solve(rows, costs)
        return x, float(rows.weight @ np.maximum(rows.hinge(x), 0.0) + costs @ x)

    kept = np.arange(len(pieces))
    x, best = optimum(kept)
    for _ in range(30):
        report(f"polishing {len(kept)} shots")
        short = x < shortest[kept]
        if short.any():
            drop = short & (x <= np.median(x[short]))
        else:
            drop = np.zeros(len(kept), dtype=bool)
            drop[np.argsort(x)[: max(1, len(kept) // 12)]] = True
        trial, value = optimum(kept[~drop])
        if not short.any() and value > best * (1 + _PRUNE_LOSS):
            break
        kept, x = kept[~drop], trial
        if short.any():
            best = min(best, value)
    x = np.maximum(x, shortest[kept])
    return [pieces[k] for k in kept], x


def _shots(case: Case, isocenters: Array, pieces: list[_Piece], minutes: Array) -> tuple[Shot, ...]:
    centers = {t.name: sample_about(t.solid, 300, 2.0)[0] for t in case.targets}
    shots = []
    for piece, time in zip(pieces, minutes, strict=True):
        x, y, z = (float(v) for v in isocenters[piece.isocenter])
        near = {
            name: float(np.linalg.norm(points - isocenters[piece.isocenter], axis=1).min())
            for name, points in centers.items()
        }
        name = min(near, key=lambda key: near[key])
        shots.append(Shot((x, y, z), piece.state, float(time), target=name))
    return tuple(shots)


def _normalised(case: Case, shots: tuple[Shot, ...], engine: TmrEngine) -> tuple[Shot, ...]:
    """All times scaled so that the least covered target has the coverage wanted."""
    factors = []
    for target in case.targets:
        points, _ = sample_about(target.solid, 40_000, coarsest_mm=1.0)
        dose = np.quantile(engine.dose(points, shots), 1.0 - COVERAGE)
        factors.append(case.prescription(target.name).dose_gy / float(dose))
    return scaled(shots, max(factors), engine)


def scaled(shots: tuple[Shot, ...], factor: float, engine: TmrEngine) -> tuple[Shot, ...]:
    """The shots with all times multiplied, none below what the machine can deliver."""
    return tuple(
        Shot(
            s.isocenter_mm,
            s.sectors,
            max(s.time_min * factor, minimum_time(s.sectors, engine.unit)),
            s.gamma_angle_deg,
            s.target,
        )
        for s in shots
    )
