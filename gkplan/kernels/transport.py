"""Photons and electrons through voxels, one history after the other.

The physics is explained in docs/montecarlo.md. Kernels of `bank` and `replay` call these:
after a change here, clear numba's cache.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gkplan.kernels.matter import (
    MASS,
    MOST_WAITING,
    NUDGE_MM,
    THIN,
    deposit,
    entrance,
    kernel,
    moved,
    start,
    to_border,
    turned,
    uniform,
    voxel,
)


@kernel
def _moller(state, energy, least):  # type: ignore[no-untyped-def]
    """Energy given to the struck electron in a hard collision (Moller)."""
    tau = energy / MASS
    square = (tau / (tau + 1.0)) ** 2
    mixed = (2.0 * tau + 1.0) / (tau + 1.0) ** 2
    first = least / energy
    while True:
        e = first / (1.0 - uniform(state) * (1.0 - 2.0 * first))
        far = e / (1.0 - e)
        wanted = 1.0 + far * far + square * e * e - mixed * far
        if uniform(state) * (1.0 + 1.25 * square) <= wanted:
            return e * energy


@kernel
def _collided(state, stack, waiting, place, way, energy, least):  # type: ignore[no-untyped-def]
    """Direction and energy after a hard collision; the struck electron waits in `stack`."""
    given = _moller(state, energy, least)
    azimuth = 2.0 * math.pi * uniform(state)
    cosine = math.sqrt(given * (energy + 2.0 * MASS) / (energy * (given + 2.0 * MASS)))
    struck = turned(way, cosine, azimuth + math.pi)
    for axis in range(3):
        stack[waiting, axis], stack[waiting, 3 + axis] = place[axis], struck[axis]
    stack[waiting, 6] = given
    kept = energy - given
    cosine = math.sqrt(kept * (energy + 2.0 * MASS) / (energy * (kept + 2.0 * MASS)))
    return turned(way, cosine, azimuth), kept


@kernel
def _hinge(physics, state, way, m, at):  # type: ignore[no-untyped-def]
    """The direction after what a whole step does to it."""
    number = (1.0 - math.sqrt(uniform(state))) * (physics.angle.shape[2] - 1)
    q = int(number)
    part = number - q
    value = (1.0 - part) * physics.angle[m, at, q] + part * physics.angle[m, at, q + 1]
    cosine = 1.0 - 2.0 * min(physics.scale[m, at] * value / (1.0 - value), 1.0)
    return turned(way, cosine, 2.0 * math.pi * uniform(state))


@kernel
def _straight(  # type: ignore[no-untyped-def]
    physics, vox, score, state, place, way, at, before, share, loss, weight
):
    """Move an electron straight on until it has lost `loss`: its place, and what is not lost.

    A `share` of the loss is that of step `before`, the rest of step `at`. Energy is deposited at
    a random point of each piece within a voxel. Some of the loss is left where the electron
    leaves the voxels.
    """
    reach = 2.0 * min(vox.spacing[0], vox.spacing[1], vox.spacing[2])
    k, j, i, inside = voxel(vox, place)
    while inside:
        m, density = vox.material[k, j, i], vox.density[k, j, i]
        if density > 0.0:
            path = share * physics.path[m, before] + (1.0 - share) * physics.path[m, at]
            length = loss * path / density
            if vox.uniform[k, j, i] != 0 and length < reach:
                side = length
            else:
                side = to_border(vox, place, way, k, j, i)
            part = loss if side >= length else loss * side / length
            along = moved(place, way, min(side, length) * uniform(state))
            kept = physics.kept[m, at]
            deposit(score, along, part * kept, m, density, weight)
            score.sums[3] += weight * part * (1.0 - kept)
            if side >= length:
                return moved(place, way, length), 0.0
            loss -= part
        else:
            side = to_border(vox, place, way, k, j, i)
        place = moved(place, way, side + NUDGE_MM)
        k, j, i, inside = voxel(vox, place)
    return place, loss


@kernel
def electron(physics, vox, score, state, stack, place, way, energy, weight):  # type: ignore[no-untyped-def]
    """Follow an electron, and those that it strikes, until they stop or leave.

    Steps take a fixed fraction of the energy. At a random place in each the direction turns by
    what the whole step does (a random hinge), and there hard collisions happen.
    """
    loss = 1.0 - math.exp(-physics.electron_step)
    rows = physics.path.shape[1] - 1
    waiting = 0
    while True:
        # What is yet to be lost in the step that was begun, and that step; how many hard
        # collisions on average until the next one.
        pending, before, ahead = 0.0, 0, -math.log(uniform(state))
        row = math.log(physics.electron_top / energy) / physics.electron_step
        while True:
            k, j, i, inside = voxel(vox, place)
            if not inside:
                score.sums[2] += weight * energy
                break
            begun = energy - pending
            if begun <= physics.electron_cut:
                m, density = vox.material[k, j, i], vox.density[k, j, i]
                if density >= THIN:
                    deposit(score, place, energy, m, density, weight)
                elif density > 0.0:
                    # In air even the last of it goes some way.
                    _, rest = _straight(
                        physics, vox, score, state, place, way, rows, rows, 0.0, energy, weight
                    )
                    score.sums[2] += weight * rest
                else:
                    score.sums[2] += weight * energy
                break
            at = min(int(row + uniform(state)), rows)
            part = uniform(state)
            here = pending + part * begun * loss
            place, rest = _straight(
                physics, vox, score, state, place, way, at, before, pending / here, here, weight
            )
            energy -= here - rest
            k, j, i, inside = voxel(vox, place)
            if not inside:
                continue
            m = vox.material[k, j, i]
            way = _hinge(physics, state, way, m, at)
            pending, before = (1.0 - part) * begun * loss, at
            row += 1.0
            # A step may have several hard collisions: one at most would stop too little.
            ahead -= physics.hard[m, at]
            while ahead < 0.0:
                ahead -= math.log(uniform(state))
                if energy <= 2.0 * physics.hard_cut or waiting == MOST_WAITING:
                    continue
                way, energy = _collided(state, stack, waiting, place, way, energy, physics.hard_cut)
                waiting += 1
                pending = min(pending, 0.5 * energy)
                row = math.log(physics.electron_top / (energy - pending)) / physics.electron_step
                before = min(int(row), rows)
        if waiting == 0:
            return
        waiting -= 1
        place = (stack[waiting, 0], stack[waiting, 1], stack[waiting, 2])
        way = (stack[waiting, 3], stack[waiting, 4], stack[waiting, 5])
        energy = stack[waiting, 6]


@kernel
def compton(physics, state, way, energy, chance):  # type: ignore[no-untyped-def]
    """A Compton scattering: the photon's energy and direction, the electron's direction.

    `chance` in (0, 1) says which quantile of the photon's energy it is to be.
    """
    row = math.log(physics.photon_top / energy) / physics.photon_step
    at = min(int(row + uniform(state)), physics.ratio.shape[0] - 1)
    number = chance * (physics.ratio.shape[1] - 1)
    q = int(number)
    part = number - q
    ratio = (1.0 - part) * physics.ratio[at, q] + part * physics.ratio[at, q + 1]
    after = energy * max(ratio, 1.0 / (1.0 + 2.0 * energy / MASS))
    cosine = 1.0 - MASS * (1.0 / after - 1.0 / energy)
    onward = turned(way, cosine, 2.0 * math.pi * uniform(state))
    # Momentum is conserved.
    p = energy * way[0] - after * onward[0]
    q1 = energy * way[1] - after * onward[1]
    r = energy * way[2] - after * onward[2]
    size = p * p + q1 * q1 + r * r
    norm = 1.0 / math.sqrt(size) if size > 0.0 else 0.0
    return after, onward, (p * norm, q1 * norm, r * norm)


@kernel
def photon(physics, vox, score, state, stack, place, way, energy, weight, local):  # type: ignore[no-untyped-def]
    """Follow a photon by Woodcock's method, and every electron it sets free.

    With `local` electrons deposit their energy where they are born (kerma).
    """
    while energy > physics.photon_cut:
        row = math.log(physics.photon_top / energy) / physics.photon_step
        at = min(int(row), physics.attenuation.shape[1] - 2)
        part = row - at
        greatest = max(vox.majorant[at], vox.majorant[at + 1])
        m, density = 0, 0.0
        while True:
            place = moved(place, way, -math.log(uniform(state)) / greatest)
            k, j, i, inside = voxel(vox, place)
            if not inside:
                score.sums[2] += weight * energy
                return
            m, density = vox.material[k, j, i], vox.density[k, j, i]
            below, above = physics.attenuation[m, at], physics.attenuation[m, at + 1]
            if uniform(state) * greatest < density * ((1.0 - part) * below + part * above):
                break
        if uniform(state) < physics.photo[m, at]:
            after, onward, freed = 0.0, way, way
        else:
            after, onward, freed = compton(physics, state, way, energy, uniform(state))
        given = energy - after
        if local or (given <= physics.electron_cut and density >= THIN):
            deposit(score, place, given, m, density, weight)
        else:
            electron(physics, vox, score, state, stack, place, freed, given, weight)
        if 0.0 < after <= physics.photon_cut:
            deposit(score, place, after, m, density, weight)
        energy, way = after, onward


@kernel
def emitted(source, state, chances):  # type: ignore[no-untyped-def]
    """A photon of the source: place, direction, and number of its line.

    `chances`, three in (0, 1), choose the beam, and the place in the disc.
    """
    beam = min(np.searchsorted(source.chance, chances[0]), len(source.chance) - 1)
    line = min(np.searchsorted(source.share, uniform(state)), len(source.share) - 1)
    table = source.radius2[source.shape[beam]]
    number = chances[1] * (len(table) - 1)
    q = int(number)
    radius = math.sqrt(table[q] + (number - q) * (table[q + 1] - table[q]))
    axis, focus = source.direction[beam], source.focus[beam]
    axis_of = (axis[0], axis[1], axis[2])
    place = moved((focus[0], focus[1], focus[2]), axis_of, source.distance[beam])
    beside = turned(axis_of, 0.0, 2.0 * math.pi * chances[2])
    u = radius * beside[0] - source.distance[beam] * axis[0]
    v = radius * beside[1] - source.distance[beam] * axis[1]
    w = radius * beside[2] - source.distance[beam] * axis[2]
    norm = 1.0 / math.sqrt(u * u + v * v + w * w)
    return place, (u * norm, v * norm, w * norm), line


@kernel
def analogue(
    physics: Any,
    vox: Any,
    score: Any,
    source: Any,
    state: Any,
    stack: Any,
    seed: int,
    first: int,
    count: int,
    local: bool,
) -> None:
    """Histories `first` to ``first + count``: every interaction as it happens in nature."""
    for history in range(first, first + count):
        start(state, seed, history)
        chances = (uniform(state), uniform(state), uniform(state))
        place, way, line = emitted(source, state, chances)
        enter, leave = entrance(vox, place, way)
        if enter < leave:
            place = moved(place, way, enter)
            energy = source.energy[line]
            photon(physics, vox, score, state, stack, place, way, energy, 1.0, local)
        else:
            score.sums[2] += source.energy[line]


@kernel
def given_photons(
    physics: Any,
    vox: Any,
    score: Any,
    places: Any,
    ways: Any,
    energies: Any,
    chance: Any,
    state: Any,
    stack: Any,
    seed: int,
    first: int,
    count: int,
) -> None:
    """Histories `first` to ``first + count`` of photons (n,), drawn by their cumulated `chance`.

    They are drawn evenly along the list, from a random place in it on.
    """
    start(state, seed, first)
    shift = uniform(state)
    for history in range(first, first + count):
        start(state, seed, history)
        wanted = ((history - first + shift) / count) % 1.0
        n = min(np.searchsorted(chance, wanted, side="right"), len(chance) - 1)
        place = (places[n, 0], places[n, 1], places[n, 2])
        way = (ways[n, 0], ways[n, 1], ways[n, 2])
        enter, leave = entrance(vox, place, way)
        if enter < leave:
            place = moved(place, way, enter)
            photon(physics, vox, score, state, stack, place, way, energies[n], 1.0, False)
        else:
            score.sums[2] += energies[n]
