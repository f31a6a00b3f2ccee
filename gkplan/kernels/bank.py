"""A bank of electron tracks, and their replay.

Kernels of `replay` call these: after a change here, clear numba's cache.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gkplan.kernels.matter import RINGS, deposit, kernel, start, uniform
from gkplan.kernels.transport import compton, electron

# The golden ratio: multiples of it fill the unit interval evenly.
_GOLDEN = 0.6180339887498949


class Bank(NamedTuple):
    """Tracks in water of density 1 of electrons that photons along z set free at the origin.

    Rows are the lines of the source, or groups of energies evenly in the logarithm.
    """

    points: NDArray[np.float32]  # [row, track, point, 3] mm
    energy: NDArray[np.float64]  # [row, track] MeV that each point gets
    photon: NDArray[np.float64]  # [row, track] MeV of the photon that came
    mean: NDArray[np.float64]  # [row, track] MeV that such a photon gives on average
    after: NDArray[np.float64]  # [row, track] MeV of the scattered photon
    cosine: NDArray[np.float64]  # [row, track] of its angle
    turns: NDArray[np.float64]  # [turn, 2] cosine and sine of evenly spaced angles
    group_top: float
    group_step: float  # of the logarithm of the energy


@kernel
def fill_bank(
    physics: Any, water: Any, trace: Any, bank: Any, state: Any, stack: Any, seed: int
) -> None:
    """New tracks: `water` is one large voxel, `trace` a score of the kind TRACE."""
    rows, tracks, count, _ = bank.points.shape
    for row in range(rows):
        for track in range(tracks):
            start(state, seed, row * tracks + track)
            energy = bank.photon[row, track]
            # Any run of neighbours in the bank has all energies, evenly.
            chance = (track * _GOLDEN + uniform(state) / tracks) % 1.0
            after, onward, freed = compton(physics, state, (0.0, 0.0, 1.0), energy, chance)
            bank.after[row, track] = after
            bank.cosine[row, track] = onward[2]
            # In the plane of the scattering, so that the photon leaves toward +x.
            flat = math.sqrt(freed[0] * freed[0] + freed[1] * freed[1])
            trace.sums[:] = 0.0
            given = energy - after
            if given > physics.electron_cut:
                electron(
                    physics,
                    water,
                    trace,
                    state,
                    stack,
                    (0.0, 0.0, 0.0),
                    (-flat, 0.0, freed[2]),
                    given,
                    1.0,
                )
            else:
                deposit(trace, (0.0, 0.0, 0.0), given, 0, 1.0, 1.0)
            _resample(trace, state, bank.points[row, track], count)
            bank.energy[row, track] = trace.sums[0] / count


@kernel
def _resample(trace, state, points, count):  # type: ignore[no-untyped-def]
    """Draw points of equal energy out of a trace, evenly along the energy that it loses."""
    share = trace.sums[0] / count
    wanted, lost = uniform(state) * share, 0.0
    filled = 0
    for n in range(int(trace.sums[1])):
        lost += trace.dose[n, 0, 3]
        while filled < count and wanted <= lost:
            for axis in range(3):
                points[filled, axis] = trace.dose[n, 0, axis]
            filled += 1
            wanted += share
    # Rounding may leave the last one.
    for left in range(filled, count):
        for axis in range(3):
            points[left, axis] = points[filled - 1, axis]


@kernel
def replayed(score, bank, row, track, turn, site, frame, m, density, weight):  # type: ignore[no-untyped-def]
    """Deposit a track of the bank at a site; gives the direction of the scattered photon."""
    c, s = bank.turns[turn, 0], bank.turns[turn, 1]
    ax, ay, az = frame[0]
    bx, by, bz = frame[1]
    wx, wy, wz = frame[2]
    ux, uy, uz = c * ax + s * bx, c * ay + s * by, c * az + s * bz
    vx, vy, vz = c * bx - s * ax, c * by - s * ay, c * bz - s * az
    # Everything in units of the score's voxels: three products a coordinate are left to do.
    stretch = 1.0 / density
    x, y, z = site[0] - score.corner[0], site[1] - score.corner[1], site[2] - score.corner[2]
    fx, fy, fz = 1.0 / score.spacing[0], 1.0 / score.spacing[1], 1.0 / score.spacing[2]
    px, py, pz = ux * stretch, uy * stretch, uz * stretch
    qx, qy, qz = vx * stretch, vy * stretch, vz * stretch
    rx, ry, rz = wx * stretch, wy * stretch, wz * stretch
    nk, nj, ni = score.dose.shape
    count = bank.points.shape[2]
    given = weight * bank.energy[row, track]
    dose = given * score.weight[m] * stretch
    for n in range(count):
        p, q, r = (
            bank.points[row, track, n, 0],
            bank.points[row, track, n, 1],
            bank.points[row, track, n, 2],
        )
        dx, dy = x + p * px + q * qx + r * rx, y + p * py + q * qy + r * ry
        if score.kind == RINGS:
            dx, dy = math.sqrt(dx * dx + dy * dy), 0.0
        dx, dy, dz = dx * fx, dy * fy, (z + p * pz + q * qz + r * rz) * fz
        if dx >= 0.0 and dy >= 0.0 and dz >= 0.0 and dx < ni and dy < nj and dz < nk:
            score.dose[int(dz), int(dy), int(dx)] += dose
    score.sums[0] += given * count
    cosine = bank.cosine[row, track]
    sine = math.sqrt(max(0.0, 1.0 - cosine * cosine))
    return (sine * ux + cosine * wx, sine * uy + cosine * wy, sine * uz + cosine * wz)
