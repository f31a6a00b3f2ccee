"""What transport is made of: tables, voxels, scores, random numbers, steps from voxel to voxel.

Lengths are mm, energies MeV, densities g/cm3; tables are per unit of density. Voxels are
``[k, j, i]``; a density of 0 is vacuum. Places and directions are tuples of three. Kernels of
`transport`, `bank`, `replay` and `collisions` call these: after a change here, clear numba's cache.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

MASS = 0.51099895
MOST_WAITING = 32
BOX, RINGS, TRACE = 0, 1, 2
# Kernels allocate nothing and count no references to arrays: counting them, atomically, in every
# call would take three quarters of the time. (njit as Any: its type does not know `_nrt`.)
_njit: Any = numba.njit
kernel = _njit(cache=True, nogil=True, _nrt=False)
# Matter of less density (g/cm3) is air: what stops there, stops far off.
THIN = 0.1
# Steps of a sequence that fills the unit cube evenly (Roberts, 2018).
EVENLY = (0.8191725133961645, 0.6710436067037893, 0.5497004779019703)
# Beyond a border by this much, a place is in the next voxel.
NUDGE_MM = 1e-6


class Physics(NamedTuple):
    """Tables of all materials; [m] is the material, rows are even in the logarithm of energy."""

    photon_top: float
    photon_step: float
    attenuation: NDArray[np.float64]  # [m, row] 1/mm at density 1
    photo: NDArray[np.float64]  # [m, row] its photoelectric fraction
    given: NDArray[np.float64]  # [m, row] MeV an interaction gives to electrons on average
    ratio: NDArray[np.float64]  # [row, quantile] of E' / E
    photon_cut: float
    electron_top: float
    electron_step: float
    path: NDArray[np.float64]  # [m, row] mm per MeV lost at density 1
    kept: NDArray[np.float64]  # [m, row] fraction of the loss that is not radiated
    hard: NDArray[np.float64]  # [m, row] hard collisions in a step on average
    angle: NDArray[np.float64]  # [m, row, n]: quantiles of 1 - (1 - n / last)^2
    scale: NDArray[np.float64]  # [m, row]
    electron_cut: float
    hard_cut: float


class Voxels(NamedTuple):
    """Matter; `corner` is the outer corner of voxel 0 and `majorant` [row] the greatest 1/mm."""

    corner: NDArray[np.float64]
    spacing: NDArray[np.float64]
    material: NDArray[np.uint8]
    density: NDArray[np.float32]
    uniform: NDArray[np.uint8]
    majorant: NDArray[np.float64]


class Score(NamedTuple):
    """Where dose is summed: BOX of voxels, RINGS (x: radius) about z, or TRACE of deposits.

    A trace holds x, y, z and energy of each deposit, and their number in ``sums[1]``.
    """

    kind: int
    corner: NDArray[np.float64]
    spacing: NDArray[np.float64]
    weight: NDArray[np.float64]  # [m] dose to what is asked for by dose to the material
    dose: NDArray[np.float64]  # [k, j, i] MeV cm3/g
    sums: NDArray[np.float64]  # MeV deposited anywhere, number of a trace, MeV gone, radiated


class Source(NamedTuple):
    """Beams: points of a disc about `focus`, seen from `distance` along `direction`."""

    focus: NDArray[np.float64]  # [beam, 3]
    direction: NDArray[np.float64]  # [beam, 3], toward the source
    distance: NDArray[np.float64]
    shape: NDArray[np.int64]  # [beam] row of `radius2`
    chance: NDArray[np.float64]  # [beam] cumulated
    radius2: NDArray[np.float64]  # [shape, quantile] mm2
    energy: NDArray[np.float64]
    share: NDArray[np.float64]  # cumulated


@kernel
def _mixed(z):  # type: ignore[no-untyped-def]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def start(state, seed, history):  # type: ignore[no-untyped-def]
    """Begin the stream of random numbers that belongs to a history."""
    key = _mixed(np.uint64(seed) + np.uint64(0x632BE59BD9B4E019))
    state[0] = _mixed(key ^ _mixed(np.uint64(history) * np.uint64(0x9E3779B97F4A7C15)))


@kernel
def uniform(state):  # type: ignore[no-untyped-def]
    """A number in (0, 1): SplitMix64 (Steele, Lea and Flood, 2014)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    return (float(_mixed(state[0]) >> np.uint64(11)) + 0.5) * 1.1102230246251565e-16


@kernel
def moved(place, way, length):  # type: ignore[no-untyped-def]
    return (
        place[0] + length * way[0],
        place[1] + length * way[1],
        place[2] + length * way[2],
    )


@kernel
def turned(way, cosine, azimuth):  # type: ignore[no-untyped-def]
    """The unit vector at an angle to a unit vector."""
    u, v, w = way
    sine = math.sqrt(max(0.0, 1.0 - cosine * cosine))
    a, b = sine * math.cos(azimuth), sine * math.sin(azimuth)
    flat = u * u + v * v
    if flat < 1e-20:
        return (a, b, math.copysign(cosine, cosine * w))
    root = math.sqrt(flat)
    x = u * cosine + (u * w * a - v * b) / root
    y = v * cosine + (v * w * a + u * b) / root
    z = w * cosine - root * a
    norm = 1.0 / math.sqrt(x * x + y * y + z * z)
    return (x * norm, y * norm, z * norm)


@kernel
def voxel(vox, place):  # type: ignore[no-untyped-def]
    """Indices of the voxel of a place, and whether it is inside."""
    i = math.floor((place[0] - vox.corner[0]) / vox.spacing[0])
    j = math.floor((place[1] - vox.corner[1]) / vox.spacing[1])
    k = math.floor((place[2] - vox.corner[2]) / vox.spacing[2])
    nk, nj, ni = vox.density.shape
    inside = (i >= 0) and (j >= 0) and (k >= 0) and (i < ni) and (j < nj) and (k < nk)
    return k, j, i, inside


@kernel
def to_border(vox, place, way, k, j, i):  # type: ignore[no-untyped-def]
    """Distance along a direction to the border of a voxel."""
    nearest = 1e30
    for axis, index in ((0, i), (1, j), (2, k)):
        if way[axis] != 0.0:
            border = vox.corner[axis] + (index + (way[axis] > 0.0)) * vox.spacing[axis]
            nearest = min(nearest, (border - place[axis]) / way[axis])
    return max(nearest, 0.0)


@kernel
def frame_of(way):  # type: ignore[no-untyped-def]
    """Two directions across a third, and this."""
    beside = turned(way, 0.0, 0.0)
    return (
        beside,
        (
            way[1] * beside[2] - way[2] * beside[1],
            way[2] * beside[0] - way[0] * beside[2],
            way[0] * beside[1] - way[1] * beside[0],
        ),
        way,
    )


@kernel
def _border(vox, place, along, axis, index):  # type: ignore[no-untyped-def]
    """Distance along a direction cosine to the border of a voxel, and from one to the next."""
    if along == 0.0:
        return 1e30, 1e30
    border = vox.corner[axis] + (index + (along > 0.0)) * vox.spacing[axis]
    return (border - place) / along, vox.spacing[axis] / abs(along)


@kernel
def borders(vox, place, way, at):  # type: ignore[no-untyped-def]
    """For x, y, z the distances to the border of the voxel `at` (k, j, i), and between borders."""
    x, dx = _border(vox, place[0], way[0], 0, at[2])
    y, dy = _border(vox, place[1], way[1], 1, at[1])
    z, dz = _border(vox, place[2], way[2], 2, at[0])
    return (x, y, z), (dx, dy, dz)


@kernel
def onward_from(vox, way, at, near, apart):  # type: ignore[no-untyped-def]
    """The voxel beyond the nearest of the borders `near`, the borders then, whether it is there."""
    k, j, i = at
    x, y, z = near
    if x <= y and x <= z:
        i += 1 if way[0] > 0.0 else -1
        x += apart[0]
    elif y <= z:
        j += 1 if way[1] > 0.0 else -1
        y += apart[1]
    else:
        k += 1 if way[2] > 0.0 else -1
        z += apart[2]
    nk, nj, ni = vox.density.shape
    inside = (i >= 0) and (j >= 0) and (k >= 0) and (i < ni) and (j < nj) and (k < nk)
    return (k, j, i), (x, y, z), inside


@kernel
def deposit(score, place, energy, material, density, weight):  # type: ignore[no-untyped-def]
    """Score an energy at a place."""
    score.sums[0] += weight * energy
    if score.kind == TRACE:
        n = int(score.sums[1])
        if n < score.dose.shape[0]:
            score.dose[n, 0, 0], score.dose[n, 0, 1], score.dose[n, 0, 2] = place
            score.dose[n, 0, 3] = energy
            score.sums[1] += 1.0
        return
    x, y = place[0] - score.corner[0], place[1] - score.corner[1]
    if score.kind == RINGS:
        x, y = math.sqrt(x * x + y * y), 0.0
    i = math.floor(x / score.spacing[0])
    j = math.floor(y / score.spacing[1])
    k = math.floor((place[2] - score.corner[2]) / score.spacing[2])
    nk, nj, ni = score.dose.shape
    if i >= 0 and j >= 0 and k >= 0 and i < ni and j < nj and k < nk:
        score.dose[k, j, i] += weight * energy * score.weight[material] / density


@kernel
def entrance(vox, place, way):  # type: ignore[no-untyped-def]
    """Distances at which a ray enters and leaves the box of voxels (enter > leave: misses)."""
    enter, leave = 0.0, 1e30
    nk, nj, ni = vox.density.shape
    for axis, count in ((0, ni), (1, nj), (2, nk)):
        low = vox.corner[axis]
        high = low + count * vox.spacing[axis]
        if way[axis] == 0.0:
            if place[axis] < low or place[axis] > high:
                leave = -1.0
        else:
            one, two = (low - place[axis]) / way[axis], (high - place[axis]) / way[axis]
            enter, leave = max(enter, min(one, two)), min(leave, max(one, two))
    return enter + NUDGE_MM, leave - NUDGE_MM
