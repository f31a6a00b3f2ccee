"""Materials of the Monte Carlo engine: composition and the few numbers that are not computed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gkplan.errors import CaseError
from gkplan.frames import Array

ELECTRON_MASS_MEV = 0.51099895  # CODATA 2018
# 2 pi r_e^2 m_e c^2 N_A, MeV cm2/mol, and Avogadro's number times r_e^2, cm2/mol (CODATA 2018).
BETHE_MEV_CM2 = 0.1535375
NA_RE2_CM2 = 6.02214076e23 * 2.8179403262e-13**2
FINE_STRUCTURE = 1.0 / 137.035999


@dataclass(frozen=True, slots=True)
class Material:
    """Matter of one composition; what depends on density only is left to the voxels.

    Parameters
    ----------
    density : nominal, g/cm3
    mean_excitation_ev : I of the Bethe formula
    photo_cm2_g : mass photoelectric coefficient at 0.1 MeV
    numbers, masses, weights : of the elements: Z, g/mol, fraction by weight
    density_effect : Sternheimer's x0, x1, a, m, C
    """

    name: str
    density: float
    mean_excitation_ev: float
    photo_cm2_g: float
    numbers: tuple[int, ...]
    masses: tuple[float, ...]
    weights: tuple[float, ...]
    density_effect: tuple[float, ...]

    @property
    def electrons_mol_g(self) -> float:
        """Moles of electrons in a gram: the sum of w Z / A."""
        z, a, w = (np.array(v) for v in (self.numbers, self.masses, self.weights))
        return float((w * z / a).sum())


@cache
def _table() -> dict[str, Any]:
    path = Path(__file__).parent / "data" / "materials.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def material(name: str) -> Material:
    """The material of that name in `data/materials.toml`."""
    known = {m["name"]: m for m in _table()["material"]}
    if name not in known:
        raise ValueError(f"material {name!r}: expected one of {', '.join(known)}")
    entry, elements = known[name], _table()["element"]
    z, a = zip(*(elements[symbol] for symbol in entry["weight"]), strict=True)
    weights = np.array(list(entry["weight"].values()))
    plain = Material(
        name,
        entry["density"],
        entry["mean_excitation_ev"],
        entry["photo_cm2_g"],
        z,
        a,
        tuple((weights / weights.sum()).tolist()),
        (),
    )
    effect = entry.get("density_effect") or _general_density_effect(plain)
    return replace(plain, density_effect=tuple(effect))


def _general_density_effect(matter: Material) -> tuple[float, ...]:
    """Sternheimer and Peierls, Phys. Rev. B 3 (1971) 3681, for liquids and solids."""
    plasma_ev = 28.816 * np.sqrt(matter.density * matter.electrons_mol_g)
    c = 2.0 * np.log(matter.mean_excitation_ev / plasma_ev) + 1.0
    if matter.mean_excitation_ev < 100.0:
        x1, low, flat = 2.0, 3.681, 1.0
    else:
        x1, low, flat = 3.0, 5.215, 1.5
    x0 = 0.2 if c < low else 0.326 * c - flat
    a = (c - 2.0 * np.log(10.0) * x0) / (x1 - x0) ** 3
    return (x0, x1, float(a), 3.0, float(c))


def photo_exponent() -> float:
    return float(_table()["photo"]["exponent"])


def cobalt_lines(scattered: float = 0.0) -> tuple[Array, Array]:
    """Energies (MeV) of the photons of Co-60 and the fraction of the photons in each.

    A fraction, `scattered`, of them has lost energy in the source and its collimators.
    """
    lines = _table()["cobalt"]
    own = np.array(lines["per_decay"])
    soft = np.array(lines["scattered_mev"])
    energy = np.concatenate([lines["energy_mev"], soft])
    share = np.concatenate(
        [(1.0 - scattered) * own / own.sum(), np.full(len(soft), scattered / len(soft))]
    )
    return energy[share > 0.0], share[share > 0.0]


def density_of_hu(hu: ArrayLike) -> Array:
    """Density (g/cm3) of CT numbers, by the curve of `data/materials.toml`."""
    curve = _table()["tissue"]
    values = np.asarray(hu, dtype=np.float64)
    return np.asarray(np.interp(values, curve["hu"], curve["density"]), dtype=np.float64)


def material_names() -> tuple[str, ...]:
    """The materials that a head may hold, in the order of `material_of_density`."""
    return tuple(_table()["tissue"]["material"])


def material_of_density(density: ArrayLike) -> NDArray[np.uint8]:
    """Number of the material (of `material_names`) that matter of a density is taken to be.

    Raises
    ------
    CaseError
        For a density that is negative or not a number.
    """
    values = np.asarray(density, dtype=np.float64)
    wrong = ~(values >= 0.0)
    if wrong.any():
        raise CaseError(
            f"density: {int(wrong.sum())} values are negative or missing, the first "
            f"{values[wrong].flat[0]:g} g/cm3; expected at least 0 (air is 0.0012)"
        )
    steps = _table()["tissue"]["from_density"]
    return (np.searchsorted(steps, values, side="right") - 1).astype(np.uint8)
