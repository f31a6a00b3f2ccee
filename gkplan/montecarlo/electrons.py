"""Stopping of electrons, and the collisions hard enough to be followed one by one."""

from __future__ import annotations

import numpy as np

from gkplan.frames import Array
from gkplan.montecarlo.materials import BETHE_MEV_CM2, ELECTRON_MASS_MEV, Material, material


def collision_mev_cm2_g(matter: Material, energy_mev: Array) -> Array:
    """Mass collision stopping power, MeV cm2/g, of electrons of any energies (n,).

    Notes
    -----
    The formula of Bethe as in ICRU Report 37 (Berger and Seltzer), with the density effect of
    Sternheimer.
    """
    tau = np.asarray(energy_mev, dtype=np.float64) / ELECTRON_MASS_MEV
    beta2 = tau * (tau + 2.0) / (tau + 1.0) ** 2
    close = 1.0 - beta2 + (tau**2 / 8.0 - (2.0 * tau + 1.0) * np.log(2.0)) / (tau + 1.0) ** 2
    excitation = matter.mean_excitation_ev * 1e-6 / ELECTRON_MASS_MEV
    number = np.log(tau**2 * (tau + 2.0) / (2.0 * excitation**2)) + close
    number -= density_effect(matter, energy_mev)
    return np.asarray(BETHE_MEV_CM2 * matter.electrons_mol_g / beta2 * number)


def range_mm(matter: Material, energies_mev: Array) -> Array:
    """How far electrons get at density 1, mm, if they go straight and lose what is usual (CSDA).

    Energies (n,) increase; they are from 10 keV on, whose range (2.5 um in water) is left out.
    """
    per_mm = 1.0 / collision_mev_cm2_g(matter, energies_mev) * 10.0
    steps = (per_mm[1:] + per_mm[:-1]) / 2.0 * np.diff(energies_mev)
    return np.concatenate([[0.0], np.cumsum(steps)])


def density_effect(matter: Material, energy_mev: Array) -> Array:
    """Sternheimer's delta at electron energies (n,)."""
    tau = np.asarray(energy_mev, dtype=np.float64) / ELECTRON_MASS_MEV
    x0, x1, a, m, c = matter.density_effect
    x = np.log10(np.sqrt(tau * (tau + 2.0)))
    delta = 2.0 * np.log(10.0) * x - c + a * np.maximum(x1 - x, 0.0) ** m
    return np.where(x < x0, 0.0, delta)


def radiative_mev_cm2_g(matter: Material, energy_mev: Array) -> Array:
    """Mass radiative stopping power, MeV cm2/g: that of water, scaled by the sum of w Z^2 / A.

    The numbers of water are those of NIST's ESTAR. They are less than 1 % of the collision
    stopping power at the energies of Co-60.
    """
    energy = [0.0125, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5]
    water = [3.927, 4.031, 4.228, 4.801, 5.514, 6.339, 7.257, 8.254, 10.43, 12.78, 15.97, 19.42]
    scale = _squares(matter) / _squares(material("water"))
    return np.asarray(1e-3 * np.interp(energy_mev, energy, water) * scale)


def _squares(matter: Material) -> float:
    z, a, w = (np.array(v) for v in (matter.numbers, matter.masses, matter.weights))
    return float((w * z**2 / a).sum())


def moller_mev(energy_mev: Array, transfer: Array) -> Array:
    """Moller's cross-section per unit of the transferred fraction, times beta^2 T.

    In units of `BETHE_MEV_CM2` per mol of electrons; transfers up to one half.
    """
    tau = energy_mev / ELECTRON_MASS_MEV
    mixed = (2.0 * tau + 1.0) / (tau + 1.0) ** 2
    square = (tau / (tau + 1.0)) ** 2
    far = 1.0 - transfer
    return np.asarray(1.0 / transfer**2 + 1.0 / far**2 + square - mixed / (transfer * far))


def hard_collisions(
    matter: Material, energies_mev: Array, threshold_mev: float
) -> tuple[Array, Array]:
    """Collisions above the threshold: number per g/cm2 (n,), and energy given to them (n,).

    The energy is in MeV cm2/g, as a stopping power is.
    """
    number, energy = np.zeros((2, len(energies_mev)))
    for n, e in enumerate(energies_mev):
        if e <= 2.0 * threshold_mev:
            continue
        # Evenly in the logarithm: the integrand falls as the square of the transfer.
        log = np.linspace(np.log(threshold_mev / e), np.log(0.5), 2001)
        x = np.exp(log)
        tau = e / ELECTRON_MASS_MEV
        beta2 = tau * (tau + 2.0) / (tau + 1.0) ** 2
        rate = BETHE_MEV_CM2 * matter.electrons_mol_g / beta2 * moller_mev(e, x) * x / e
        number[n] = np.trapezoid(rate, log)
        energy[n] = np.trapezoid(rate * x * e, log)
    return number, energy
