"""Many interactions for each ray: electron tracks out of a bank where matter is uniform.

A ray of the source interacts, with the fraction of a photon that would, in every voxel it
crosses. Where matter is uniform as far as electrons get, the electron's track is one of a bank
that was followed in water, turned about the ray by a random angle and scaled by the density;
elsewhere an electron is followed. A part of the scattered photons, with more weight, goes on.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gkplan.kernels.matter import (
    RINGS,
    deposit,
    entrance,
    kernel,
    moved,
    start,
    turned,
    uniform,
    voxel,
)
from gkplan.kernels.transport import compton, electron, emitted, photon

# Steps of sequences that fill the unit interval and cube evenly (Roberts, 2018: the golden ratio
# and its likes in three dimensions).
_GOLDEN = 0.6180339887498949
_EVENLY = (0.8191725133961645, 0.6710436067037893, 0.5497004779019703)


class Bank(NamedTuple):
    """Tracks in water of density 1 of electrons that photons along z set free at the origin."""

    points: NDArray[np.float32]  # [line, track, point, 3] mm
    energy: NDArray[np.float64]  # [line, track] MeV that each point gets
    after: NDArray[np.float64]  # [line, track] MeV of the scattered photon
    cosine: NDArray[np.float64]  # [line, track] of its angle
    turns: NDArray[np.float64]  # [turn, 2] cosine and sine of evenly spaced angles


class Effort(NamedTuple):
    """Where work is spent; [k, j, i] as the voxels."""

    calm: NDArray[np.uint8]  # 1: tracks may be replayed there
    density: NDArray[np.float32]  # smoothed, by which tracks are scaled
    chance: NDArray[np.float32]  # of a site to be looked at, by primary rays
    photon_share: float  # of the scattered photons that go on
    electron_share: float  # of the electrons that are followed where it is not calm


@kernel
def fill_bank(
    physics: Any,
    water: Any,
    trace: Any,
    energies: Any,
    bank: Any,
    state: Any,
    stack: Any,
    seed: int,
) -> None:
    """New tracks: `water` is one large voxel, `trace` a score of the kind TRACE."""
    lines, tracks, count, _ = bank.points.shape
    for line in range(lines):
        for track in range(tracks):
            start(state, seed, line * tracks + track)
            energy = energies[line]
            # Any run of neighbours in the bank has all energies, evenly.
            chance = (track * _GOLDEN + uniform(state) / tracks) % 1.0
            after, onward, freed = compton(physics, state, (0.0, 0.0, 1.0), energy, chance)
            bank.after[line, track] = after
            bank.cosine[line, track] = onward[2]
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
            _resample(trace, state, bank.points[line, track], count)
            bank.energy[line, track] = trace.sums[0] / count


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
def _replayed(score, bank, line, track, turn, site, frame, m, density, weight):  # type: ignore[no-untyped-def]
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
    given = weight * bank.energy[line, track]
    dose = given * score.weight[m] * stretch
    for n in range(count):
        p, q, r = (
            bank.points[line, track, n, 0],
            bank.points[line, track, n, 1],
            bank.points[line, track, n, 2],
        )
        dx, dy = x + p * px + q * qx + r * rx, y + p * py + q * qy + r * ry
        if score.kind == RINGS:
            dx, dy = math.sqrt(dx * dx + dy * dy), 0.0
        dx, dy, dz = dx * fx, dy * fy, (z + p * pz + q * qz + r * rz) * fz
        if dx >= 0.0 and dy >= 0.0 and dz >= 0.0 and dx < ni and dy < nj and dz < nk:
            score.dose[int(dz), int(dy), int(dx)] += dose
    score.sums[0] += given * count
    cosine = bank.cosine[line, track]
    sine = math.sqrt(max(0.0, 1.0 - cosine * cosine))
    return (sine * ux + cosine * wx, sine * uy + cosine * wy, sine * uz + cosine * wz)


@kernel
def _border(vox, place, along, axis, index):  # type: ignore[no-untyped-def]
    """Distance along a direction cosine to the border of a voxel, and from one to the next."""
    if along == 0.0:
        return 1e30, 1e30
    border = vox.corner[axis] + (index + (along > 0.0)) * vox.spacing[axis]
    return (border - place) / along, vox.spacing[axis] / abs(along)


@kernel
def replay(
    physics: Any,
    vox: Any,
    score: Any,
    source: Any,
    bank: Any,
    effort: Any,
    attenuation: Any,
    state: Any,
    stack: Any,
    seed: int,
    first: int,
    count: int,
) -> None:
    """Rays `first` to ``first + count``; `attenuation` [m, line] is in 1/mm at density 1.

    They are one sample: only the spread of many such calls tells the uncertainty.
    """
    tracks, turns = bank.points.shape[1], bank.turns.shape[0]
    nk, nj, ni = vox.density.shape
    # Rays fill the beams evenly, from a random place on.
    start(state, seed, first)
    shift = (uniform(state), uniform(state), uniform(state))
    for history in range(first, first + count):
        start(state, seed, history)
        n = history - first
        chances = (
            (shift[0] + n * _EVENLY[0]) % 1.0,
            (shift[1] + n * _EVENLY[1]) % 1.0,
            (shift[2] + n * _EVENLY[2]) % 1.0,
        )
        place, way, line = emitted(source, state, chances)
        enter, leave = entrance(vox, place, way)
        if enter >= leave:
            score.sums[2] += source.energy[line]
            continue
        beside = turned(way, 0.0, 0.0)
        frame = (
            beside,
            (
                way[1] * beside[2] - way[2] * beside[1],
                way[2] * beside[0] - way[0] * beside[2],
                way[0] * beside[1] - way[1] * beside[0],
            ),
            way,
        )
        place = moved(place, way, enter)
        # The next track each time, from a random one on: no depth gets the same one always.
        track = int(uniform(state) * tracks)
        turn = int(uniform(state) * turns)
        left, gone = 1.0, 0.0
        k, j, i, inside = voxel(vox, place)
        # Distances to the next border of each axis, and from one border to the next.
        nx, ex = _border(vox, place[0], way[0], 0, i)
        ny, ey = _border(vox, place[1], way[1], 1, j)
        nz, ez = _border(vox, place[2], way[2], 2, k)
        while inside:
            side = min(nx, ny, nz) - gone
            density, m = vox.density[k, j, i], vox.material[k, j, i]
            if density > 0.0:
                passed = math.exp(-density * attenuation[m, line] * side)
                chance = effort.chance[k, j, i]
                if chance >= 1.0 or uniform(state) < chance:
                    weight = left * (1.0 - passed) / chance
                    site = moved(place, way, gone + side * uniform(state))
                    if effort.calm[k, j, i] != 0:
                        turn = (turn + 633) % turns  # the golden part of 1024
                        smooth = effort.density[k, j, i]
                        track = track + 1 if track + 1 < tracks else 0
                        onward = _replayed(
                            score, bank, line, track, turn, site, frame, m, smooth, weight
                        )
                        after = bank.after[line, track]
                    else:
                        energy = source.energy[line]
                        after, onward, freed = compton(physics, state, way, energy, uniform(state))
                        share = effort.electron_share
                        if uniform(state) < share:
                            heavy = weight / share
                            given = energy - after
                            if given > physics.electron_cut:
                                electron(
                                    physics, vox, score, state, stack, site, freed, given, heavy
                                )
                            else:
                                deposit(score, site, given, m, density, heavy)
                    share = min(1.0, effort.photon_share / chance)
                    if uniform(state) < share:
                        heavy = weight / share
                        if after > physics.photon_cut:
                            photon(
                                physics,
                                vox,
                                score,
                                state,
                                stack,
                                site,
                                onward,
                                after,
                                heavy,
                                False,
                            )
                        else:
                            deposit(score, site, after, m, density, heavy)
                left *= passed
            gone += side
            if nx <= ny and nx <= nz:
                i += 1 if way[0] > 0.0 else -1
                nx += ex
            elif ny <= nz:
                j += 1 if way[1] > 0.0 else -1
                ny += ey
            else:
                k += 1 if way[2] > 0.0 else -1
                nz += ez
            inside = (i >= 0) and (j >= 0) and (k >= 0) and (i < ni) and (j < nj) and (k < nk)
        score.sums[2] += left * source.energy[line]
