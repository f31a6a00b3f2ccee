"""The shipped dose about one photon's path is what the engine computes, and makes the beams."""

from __future__ import annotations

import numpy as np
import pytest

from gkplan.dose.montecarlo import MonteCarlo
from gkplan.errors import PlanError
from gkplan.montecarlo.fluence import fluences_of
from gkplan.montecarlo.materials import cobalt_lines
from gkplan.montecarlo.pencil import computed_pencil, shipped_pencil
from gkplan.unit import load_unit


@pytest.mark.parametrize("scattered", [0.0, 1.0])
def test_the_shipped_pencil_is_computed_anew(scattered: float) -> None:
    shipped = shipped_pencil(scattered)
    fresh, error = computed_pencil(8, 2000, 3, scattered)
    np.testing.assert_allclose(fresh.edge_mm, shipped.edge_mm)
    area = np.pi * np.diff(shipped.edge_mm**2)
    for radius in (1.0, 3.0, 8.0):
        disc = np.where(shipped.edge_mm[1:] <= radius + 1e-9, area, 0.0)
        sigma = np.sqrt((disc * error) @ (disc * error))
        # Rings share rays, so that their errors add up to more than if they did not.
        assert disc @ fresh.dose_gy == pytest.approx(disc @ shipped.dose_gy, rel=0.01)
        assert sigma < 0.01 * (disc @ shipped.dose_gy)


def test_photons_of_a_beam_make_the_profile_of_the_unit() -> None:
    collimator = load_unit("perfexion").collimator(16)
    for fluence in fluences_of(collimator, shipped_pencil()):
        assert fluence.misfit < 0.012
        # More dose a photon and mm2 than in the 4 mm beam, less than in a broad one (pGy cm2).
        assert 3.7 < 1e10 * fluence.dose_gy_mm2 < 4.1
        assert (np.diff(fluence.radius2_mm2) >= 0.0).all()
        assert 8.0 < np.sqrt(fluence.area_mm2 / np.pi) < 8.7


def test_scattered_photons_are_a_part_and_softer() -> None:
    lines, share = cobalt_lines()
    energy, parts = cobalt_lines(0.2)
    assert parts.sum() == pytest.approx(1.0)
    assert parts[energy < lines.min()].sum() == pytest.approx(0.2)
    np.testing.assert_allclose(parts[:2], 0.8 * share)
    # A mixture gives what its parts give.
    hard, soft = shipped_pencil().dose_gy, shipped_pencil(1.0).dose_gy
    np.testing.assert_allclose(shipped_pencil(0.2).dose_gy, 0.8 * hard + 0.2 * soft)
    with pytest.raises(PlanError, match="scattered: expected a fraction of the photons"):
        MonteCarlo(scattered=0.6)
