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
    """Isocentres (n, 3) in Leksell mm, and what the shots at each have in common.

    Parameters
    ----------
    gamma_deg, targets, plugged : gamma angle (n,), target's name, and the sources that are plugged
    """

    places: Array
    gamma_deg: Array
    targets: tuple[str, ...]
    plugged: tuple[tuple[int, ...], ...]

    @classmethod
    def of(
        cls, places: Array, gamma_deg: float, targets: Sequence[str], plugged: tuple[int, ...] = ()
    ) -> Pool:
        """Isocentres with one gamma angle and the same sources plugged."""
        n = len(places)
        return cls(places, np.full(n, gamma_deg), tuple(targets), (plugged,) * n)

    def at(self, chosen: Index) -> Pool:
        targets = tuple(self.targets[n] for n in chosen)
        plugged = tuple(self.plugged[n] for n in chosen)
        return Pool(self.places[chosen], self.gamma_deg[chosen], targets, plugged)

    def joined(self, other: Pool) -> Pool:
        """These isocentres, then the others."""
        return Pool(
            np.concatenate([self.places, other.places]),
            np.concatenate([self.gamma_deg, other.gamma_deg]),
            (*self.targets, *other.targets),
            (*self.plugged, *other.plugged),
        )

    def alike(self) -> Iterator[tuple[float, tuple[int, ...], Index]]:
        """Each gamma angle with what is plugged at it, and the numbers of these isocentres."""
        keys = list(zip(self.gamma_deg.tolist(), self.plugged, strict=True))
        for key in sorted(set(keys)):
            yield *key, np.array([n for n, other in enumerate(keys) if other == key])

    def influence(self, engine: TmrEngine, points: Array) -> Array32:
        """As `TmrEngine.influence`, each isocentre at its own gamma angle, plugged as it is."""
        unit = engine.unit
        shape = (len(self.places), unit.n_sectors, len(unit.collimators), len(points))
        rates = np.empty(shape, dtype=np.float32)
        for gamma, plugged, chosen in self.alike():
            rates[chosen] = engine.influence(points, self.places[chosen], gamma, plugged=plugged)
        return rates

    def listed(self, shots: Shots, times: Array, unit: RadiationUnit) -> tuple[Shot, ...]:
        """The programme's shots (m) with their times (m,) as shots of a plan."""
        sizes = (*unit.collimator_sizes_mm, BLOCKED)
        pool = self.at(shots.isocenter)
        return tuple(
            Shot(
                (float(x), float(y), float(z)),
                tuple(sizes[s] for s in state),
                float(time),
                float(gamma),
                target,
                plugged,
            )
            for (x, y, z), state, time, gamma, target, plugged in zip(
                pool.places,
                shots.state,
                times,
                pool.gamma_deg,
                pool.targets,
                pool.plugged,
                strict=True,
            )
        )


def pooled(shots: Sequence[Shot], unit: RadiationUnit) -> tuple[Pool, Shots, Array]:
    """The isocentres of a plan's shots, the shots as the programme counts them, their times.

    Shots that differ in nothing but the time become one.
    """
    number = {size: n for n, size in enumerate(unit.collimator_sizes_mm)} | {BLOCKED: -1}
    place: dict[tuple[tuple[float, float, float], float, str, tuple[int, ...]], int] = {}
    times: dict[tuple[int, tuple[int, ...]], float] = {}
    for s in shots:
        state = tuple(number[size] for size in s.sectors)
        here = (s.isocenter_mm, s.gamma_angle_deg, s.target, s.plugged)
        key = (place.setdefault(here, len(place)), state)
        times[key] = times.get(key, 0.0) + s.time_min
    pool = Pool(
        np.array([p for p, _, _, _ in place]),
        np.array([gamma for _, gamma, _, _ in place]),
        tuple(target for _, _, target, _ in place),
        tuple(plugged for _, _, _, plugged in place),
    )
    indexed = Shots(np.array([n for n, _ in times]), np.array([state for _, state in times]))
    return pool, indexed, np.array(list(times.values()))
