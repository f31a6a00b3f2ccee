"""Where tracks may be replayed, and where work is worth it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.montecarlo.electrons import range_mm
from gkplan.montecarlo.materials import material
from gkplan.montecarlo.photons import transferred_fraction
from gkplan.montecarlo.tables import FINE, TOP_MEV, USUAL, Accuracy, physics_of

if TYPE_CHECKING:
    from gkplan.kernels.bank import Bank
    from gkplan.kernels.matter import Voxels
    from gkplan.kernels.replay import Effort

# The range of the fastest electron of Co-60 in water is 5 mm; few get beyond 4.
_RANGE_MM = 5.0
# Matter whose density differs by no more is uniform: tracks are scaled by its mean.
# Thin matter never is: electrons get far in it.
_EVEN, _DENSE = 0.06, 0.8
_SMOOTH_MM = 3.0
_TRACKS, _POINTS, _TURNS = 8192, 8, 1024
# Groups of scattered photons; below the last of them electrons get less than 0.2 mm far.
_GROUPS, _GROUP_TRACKS, _LOWEST_MEV = 16, 512, 0.25
# Multiples of it fill the unit interval evenly, and otherwise than those of the golden ratio.
_EVENLY = 0.7548776662466927
_LONGEST_TRACE = 1024


def effort_of(
    vox: Voxels,
    photon_share: float,
    looks: int,
    copies: int,
    electron_share: float,
    chance: NDArray[np.float32] | None = None,
) -> Effort:
    """How far around each voxel the density is the same, so that tracks may be replayed.

    Matter there may be of several materials, if they are alike in density (brain and fluid).
    """
    from scipy.ndimage import uniform_filter

    from gkplan.kernels.replay import Effort

    smooth = vox.density
    if len(np.unique(smooth[::4, ::4, ::4])) > 64:
        # An image: its noise is not to change tracks.
        smooth = uniform_filter(smooth, [max(1, round(_SMOOTH_MM / s)) for s in vox.spacing[::-1]])
    if chance is None:
        chance = np.ones(vox.density.shape, dtype=np.float32)
    marks = _uniform_tenths(smooth, float(vox.spacing.min()))
    return Effort(marks, smooth, chance, photon_share, looks, copies, electron_share)


def _uniform_tenths(density: NDArray[np.float32], spacing_mm: float) -> NDArray[np.uint8]:
    """For how many tenths of mm, in whole voxels, the density about each voxel is the same."""
    from scipy.ndimage import maximum_filter, minimum_filter

    tenths = np.zeros(density.shape, dtype=np.uint8)
    high = low = density
    for voxels in range(1, int(np.ceil(_RANGE_MM / spacing_mm)) + 1):
        high = maximum_filter(high, 3, mode="constant", cval=0.0)
        low = minimum_filter(low, 3, mode="constant", cval=0.0)
        tenths[(low > _DENSE) & (high - low <= _EVEN * high)] = int(10 * voxels * spacing_mm)
    return tenths


def scratch() -> tuple[NDArray[np.uint64], Array]:
    """What the kernels write to besides their results: random state and waiting electrons."""
    from gkplan.kernels.matter import MOST_WAITING

    return np.zeros(1, dtype=np.uint64), np.zeros((MOST_WAITING, 7))


class TrackBank:
    """Makes banks of electron tracks in water, new ones for each batch."""

    def __init__(self, energies_mev: Array) -> None:
        from gkplan.kernels.matter import TRACE, Score, Voxels

        self._lines = np.repeat(energies_mev[:, None], _TRACKS, axis=1)
        self._step = float(np.log(TOP_MEV / _LOWEST_MEV) / _GROUPS)
        part = (np.arange(_GROUP_TRACKS) * _EVENLY) % 1.0
        self._groups = TOP_MEV * np.exp(-self._step * (np.arange(_GROUPS)[:, None] + part))
        energy = np.geomspace(0.9 * _LOWEST_MEV, TOP_MEV, 200)
        self._transferred = (energy, transferred_fraction(energy))
        energy = np.geomspace(0.01, TOP_MEV, 200)
        self._farthest = (energy, range_mm(material("water"), energy))
        far, none = 1e4, np.zeros(3)
        self._water = Voxels(
            np.full(3, -far),
            np.full(3, 2.0 * far),
            np.zeros((1, 1, 1), dtype=np.uint8),
            np.ones((1, 1, 1), dtype=np.float32),
            np.ones((1, 1, 1), dtype=np.uint8),
            np.ones(1),
        )
        trace = np.zeros((_LONGEST_TRACE, 1, 4))
        self._trace = Score(TRACE, none, np.ones(3), np.ones(1), trace, np.zeros(4))

    def made(self, seed: int) -> tuple[Bank, Bank]:
        """Tracks of the lines, followed finely, and of groups of scattered photons."""
        return self._filled(self._lines, FINE, seed), self._filled(self._groups, USUAL, seed + 1)

    def _filled(self, photon: Array, accuracy: Accuracy, seed: int) -> Bank:
        from gkplan.kernels.bank import Bank, fill_bank

        angle = 2.0 * np.pi * np.arange(_TURNS) / _TURNS
        bank = Bank(
            np.zeros((*photon.shape, _POINTS, 3), dtype=np.float32),
            np.zeros(photon.shape),
            photon,
            photon * np.interp(photon, *self._transferred),
            np.zeros(photon.shape),
            np.zeros(photon.shape),
            np.zeros(photon.shape, dtype=np.uint8),
            np.zeros(photon.shape, dtype=np.int32),
            np.stack([np.cos(angle), np.sin(angle)], axis=1),
            TOP_MEV,
            self._step,
        )
        physics = physics_of(("water",), accuracy)
        fill_bank(physics, self._water, self._trace, bank, *scratch(), seed)
        given = bank.photon - bank.after
        farthest = np.interp(given, *self._farthest)
        for row, energy in enumerate(given):
            share = np.cumsum(energy) / energy.sum()
            even = (np.arange(len(energy)) + 0.5) / len(energy)
            bank.often[row] = np.searchsorted(share, even)
        bank.reach[...] = np.ceil(10.0 * farthest)
        return bank
