"""Photons given one by one: against the beam they were drawn from, and what cannot be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gkplan.dose.given import dose_of_given
from gkplan.dose.montecarlo import MonteCarlo
from gkplan.errors import PlanError
from gkplan.frames import Frame
from gkplan.grid import Grid
from gkplan.head import Head
from gkplan.montecarlo.effort import scratch
from gkplan.montecarlo.geometry import score_in_rings, slabs, voxels_of
from gkplan.montecarlo.ideal import ideal_beam
from gkplan.montecarlo.phasespace import GivenPhotons, PhaseSpace
from gkplan.montecarlo.tables import Accuracy, physics_of
from gkplan.solids import Ellipsoid

NAMES = ("water", "cortical-bone", "air")
ACCURACY = Accuracy(step=0.15, hard_mev=0.1, electron_cut_mev=0.1)
GRID = Grid((80, 40, 40), (2.0, 2.0, 1.0), (-39.0, -39.0, 0.5), Frame.LEKSELL)
LAYERS = [
    (0.0, 20.0, "water", 1.0),
    (20.0, 30.0, "cortical-bone", 1.85),
    (30.0, 80.0, "water", 1.0),
]
HEAD = Head("ball", Ellipsoid((100.0, 100.0, 100.0), (40.0, 40.0, 40.0)))
AROUND = Grid((8, 8, 8), (10.0, 10.0, 10.0), (65.0, 65.0, 65.0), Frame.LEKSELL)
SHORT = MonteCarlo(uncertainty=0.5, rays=500, most_batches=8, medium="water", workers=1)


def parallel(n: int = 50, axis: int = 2) -> PhaseSpace:
    """Photons toward the middle of the ball along one axis, from 10 mm outside of it."""
    rng = np.random.default_rng(2)
    place = np.full((n, 3), 100.0) + rng.uniform(-3.0, 3.0, (n, 3))
    place[:, axis] = 50.0
    way = np.zeros((n, 3))
    way[:, axis] = 1.0
    return PhaseSpace(place, way, np.full(n, 1.25), np.full(n, 1e6))


def of_beam(n: int) -> PhaseSpace:
    """Photons of the ideal beam of 8 mm, where they leave its source."""
    beam = ideal_beam(8.0, 40.0, 400.0)
    rng = np.random.default_rng(1)
    radius, angle = 4.0 * np.sqrt(rng.random(n)), 2.0 * np.pi * rng.random(n)
    way = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.full(n, 400.0)], axis=1)
    way /= np.linalg.norm(way, axis=1)[:, None]
    energy = np.where(rng.random(n) < beam.share[0], *beam.energy)
    return PhaseSpace(np.tile([0.0, 0.0, -360.0], (n, 1)), way, energy, np.ones(n))


def test_photons_of_a_beam_give_the_dose_of_the_beam() -> None:
    from gkplan.kernels.transport import analogue

    physics = physics_of(NAMES, ACCURACY)
    vox = voxels_of(physics, GRID, *slabs(NAMES, GRID, LAYERS))
    score = score_in_rings(4.0, 1, 0.0, 10.0, 8, np.ones(3))
    given = GivenPhotons(physics, vox, of_beam(80_000), score, 1, 10_000)
    rows = np.array([given.dose(n)[:, 0, 0] for n in range(8)])
    natural = []
    for n in range(8):
        empty = score._replace(dose=np.zeros(score.dose.shape), sums=np.zeros(4))
        beam = ideal_beam(8.0, 40.0, 400.0)
        analogue(physics, vox, empty, beam, *scratch(), 2, 10_000 * n, 10_000, False)
        natural.append(empty.dose[:, 0, 0] / 10_000)
    expected = np.array(natural)
    error = np.sqrt((rows.var(axis=0, ddof=1) + expected.var(axis=0, ddof=1)) / 8)
    pull = (rows.mean(axis=0) - expected.mean(axis=0)) / error
    assert np.abs(pull).max() < 4.5
    assert rows.mean() == pytest.approx(expected.mean(), rel=0.03)


def test_dose_is_in_gray_and_follows_the_weights() -> None:
    """What a slab of the ball absorbs of 50 million photons of 1.25 MeV, about."""
    once = dose_of_given(parallel(), HEAD, AROUND, SHORT)
    absorbed = once.dose_gy.astype(np.float64).sum() * 1e-3  # J, voxels of 1 g
    brought = 50e6 * 1.25 * 1.602e-13
    # 80 mm of water take 40 % of them (NIST: 0.0632 cm2/g), and half of their energy and more.
    assert 0.15 * brought < absorbed < 0.4 * brought
    photons = parallel()
    twice = dose_of_given(replace(photons, weight=2 * photons.weight), HEAD, AROUND, SHORT)
    np.testing.assert_allclose(twice.dose_gy, 2.0 * once.dose_gy, rtol=1e-6)
    workers = replace(SHORT, workers=3)
    np.testing.assert_array_equal(
        dose_of_given(parallel(), HEAD, AROUND, workers).dose_gy, once.dose_gy
    )


def test_photons_of_no_weight_do_nothing() -> None:
    along, across = parallel(), parallel(axis=0)
    both = PhaseSpace(
        np.concatenate([along.place_mm, across.place_mm]),
        np.concatenate([along.direction, across.direction]),
        np.concatenate([along.energy_mev, across.energy_mev]),
        np.concatenate([along.weight, 0.0 * across.weight]),
    )
    dose = dose_of_given(both, HEAD, AROUND, SHORT).dose_gy
    np.testing.assert_array_equal(dose, dose_of_given(along, HEAD, AROUND, SHORT).dose_gy)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("place_mm", np.zeros((50, 2)), r"place_mm has the shape \(50, 2\), expected \(50, 3\)"),
        ("place_mm", np.full((50, 3), np.nan), "photon 1 has place_mm .* expected finite"),
        ("direction", np.full((50, 3), 1.0), "photon 1 has direction .* expected a unit vector"),
        ("energy_mev", np.full(50, 6.0), "photon 1 has energy_mev 6.0; expected more than 0.01"),
        ("weight", np.full(50, -1.0), "photon 1 has weight -1.0; expected a number of photons"),
        ("weight", np.zeros(50), "all weights are 0"),
    ],
)
def test_photons_that_cannot_be_are_named(name: str, value: np.ndarray, said: str) -> None:
    with pytest.raises(PlanError, match=said):
        replace(parallel(), **{name: value})
