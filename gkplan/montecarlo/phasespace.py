"""Photons that are given one by one: what another code counted at some plane, for instance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gkplan.errors import PlanError
from gkplan.frames import Array
from gkplan.montecarlo.effort import scratch
from gkplan.montecarlo.problem import fingerprint, fresh
from gkplan.montecarlo.tables import TOP_MEV, USUAL

if TYPE_CHECKING:
    from gkplan.kernels.matter import Physics, Score, Voxels


@dataclass(frozen=True, slots=True, eq=False)
class PhaseSpace:
    """n photons on their way.

    Parameters
    ----------
    place_mm : (n, 3) Leksell mm
    direction : (n, 3) unit vectors, whither they fly
    energy_mev : (n,) above the cut-off of photons, 0.01 MeV, to 1.34 MeV
    weight : (n,) how many photons each stands for
    chance : (n,) cumulated weight, of all

    Raises
    ------
    PlanError
        For arrays of other shapes, and for the first photon that cannot be.
    """

    place_mm: Array
    direction: Array
    energy_mev: Array
    weight: Array
    chance: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        n = len(self.energy_mev)
        for name, shape in (
            ("place_mm", (n, 3)),
            ("direction", (n, 3)),
            ("energy_mev", (n,)),
            ("weight", (n,)),
        ):
            values = np.ascontiguousarray(getattr(self, name), dtype=np.float64)
            if n == 0 or values.shape != shape:
                raise PlanError(
                    f"phase space: {name} has the shape {values.shape}, expected {shape}, at least "
                    f"one photon"
                )
            object.__setattr__(self, name, values)
        low = USUAL.photon_cut_mev
        is_finite = np.asarray(np.isfinite(self.place_mm).all(axis=1))
        self._check("place_mm", is_finite, "finite numbers")
        length = np.linalg.norm(self.direction, axis=1)
        self._check("direction", np.abs(length - 1.0) <= 1e-3, "a unit vector")
        object.__setattr__(self, "direction", self.direction / length[:, None])
        is_known = (self.energy_mev > low) & (self.energy_mev <= TOP_MEV)
        self._check("energy_mev", is_known, f"more than {low:g} and at most {TOP_MEV:g} MeV")
        is_weight = np.isfinite(self.weight) & (self.weight >= 0.0)
        self._check("weight", is_weight, "a number of photons, 0 or more")
        if not self.weight.sum() > 0.0:
            raise PlanError("phase space: all weights are 0; there are no photons")
        total = np.cumsum(self.weight)
        object.__setattr__(self, "chance", total / total[-1])

    def _check(self, name: str, fine: NDArray[np.bool_], expected: str) -> None:
        if not fine.all():
            n = int(np.argmin(fine))
            raise PlanError(
                f"phase space: photon {n + 1} has {name} {getattr(self, name)[n].tolist()}; "
                f"expected {expected}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class GivenPhotons:
    """The dose of given photons, every interaction as in nature; see `Work`."""

    physics: Physics
    voxels: Voxels
    photons: PhaseSpace
    score: Score
    seed: int
    rays: int

    def digest(self) -> str:
        given = self.photons
        arrays = (given.place_mm, given.direction, given.energy_mev, given.weight)
        parts = (self.physics, self.voxels, self.score, arrays)
        return fingerprint((v for part in parts for v in part), self.seed, self.rays)

    def dose(self, number: int) -> Array:
        from gkplan.kernels.transport import given_photons

        score, given = fresh(self.score), self.photons
        given_photons(
            self.physics,
            self.voxels,
            score,
            given.place_mm,
            given.direction,
            given.energy_mev,
            given.chance,
            *scratch(),
            self.seed,
            number * self.rays,
            self.rays,
        )
        score.dose[...] /= self.rays
        return score.dose
