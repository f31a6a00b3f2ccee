"""Which voxels have tracks of their own (`gkplan.kernels.collisions`), and how many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array

if TYPE_CHECKING:
    from gkplan.kernels.collisions import Places
    from gkplan.kernels.matter import Source, Voxels
    from gkplan.kernels.replay import Effort

# Of the most photons a mm2 that a voxel has: voxels with less are left to the rays.
_LEAST = 0.03
_BIN_MM, _FARTHEST_MM = 0.05, 60.0


def no_places() -> Places:
    """All is left to the rays."""
    from gkplan.kernels.collisions import Places

    none = np.zeros(0, dtype=np.int64)
    empty = np.zeros((0, 0))
    return Places(np.zeros((0, 3), dtype=np.int64), none, 1, np.zeros(0), empty, 1.0, 0.0, 0.0)


def places_of(
    vox: Voxels,
    near: NDArray[np.bool_],
    source: Source,
    depth_mm: Array,
    slope_per_mm: float,
    tracks: int,
    each: int,
) -> Places:
    """Voxels near the isocentres with photons enough, each with tracks by its photons.

    Parameters
    ----------
    near : (nk, nj, ni), where voxels may have tracks of their own
    depth_mm : (beams,) of water to the focus, about
    slope_per_mm : attenuation, about
    tracks : in a batch, all places together, about
    each : tracks of one beam that is drawn
    """
    from gkplan.kernels.collisions import Places, about_each

    photons = np.diff(source.chance, prepend=0.0) * np.exp(-slope_per_mm * depth_mm)
    edge = np.arange(round(_FARTHEST_MM / _BIN_MM) + 1) * _BIN_MM
    counted = np.linspace(0.0, 1.0, source.radius2.shape[1])
    inside = np.stack([np.interp(edge**2, r2, counted) for r2 in source.radius2])
    reach = float(np.linalg.norm(vox.spacing)) / 2
    at = np.argwhere(near & (vox.density > 0.0))
    none = np.zeros(len(at), dtype=np.int64)
    places = Places(at, none, each, photons, inside, _BIN_MM, reach, slope_per_mm)
    if not len(at):
        return places
    there = np.zeros(len(at))
    about_each(
        source, places, vox.corner + (at[:, ::-1] + 0.5) * vox.spacing, photons.copy(), there
    )
    part = there / there.max()
    enough = part > _LEAST
    at, part = at[enough], part[enough]
    drawn = np.ceil(part * (tracks / each / part.sum())).astype(np.int64)
    return places._replace(at=at, beams=drawn, tracks=each)


def with_places(effort: Effort, places: Places) -> Effort:
    """The effort of the rays, which leave these voxels out but for what scatters there."""
    from gkplan.kernels.bank import PLACED

    marks, chance = effort.marks.copy(), effort.chance.copy()
    at = tuple(places.at.T)
    marks[at] |= PLACED
    chance[at] = 1.0
    return effort._replace(marks=marks, chance=chance)
