"""A bank of electron tracks, and their replay.

Kernels of `replay` and `collisions` call these: after a change here, clear numba's cache.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gkplan.kernels.matter import RINGS, THIN, deposit, kernel, start, uniform
from gkplan.kernels.transport import compton, electron

# The golden ratio: multiples of it fill the unit interval evenly.
_GOLDEN = 0.6180339887498949
# What a voxel's byte says: its first collisions are counted by place, not by ray; and for how
# many tenths of mm around matter is uniform.
PLACED, UNIFORM = 128, 127


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
    reach: NDArray[np.uint8]  # [row, track] tenths of mm that the electron gets at most
    often: NDArray[np.int32]  # [row, n] tracks, each as often as its share of all their energy
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
def played(  # type: ignore[no-untyped-def]
    physics, vox, score, state, stack, effort, bank, row, track, turn, voxel, site, frame, weight
):
    """The electron of a track at a site in a voxel (k, j, i): the direction of the photon after.

    Where matter is uniform as far as this electron gets (its reach in water, by the density) the
    track is replayed; elsewhere an electron begins as the track does, and a part is followed.
    """
    k, j, i = voxel
    m, smooth = vox.material[k, j, i], effort.density[k, j, i]
    if bank.reach[row, track] <= (effort.marks[k, j, i] & UNIFORM) * smooth:
        return replayed(score, bank, row, track, turn, site, frame, m, smooth, weight)
    given = bank.photon[row, track] - bank.after[row, track]
    density = vox.density[k, j, i]
    onward = _after(bank, row, track, turn, frame)
    if given <= physics.electron_cut and density >= THIN:
        deposit(score, site, given, m, density, weight)
        return onward
    share = effort.electron_share
    if uniform(state) < share:
        # Momentum is conserved.
        before, after = bank.photon[row, track], bank.after[row, track]
        x, y, z = (
            before * frame[2][0] - after * onward[0],
            before * frame[2][1] - after * onward[1],
            before * frame[2][2] - after * onward[2],
        )
        size = 1.0 / math.sqrt(x * x + y * y + z * z)
        way = (x * size, y * size, z * size)
        electron(physics, vox, score, state, stack, site, way, given, weight / share)
    return onward


@kernel
def _after(bank, row, track, turn, frame):  # type: ignore[no-untyped-def]
    """The direction of the scattered photon."""
    c, s = bank.turns[turn, 0], bank.turns[turn, 1]
    cosine = bank.cosine[row, track]
    sine = math.sqrt(max(0.0, 1.0 - cosine * cosine))
    a, b, w = frame
    return (
        sine * (c * a[0] + s * b[0]) + cosine * w[0],
        sine * (c * a[1] + s * b[1]) + cosine * w[1],
        sine * (c * a[2] + s * b[2]) + cosine * w[2],
    )


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
    return _after(bank, row, track, turn, frame)
