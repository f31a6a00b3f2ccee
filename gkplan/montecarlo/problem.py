"""What is to be computed, in batches that depend on nothing but their number."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from gkplan.frames import Array
from gkplan.montecarlo.effort import TrackBank, scratch

if TYPE_CHECKING:
    from gkplan.kernels.collisions import Places
    from gkplan.kernels.matter import Physics, Score, Source, Voxels
    from gkplan.kernels.replay import Effort

# Added to the seed: other random numbers than those of the rays.
_OTHERWISE = 0x5DEECE66D


class Work(Protocol):
    """Batches of histories; can be sent to another process."""

    def digest(self) -> str:
        """A fingerprint of everything that the result depends on."""
        ...

    def dose(self, number: int) -> Array:
        """Dose (nk, nj, ni) a history, MeV cm3/g, of the batch with this number."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """All that a batch needs; can be sent to another process.

    Parameters
    ----------
    score : an empty score; batches get copies
    attenuation : [material, line] 1/mm at density 1
    seed, rays : of the random numbers, and in a batch
    """

    physics: Physics
    voxels: Voxels
    source: Source
    effort: Effort
    places: Places
    score: Score
    attenuation: Array
    seed: int
    rays: int

    def digest(self) -> str:
        """A fingerprint of everything that the result depends on."""
        parts = (self.physics, self.voxels, self.source, self.effort, self.places, self.score)
        values = (*(v for part in parts for v in part), self.attenuation)
        return fingerprint(values, self.seed, self.rays)

    def dose(self, number: int) -> Array:
        """Dose a ray of one batch."""
        from gkplan.kernels.collisions import collisions
        from gkplan.kernels.replay import replay

        score = fresh(self.score)
        bank, groups = TrackBank(self.source.energy).made(2 * (self.seed * 1_000_003 + number))
        work = (self.physics, self.voxels, score, self.source, bank)
        replay(
            *work,
            groups,
            self.effort,
            self.attenuation,
            *scratch(),
            self.seed,
            number * self.rays,
            self.rays,
        )
        collisions(
            *work,
            self.effort,
            self.places,
            self.attenuation,
            np.zeros(len(self.source.chance)),
            np.zeros(len(self.source.energy)),
            *scratch(),
            self.seed + _OTHERWISE,
            number * len(self.places.at),
            self.rays,
        )
        score.dose[...] /= self.rays
        return score.dose


def fresh(score: Score) -> Score:
    """An empty score like another."""
    return score._replace(dose=np.zeros(score.dose.shape), sums=np.zeros(4))


def fingerprint(values: Iterable[object], *numbers: int) -> str:
    """Of arrays and numbers: another for any other bit."""
    made = hashlib.sha256()
    for value in values:
        array = np.ascontiguousarray(value)
        made.update(f"{array.dtype} {array.shape}".encode())
        made.update(array.tobytes())
    made.update(" ".join(map(str, numbers)).encode())
    return made.hexdigest()
