"""Where electrons lose their energy does not depend on how finely they are followed."""

from __future__ import annotations

import numpy as np
import pytest

from gkplan.frames import Frame
from gkplan.grid import Grid
from gkplan.montecarlo.effort import scratch
from gkplan.montecarlo.electrons import hard_collisions, moller_mev
from gkplan.montecarlo.geometry import score_in_rings, voxels_of
from gkplan.montecarlo.materials import ELECTRON_MASS_MEV, material
from gkplan.montecarlo.scattering import scattering_moments
from gkplan.montecarlo.tables import FINE, TOP_MEV, USUAL, Accuracy, physics_of


def middle_of_deposits(energy_mev: float, accuracy: Accuracy, count: int) -> tuple[float, float]:
    """Mean depth and distance from the axis, mm, of the energy of electrons that start along z."""
    from gkplan.kernels.matter import start
    from gkplan.kernels.transport import electron

    physics = physics_of(("water",), accuracy)
    grid = Grid((1, 1, 1), (100.0, 100.0, 100.0), (0.0, 0.0, 0.0), Frame.LEKSELL)
    water = np.ones(grid.shape)
    vox = voxels_of(physics, grid, np.zeros(grid.shape, dtype=np.uint8), water)
    score = score_in_rings(0.05, 140, -7.0, 0.05, 280, np.ones(1))
    state, stack = scratch()
    for n in range(count):
        start(state, 5, n)
        electron(
            physics, vox, score, state, stack, (0.0, 0.0, 0.0), (0.0, 0.0, 1.0), energy_mev, 1.0
        )
    dose = score.dose[:, 0] / score.dose.sum()
    depth = -7.0 + (np.arange(280) + 0.5) * 0.05
    return float(dose.sum(axis=1) @ depth), float(dose.sum(axis=0) @ (np.arange(140) + 0.5) * 0.05)


@pytest.mark.parametrize(("energy_mev", "count"), [(1.0, 15_000), (0.4, 30_000)])
def test_neither_steps_nor_thresholds_matter(energy_mev: float, count: int) -> None:
    """Collisions followed or taken on average, few long steps or many: the same to 0.6 %."""
    ways = [Accuracy(0.08, 0.03, 0.03), Accuracy(0.08, 0.005, 0.01), Accuracy(0.03, 0.01, 0.01)]
    depth, beside = np.transpose([middle_of_deposits(energy_mev, way, count) for way in ways])
    # Noise: 0.2 to 0.3 % each.
    assert depth == pytest.approx(np.full(3, depth.mean()), rel=0.006)
    assert beside == pytest.approx(np.full(3, beside.mean()), rel=0.006)


@pytest.mark.parametrize("accuracy", [USUAL, FINE])
@pytest.mark.parametrize("name", ["water", "cortical-bone"])
def test_tables_turn_electrons_by_what_is_not_followed(name: str, accuracy: Accuracy) -> None:
    """The mean of 1 - cos over a step, as drawn, is that of Goudsmit and Saunderson."""
    physics, matter = physics_of((name,), accuracy), material(name)
    last = physics.angle.shape[2] - 1
    chance = last * (1.0 - np.sqrt((np.arange(100_000) + 0.5) / 100_000))
    rows = range(0, physics.path.shape[1], 6)
    for row in rows:
        begun = TOP_MEV * np.exp(-accuracy.step * row)
        path = 0.1 * physics.path[0, row] * begun * (1.0 - np.exp(-accuracy.step))
        middle = begun * np.exp(-accuracy.step / 2.0)
        moment = path * scattering_moments(matter, middle, 2, accuracy.hard_mev)[1]
        value = np.interp(chance, np.arange(last + 1), physics.angle[0, row])
        cosine = 1.0 - 2.0 * np.minimum(physics.scale[0, row] * value / (1.0 - value), 1.0)
        # Below 20 keV electrons get less than 0.01 mm far.
        allowed = 0.003 if middle > 0.02 else 0.015
        assert 1.0 - cosine.mean() == pytest.approx(1.0 - np.exp(-moment), rel=allowed)


@pytest.mark.parametrize("threshold_mev", [0.01, 0.03, 0.1])
def test_scattering_leaves_out_what_hard_collisions_do(threshold_mev: float) -> None:
    """The first moment falls by the number of hard collisions times their 1 - cos, by Moller."""
    energy, water = 1.0, material("water")
    every = scattering_moments(water, energy, 3)[1]
    soft = scattering_moments(water, energy, 3, threshold_mev)[1]
    part = np.geomspace(threshold_mev / energy, 0.5, 4001)
    kept, masses = energy * (1.0 - part), 2.0 * ELECTRON_MASS_MEV
    turn = 1.0 - np.sqrt(kept * (energy + masses) / (energy * (kept + masses)))
    rate = moller_mev(np.full_like(part, energy), part)
    number = hard_collisions(water, np.array([energy]), threshold_mev)[0][0]
    hard = number * np.trapezoid(rate * turn, part) / np.trapezoid(rate, part)
    # Rutherford's law for both, but Moller's takes the exchange of the two into account.
    assert every - soft == pytest.approx(hard, rel=0.15)
    assert 0.01 < (every - soft) / every < 0.1
