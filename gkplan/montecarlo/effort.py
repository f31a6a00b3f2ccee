"""Where tracks may be replayed, and where work is worth it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.montecarlo.tables import Accuracy, physics_of

if TYPE_CHECKING:
    from gkplan.kernels.matter import Voxels
    from gkplan.kernels.replay import Bank, Effort

# The range of the fastest electron of Co-60 in water is 5 mm; few get beyond 4.
_RANGE_MM = 5.0
# Matter whose density differs by no more is uniform: tracks are scaled by its mean.
_EVEN = 0.06
_SMOOTH_MM = 3.0
_TRACKS, _POINTS, _TURNS = 8192, 10, 1024
_LONGEST_TRACE = 1024


def effort_of(
    vox: Voxels,
    photon_share: float,
    electron_share: float,
    chance: NDArray[np.float32] | None = None,
) -> Effort:
    """Where it is calm: the density is the same as far as electrons get, in all directions.

    Matter there may be of several materials, if they are alike in density (brain and fluid).
    """
    from scipy.ndimage import maximum_filter, minimum_filter, uniform_filter

    from gkplan.kernels.replay import Effort

    size = [int(2 * np.ceil(_RANGE_MM / s) + 1) for s in vox.spacing[::-1]]
    smooth = vox.density
    if len(np.unique(smooth[::4, ::4, ::4])) > 64:
        # An image: its noise is not to change tracks.
        smooth = uniform_filter(smooth, [max(1, round(_SMOOTH_MM / s)) for s in vox.spacing[::-1]])
    high = maximum_filter(smooth, size, mode="constant", cval=0.0)
    low = minimum_filter(smooth, size, mode="constant", cval=0.0)
    calm = (low > 0.8) & (high - low <= _EVEN * high)
    if chance is None:
        chance = np.ones(vox.density.shape, dtype=np.float32)
    return Effort(calm.view(np.uint8), smooth, chance, photon_share, electron_share)


def scratch() -> tuple[NDArray[np.uint64], Array]:
    """What the kernels write to besides their results: random state and waiting electrons."""
    from gkplan.kernels.matter import MOST_WAITING

    return np.zeros(1, dtype=np.uint64), np.zeros((MOST_WAITING, 7))


class TrackBank:
    """Makes banks of electron tracks in water, a new one for each batch."""

    def __init__(self, energies_mev: Array, accuracy: Accuracy) -> None:
        from gkplan.kernels.matter import TRACE, Score, Voxels

        self._energies = energies_mev
        self._physics = physics_of(("water",), accuracy)
        far = 1e4
        self._water = Voxels(
            np.full(3, -far),
            np.full(3, 2.0 * far),
            np.zeros((1, 1, 1), dtype=np.uint8),
            np.ones((1, 1, 1), dtype=np.float32),
            np.ones((1, 1, 1), dtype=np.uint8),
            self._physics.attenuation.max(axis=0),
        )
        none = np.zeros(3)
        trace = np.zeros((_LONGEST_TRACE, 1, 4))
        self._trace = Score(TRACE, none, np.ones(3), np.ones(1), trace, np.zeros(4))

    def made(self, seed: int) -> Bank:
        from gkplan.kernels.replay import Bank, fill_bank

        lines = len(self._energies)
        angle = 2.0 * np.pi * np.arange(_TURNS) / _TURNS
        bank = Bank(
            np.zeros((lines, _TRACKS, _POINTS, 3), dtype=np.float32),
            np.zeros((lines, _TRACKS)),
            np.zeros((lines, _TRACKS)),
            np.zeros((lines, _TRACKS)),
            np.stack([np.cos(angle), np.sin(angle)], axis=1),
        )
        fill_bank(self._physics, self._water, self._trace, self._energies, bank, *scratch(), seed)
        return bank
