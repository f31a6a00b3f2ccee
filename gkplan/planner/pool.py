"""Isocentres with their gamma angles, as the linear programme counts them, and shots of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gkplan.dose import TmrEngine
from gkplan.frames import Array
from gkplan.planner.model import Index
from gkplan.planner.programme import Array32, Shots
from gkplan.shot import BLOCKED, Shot
from gkplan.unit import RadiationUnit


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Isocentres (n, 3) in Leksell mm, the gamma angle (n,) and the target's name of each."""

    places: Array
    gamma_deg: Array
    targets: tuple[str, ...]

    def at(self, chosen: Index) -> Pool:
        targets = tuple(self.targets[n] for n in chosen)
        return Pool(self.places[chosen], self.gamma_deg[chosen], targets)

    def joined(self, other: Pool) -> Pool:
        """These isocentres, then the others."""
        return Pool(
            np.concatenate([self.places, other.places]),
            np.concatenate([self.gamma_deg, other.gamma_deg]),
            (*self.targets, *other.targets),
        )

    def of_one_gamma(self) -> Iterator[tuple[float, Index]]:
        """Each gamma angle and the numbers of its isocentres."""
        for gamma in np.unique(self.gamma_deg):
            yield float(gamma), np.flatnonzero(self.gamma_deg == gamma)

    def influence(self, engine: TmrEngine, points: Array) -> Array32:
        """As `TmrEngine.influence`, each isocentre at its own gamma angle."""
        unit = engine.unit
        shape = (len(self.places), unit.n_sectors, len(unit.collimators), len(points))
        rates = np.empty(shape, dtype=np.float32)
        for gamma, chosen in self.of_one_gamma():
            rates[chosen] = engine.influence(points, self.places[chosen], gamma)
        return rates

    def listed(self, shots: Shots, times: Array, unit: RadiationUnit) -> tuple[Shot, ...]:
        """The programme's shots (m) with their times (m,) as shots of a plan."""
        sizes = (*unit.collimator_sizes_mm, BLOCKED)
        return tuple(
            Shot(
                (float(x), float(y), float(z)),
                tuple(sizes[s] for s in state),
                float(time),
                float(gamma),
                target,
            )
            for (x, y, z), state, time, gamma, target in zip(
                self.places[shots.isocenter],
                shots.state,
                times,
                self.gamma_deg[shots.isocenter],
                self.at(shots.isocenter).targets,
                strict=True,
            )
        )


def pooled(shots: Sequence[Shot], unit: RadiationUnit) -> tuple[Pool, Shots, Array]:
    """The isocentres of a plan's shots, the shots as the programme counts them, their times.

    Shots that differ in nothing but the time become one.
    """
    number = {size: n for n, size in enumerate(unit.collimator_sizes_mm)} | {BLOCKED: -1}
    keys = dict.fromkeys((s.isocenter_mm, s.gamma_angle_deg, s.target) for s in shots)
    place = {key: n for n, key in enumerate(keys)}
    times: dict[tuple[int, tuple[int, ...]], float] = {}
    for s in shots:
        state = tuple(number[size] for size in s.sectors)
        key = (place[s.isocenter_mm, s.gamma_angle_deg, s.target], state)
        times[key] = times.get(key, 0.0) + s.time_min
    pool = Pool(
        np.array([p for p, _, _ in place]),
        np.array([gamma for _, gamma, _ in place]),
        tuple(target for _, _, target in place),
    )
    indexed = Shots(np.array([n for n, _ in times]), np.array([state for _, state in times]))
    return pool, indexed, np.array(list(times.values()))
