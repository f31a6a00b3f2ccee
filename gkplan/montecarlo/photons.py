"""Photon interactions: free-electron Compton scattering and the photoelectric effect."""

from __future__ import annotations

import numpy as np

from gkplan.frames import Array
from gkplan.montecarlo.materials import (
    ELECTRON_MASS_MEV,
    NA_RE2_CM2,
    Material,
    photo_exponent,
)


def klein_nishina(energy_mev: Array, ratio: Array) -> Array:
    """Differential cross-section of scattering from E to ``ratio * E``, per unit ratio.

    In units of pi r_e^2 per electron; zero below the ratio of backscattering. Klein and Nishina
    (1929): ``(m / E) (r + 1 / r - sin^2)``.
    """
    k = energy_mev / ELECTRON_MASS_MEV
    versine = (1.0 / ratio - 1.0) / k
    sine2 = versine * (2.0 - versine)
    return np.where(versine <= 2.0 + 1e-12, (ratio + 1.0 / ratio - sine2) / k, 0.0)


def compton_cm2_g(matter: Material, energy_mev: Array) -> Array:
    """Mass attenuation coefficient of Compton scattering, cm2/g, of any energies (n,).

    The closed form of Klein and Nishina for free electrons.
    """
    k = np.asarray(energy_mev) / ELECTRON_MASS_MEV
    log = np.log1p(2.0 * k)
    first = (1.0 + k) / k**2 * (2.0 * (1.0 + k) / (1.0 + 2.0 * k) - log / k)
    per_electron = first + log / (2.0 * k) - (1.0 + 3.0 * k) / (1.0 + 2.0 * k) ** 2
    return np.asarray(2.0 * np.pi * NA_RE2_CM2 * matter.electrons_mol_g * per_electron)


def photo_cm2_g(matter: Material, energy_mev: Array) -> Array:
    """Mass photoelectric coefficient, cm2/g: a power of the energy through 0.1 MeV."""
    return np.asarray(matter.photo_cm2_g * (np.asarray(energy_mev) / 0.1) ** -photo_exponent())


def scattered_quantiles(energies_mev: Array, parts: int) -> Array:
    """Quantiles (n, parts + 1) of the ratio E' / E after Compton scattering at n energies."""
    rows = []
    for energy in energies_mev:
        least = 1.0 / (1.0 + 2.0 * energy / ELECTRON_MASS_MEV)
        ratio = np.linspace(least, 1.0, 4001)
        density = klein_nishina(energy, ratio)
        area = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
        rows.append(np.interp(np.linspace(0.0, 1.0, parts + 1), area / area[-1], ratio))
    return np.stack(rows)


def transferred_fraction(energies_mev: Array) -> Array:
    """Fraction (n,) of its energy that a photon gives to the electron on average (Compton)."""
    means = []
    for energy in energies_mev:
        ratio = np.linspace(1.0 / (1.0 + 2.0 * energy / ELECTRON_MASS_MEV), 1.0, 4001)
        density = klein_nishina(energy, ratio)
        means.append(np.trapezoid(density * (1.0 - ratio)) / np.trapezoid(density))
    return np.array(means)
