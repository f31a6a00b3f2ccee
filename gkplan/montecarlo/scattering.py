"""Multiple scattering of electrons: the distribution of the angle after a step."""

from __future__ import annotations

import math

import numpy as np

from gkplan.frames import Array
from gkplan.montecarlo.materials import (
    ELECTRON_MASS_MEV,
    FINE_STRUCTURE,
    NA_RE2_CM2,
    Material,
)

_DEGREES = 400
_NODES, _TABULATED = 1200, 1200


def scattering_moments(
    matter: Material, energy_mev: float, degrees: int, hard_mev: float = np.inf
) -> Array:
    """Goudsmit-Saunderson moments G_l (degrees,) of elastic scattering, cm2/g.

    ``G_l`` is the number of collisions per g/cm2 times the mean of ``1 - P_l``. Collisions with
    electrons that transfer more than `hard_mev` are left out, and those of more than half the
    energy: the faster of the two counts as the one that came.

    Notes
    -----
    Rutherford scattering with Moliere's screening (Z. Naturforsch. 2a (1947) 133) times the
    first-order spin factor of McKinley and Feshbach (Phys. Rev. 74 (1948) 1759). Collisions with
    atomic electrons count as Z (Z + 1) instead of Z^2, up to the angle of a hard collision.
    """
    from gkplan.kernels.legendre import legendre_moments

    tau = energy_mev / ELECTRON_MASS_MEV
    beta2 = tau * (tau + 2.0) / (tau + 1.0) ** 2
    momentum2 = tau * (tau + 2.0)
    # x = sin^2(theta / 2), evenly in its logarithm from far below the screening angle.
    log = np.linspace(np.log(1e-9), 0.0, _NODES)
    x = np.exp(log)
    share = np.zeros(_NODES)
    soft = x <= _deflection(energy_mev, min(hard_mev, energy_mev / 2.0))
    for z, a, w in zip(matter.numbers, matter.masses, matter.weights, strict=True):
        screen = (FINE_STRUCTURE * z ** (1 / 3) / 0.885) ** 2 / (4.0 * momentum2)
        screen *= 1.13 + 3.76 * (FINE_STRUCTURE * z) ** 2 / beta2
        spin = 1.0 - beta2 * x
        spin += np.pi * FINE_STRUCTURE * z * np.sqrt(beta2) * np.sqrt(x) * (1.0 - np.sqrt(x))
        strength = np.pi * NA_RE2_CM2 * w / a * z * (z + soft) / (momentum2 * beta2)
        share += strength * spin * x / (x + screen) ** 2
    weights = np.asarray(share * float(log[1] - log[0]), dtype=np.float64)
    weights[[0, -1]] /= 2.0
    return legendre_moments(weights, 1.0 - 2.0 * x, degrees)


def _deflection(energy_mev: float, given_mev: float) -> float:
    """sin^2(theta / 2) of an electron that gives so much to one at rest."""
    kept, masses = energy_mev - given_mev, 2.0 * ELECTRON_MASS_MEV
    cosine = math.sqrt(kept * (energy_mev + masses) / (energy_mev * (kept + masses)))
    return (1.0 - cosine) / 2.0


def angle_quantiles(
    matter: Material, energy_mev: float, path_g_cm2: float, parts: int, hard_mev: float = np.inf
) -> tuple[Array, float]:
    """Quantiles of the angle after a path: (parts + 1,) values v, and their scale a.

    ``sin^2(theta / 2) = a v / (1 - v)``: in v the distribution is smooth to its far end. Quantile n
    is that of ``1 - (1 - n / parts)^2``, dense where angles are large: there evenly spaced ones
    would make the mean of 1 - cos 1 % too large. Collisions with electrons that transfer more
    than `hard_mev` are left out.
    """
    from gkplan.kernels.legendre import legendre_sums

    thick = path_g_cm2 * scattering_moments(matter, energy_mev, _DEGREES, hard_mev)
    # In a thin step some are not scattered, or less than so many degrees can show: straight on.
    straight = float(np.exp(-thick[-1]))
    degree = np.arange(_DEGREES)
    coefficients = np.asarray((2.0 * degree + 1.0) * (np.exp(-thick) - straight), dtype=np.float64)
    scale = float(1.0 - np.exp(-thick[1])) / 4.0
    v = np.linspace(0.0, 1.0 / (1.0 + scale), _TABULATED)
    x = scale * v / (1.0 - v)
    density = np.maximum(legendre_sums(coefficients, 1.0 - 2.0 * x), 0.0) / (1.0 - v) ** 2
    area = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    chance = 1.0 - np.linspace(1.0, 0.0, parts + 1) ** 2
    return np.interp(chance, straight + (1.0 - straight) * area / area[-1], v), scale
