"""All that the kernels look up, computed from the materials."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gkplan.frames import Array
from gkplan.montecarlo.electrons import (
    collision_mev_cm2_g,
    hard_collisions,
    radiative_mev_cm2_g,
)
from gkplan.montecarlo.materials import material
from gkplan.montecarlo.photons import (
    compton_cm2_g,
    photo_cm2_g,
    scattered_quantiles,
    transferred_fraction,
)
from gkplan.montecarlo.scattering import angle_quantiles

if TYPE_CHECKING:
    from gkplan.kernels.matter import Physics

# Just above the highest line of Co-60, and no electron of Co-60 has more.
TOP_MEV = 1.34
_PHOTON_ROWS, _QUANTILES, _ANGLES = 128, 256, 128


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How finely electrons and photons are followed.

    Parameters
    ----------
    step : the part of its energy that an electron loses in a step (natural logarithm)
    hard_mev : collisions that transfer more than this are followed one by one
    electron_cut_mev, photon_cut_mev : below, what is left is deposited on the spot
    """

    step: float = 0.08
    hard_mev: float = 0.03
    electron_cut_mev: float = 0.03
    photon_cut_mev: float = 0.01


# For electrons that are followed one by one, and for banks of tracks that are used often.
USUAL = Accuracy()
FINE = Accuracy(step=0.05, hard_mev=0.015, electron_cut_mev=0.015)


@cache
def physics_of(names: tuple[str, ...], accuracy: Accuracy = USUAL) -> Physics:
    """The tables for materials by name; material number n of a voxel is ``names[n]``."""
    from gkplan.kernels.matter import Physics

    energies = np.geomspace(TOP_MEV, 0.999 * accuracy.photon_cut_mev, _PHOTON_ROWS)
    compton = np.array([compton_cm2_g(material(n), energies) for n in names])
    photo = np.array([photo_cm2_g(material(n), energies) for n in names])
    transferred = transferred_fraction(energies)
    columns = [_electron_rows(n, accuracy) for n in names]
    path, kept, hard, angle, scale = (np.array(c) for c in zip(*columns, strict=True))
    return Physics(
        TOP_MEV,
        float(np.log(energies[0] / energies[1])),
        # 1/cm at density 1 to 1/mm.
        (compton + photo) / 10.0,
        photo / (compton + photo),
        (compton * energies * transferred + photo * energies) / (compton + photo),
        scattered_quantiles(energies, _QUANTILES),
        accuracy.photon_cut_mev,
        TOP_MEV,
        accuracy.step,
        path,
        kept,
        hard,
        angle,
        scale,
        accuracy.electron_cut_mev,
        accuracy.hard_mev,
    )


@cache
def _electron_rows(name: str, accuracy: Accuracy) -> tuple[Array, Array, Array, Array, Array]:
    """Rows of `Physics` for one material; each is for a step that begins at its energy."""
    matter = material(name)
    count = int(np.ceil(np.log(TOP_MEV / accuracy.electron_cut_mev) / accuracy.step)) + 2
    energies = TOP_MEV * np.exp(-accuracy.step * np.arange(count))
    middle = energies * np.exp(-accuracy.step / 2.0)
    number, given = hard_collisions(matter, middle, accuracy.hard_mev)
    soft = collision_mev_cm2_g(matter, middle) - given
    both = soft + radiative_mev_cm2_g(matter, middle)
    path = 1.0 / both
    thick = path * energies * (1.0 - np.exp(-accuracy.step))
    turns = [
        angle_quantiles(matter, float(e), float(s), _ANGLES, accuracy.hard_mev)
        for e, s in zip(middle, thick, strict=True)
    ]
    angle, scale = (np.array(c) for c in zip(*turns, strict=True))
    # g/cm2 per MeV to mm per MeV at density 1.
    return 10.0 * path, soft / both, number * thick, angle, scale


def stopping_ratio(names: tuple[str, ...]) -> Array:
    """Dose to water by dose to each material (n,): stopping powers at 0.4 MeV.

    Between 0.1 and 1 MeV the ratio of bone changes by 1 %, that of tissues by 0.3 %.
    """
    energy = np.array([0.4])
    water = collision_mev_cm2_g(material("water"), energy)[0]
    return np.array([water / collision_mev_cm2_g(material(n), energy)[0] for n in names])


def line_attenuation(names: tuple[str, ...], energies_mev: Array) -> Array:
    """Attenuation (materials, lines) in 1/mm at density 1, exactly at the energies of lines."""
    rows = [compton_cm2_g(material(n), energies_mev) for n in names]
    photo = [photo_cm2_g(material(n), energies_mev) for n in names]
    return (np.array(rows) + np.array(photo)) / 10.0
