"""Times scaled to the coverage that is wanted."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from gkplan.case import Case
from gkplan.dose.engine import UnitEngine
from gkplan.frames import Array
from gkplan.planner.excess import excesses, organ_doses
from gkplan.shot import Shot, minimum_time
from gkplan.solids import sample_about, scattered
from gkplan.structures.nested import nested

_POINTS = 100_000
# Targets see each other's shots, so scaling one changes the others a little; transit stays.
_ROUNDS = 6
# Only points that are not far above the dose decide; so many of them are looked at again.
_DECISIVE = 0.04


def coverage_points(case: Case) -> dict[str, Array]:
    """By name of each target: the points (n, 3) that its coverage is counted on."""
    return {t.name: scattered(t.solid, _POINTS, coarsest_mm=1.0).points for t in case.targets}


def normalised(
    case: Case,
    shots: tuple[Shot, ...],
    engine: UnitEngine,
    coverage: float,
    points_of: Mapping[str, Array] | None = None,
) -> tuple[Shot, ...]:
    """The times of each target's shots scaled until it has the coverage.

    Targets one inside another are scaled together until the last of them has it: most of a
    boost's dose may come from the shots of the target around it. `points_of` are the
    `coverage_points`, if they are at hand.
    """
    together = nested([target.solid for target in case.targets])
    together |= together.T | np.eye(len(together), dtype=np.bool_)
    decisive, rank = {}, {}
    for name, points in (points_of or coverage_points(case)).items():
        dose = engine.dose(points, shots)
        rank[name] = int((1.0 - coverage) * len(points))
        count = min(rank[name] + int(_DECISIVE * len(points)) + 1, len(points))
        decisive[name] = points[np.argpartition(dose, count - 1)[:count]]
    shortest = [minimum_time(shot.sectors, engine.unit) for shot in shots]
    for _ in range(_ROUNDS):
        factor = {}
        for name, points in decisive.items():
            covering = np.partition(engine.dose(points, shots), rank[name])[rank[name]]
            factor[name] = case.prescription(name).dose_gy / float(covering)
        each = np.array(list(factor.values()))
        factor = {name: float(each[row].max()) for name, row in zip(factor, together, strict=True)}
        shots = tuple(
            dataclasses.replace(s, time_min=max(s.time_min * factor[s.target], least))
            for s, least in zip(shots, shortest, strict=True)
        )
        if max(abs(f - 1.0) for f in factor.values()) < 1e-4:
            break
    return shots


def within_hard_limits(case: Case, shots: tuple[Shot, ...], engine: UnitEngine) -> tuple[Shot, ...]:
    """All times scaled down by as much as the hard limits ask for, on the points that judge.

    The coverage then is less than wanted: nothing outweighs a hard limit. The shortest times of
    the machine, and the dose on the way between shots, can still leave it missed.
    """
    hard = [limit for limit in case.limits if limit.hard]
    shortest = [minimum_time(shot.sectors, engine.unit) for shot in shots]
    for _ in range(_ROUNDS if hard else 0):
        worst = max(excesses(hard, organ_doses(case, hard, shots, engine)))
        if worst <= 1.0:
            break
        shots = tuple(
            dataclasses.replace(s, time_min=max(s.time_min / (worst * (1.0 + 1e-6)), least))
            for s, least in zip(shots, shortest, strict=True)
        )
    return shots


def nearest_targets(case: Case, places: Array) -> list[str]:
    """Name of the target that each place (n, 3) is in, or nearest to.

    In a boost that is the boost, not the target around it.
    """
    samples = [sample_about(t.solid, 300, 2.0)[0] for t in case.targets]
    distance = [
        np.linalg.norm(places[:, None] - points[None], axis=2).min(axis=1) for points in samples
    ]
    nearest = np.argmin(distance, axis=0)
    doses = [case.prescription(t.name).dose_gy for t in case.targets]
    for n in np.argsort(doses):
        nearest[case.targets[n].solid.contains(places)] = n
    return [case.targets[int(n)].name for n in nearest]
