"""The physics that the kernels look up, against published numbers."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from gkplan.errors import CaseError
from gkplan.montecarlo.electrons import (
    collision_mev_cm2_g,
    hard_collisions,
    radiative_mev_cm2_g,
)
from gkplan.montecarlo.materials import density_of_hu, material, material_of_density
from gkplan.montecarlo.photons import (
    compton_cm2_g,
    klein_nishina,
    photo_cm2_g,
    scattered_quantiles,
)
from gkplan.montecarlo.scattering import angle_quantiles, scattering_moments

MASS = 0.51099895
# NIST SRD 126: material, MeV, mu_en/rho in cm2/g.
ABSORPTION = [
    ("water", 0.1, 0.02546),
    ("water", 0.5, 0.03299),
    ("water", 1.25, 0.02965),
    ("brain", 1.25, 0.02951),
    ("adipose", 0.5, 0.03301),
    ("cortical-bone", 0.2, 0.03003),
    ("cortical-bone", 1.25, 0.02745),
    ("air", 1.25, 0.02666),
]


@pytest.mark.parametrize(("name", "energy", "expected"), ABSORPTION)
def test_energy_absorption_is_that_of_nist(name: str, energy: float, expected: float) -> None:
    matter, e = material(name), np.array([energy])
    ratio = np.linspace(1 / (1 + 2 * energy / MASS), 1, 20001)
    density = klein_nishina(e, ratio)
    transferred = np.trapezoid(density * (1 - ratio), ratio) / np.trapezoid(density, ratio)
    got = compton_cm2_g(matter, e)[0] * transferred + photo_cm2_g(matter, e)[0]
    # 0.4 %: bremsstrahlung, which NIST leaves out of the absorbed part.
    assert got == pytest.approx(expected, rel=0.008 if "bone" in name else 0.003)


def test_differential_and_total_klein_nishina_agree() -> None:
    for energy in (0.02, 0.3, 1.25):
        ratio = np.linspace(1 / (1 + 2 * energy / MASS), 1, 20001)
        area = np.trapezoid(klein_nishina(np.array([energy]), ratio), ratio)
        # pi r_e^2 per electron.
        per_electron = compton_cm2_g(material("water"), np.array([energy]))[0]
        per_electron /= material("water").electrons_mol_g * 6.02214076e23
        assert area * np.pi * (2.8179403262e-13) ** 2 == pytest.approx(per_electron, rel=1e-6)


def test_quantiles_of_scattering_have_its_mean() -> None:
    row = scattered_quantiles(np.array([1.25]), 256)[0]
    ratio = np.linspace(row[0], 1, 20001)
    density = klein_nishina(np.array([1.25]), ratio)
    mean = np.trapezoid(density * ratio, ratio) / np.trapezoid(density, ratio)
    assert ((row[1:] + row[:-1]) / 2).mean() == pytest.approx(mean, rel=1e-4)


# NIST ESTAR: MeV, collision and radiative stopping power in MeV cm2/g.
STOPPING = [
    ("water", 0.05, 6.603, 0.004031),
    ("water", 0.5, 2.034, 0.007257),
    ("water", 1.0, 1.849, 0.01280),
    ("air", 0.1, 3.633, 0.004222),
    ("air", 1.0, 1.661, 0.01271),
]


@pytest.mark.parametrize(("name", "energy", "collision", "radiative"), STOPPING)
def test_stopping_powers_are_those_of_estar(
    name: str, energy: float, collision: float, radiative: float
) -> None:
    matter, e = material(name), np.array([energy])
    assert collision_mev_cm2_g(matter, e)[0] == pytest.approx(collision, rel=1e-3)
    assert radiative_mev_cm2_g(matter, e)[0] == pytest.approx(radiative, rel=0.012)


def test_range_of_an_electron_of_1_mev_in_water() -> None:
    energy = np.geomspace(1e-4, 1.0, 4000)
    matter = material("water")
    stopping = collision_mev_cm2_g(matter, energy) + radiative_mev_cm2_g(matter, energy)
    # NIST ESTAR: 0.4367 g/cm2.
    assert np.trapezoid(1 / stopping, energy) == pytest.approx(0.4367, rel=2e-3)


def test_hard_collisions_take_what_stopping_gives_up() -> None:
    """Half of the energies above a threshold: the number falls about as one over it."""
    water, energy = material("water"), np.array([1.0])
    many, much = hard_collisions(water, energy, 0.01)
    few, less = hard_collisions(water, energy, 0.05)
    assert 4.0 < many[0] / few[0] < 6.0
    assert less[0] < much[0] < 0.5 * collision_mev_cm2_g(water, energy)[0]
    assert hard_collisions(water, np.array([0.1]), 0.05)[0][0] == 0.0


def test_angles_after_a_step_have_the_moments_of_goudsmit_and_saunderson() -> None:
    water = material("water")
    for energy, path in ((1.0, 0.03), (0.1, 0.001), (0.03, 1.5e-4)):
        moments = path * scattering_moments(water, energy, 3)
        values, scale = angle_quantiles(water, energy, path, 256)
        chance = 1 - np.sqrt((np.arange(25600) + 0.5) / 25600)
        fine = np.interp(256 * chance, np.arange(257), values)
        cosine = 1 - 2 * np.minimum(scale * fine / (1 - fine), 1.0)
        assert cosine.mean() == pytest.approx(np.exp(-moments[1]), abs=1e-4)
        assert (1.5 * cosine**2 - 0.5).mean() == pytest.approx(np.exp(-moments[2]), abs=1e-4)


def test_tissues_of_densities_and_ct_numbers() -> None:
    assert material_of_density([0.0012, 0.95, 1.0, 1.04, 1.06, 1.61, 1.92]).tolist() == list(
        range(7)
    )
    assert density_of_hu([-1000, 0, 1000])[[0, 2]] == pytest.approx([0.00121, 1.609], abs=0.01)
    assert (np.diff(density_of_hu(np.arange(-1000, 3000, 10))) >= 0).all()


def test_a_negative_density_is_refused() -> None:
    with pytest.raises(CaseError, match=r"1 values are negative .* -0\.5 g/cm3"):
        material_of_density([1.0, -0.5])


@pytest.mark.skipif("GKPLAN_SHARED" not in os.environ, reason="needs $GKPLAN_SHARED")
def test_every_tabulated_coefficient_of_nist() -> None:
    folder = Path(os.environ["GKPLAN_SHARED"]) / "reference" / "nist"
    files = {"water": "water", "brain": "brain", "soft-tissue": "tissue", "adipose": "adipose"}
    for name, stem in {**files, "cortical-bone": "bone", "air": "air"}.items():
        table = np.loadtxt(folder / f"nist126_{stem}_0.1-20MeV.csv", delimiter=",", skiprows=1)
        energy, attenuation, _ = table[(table[:, 0] > 0.35) & (table[:, 0] < 1.6)].T
        matter = material(name)
        got = compton_cm2_g(matter, energy) + photo_cm2_g(matter, energy)
        # NIST includes Rayleigh scattering and pairs: up to 0.4 % in tissue, 0.7 % in bone.
        assert np.abs(got / attenuation - 1).max() < 0.008
