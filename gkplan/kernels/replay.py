"""Many interactions for each ray: electron tracks out of a bank where matter is uniform.

A ray of the source interacts, with the fraction of a photon that would, in every voxel it
crosses. A part of the scattered photons, with more weight, is followed to where it collides, and
on the way does what photons do on average in each voxel (the track-length estimator). Where
matter is uniform as far as electrons get, an electron's track is one of a bank that was followed
in water, turned about the photon by a random angle and scaled by the density; elsewhere an
electron is followed.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gkplan.kernels.bank import PLACED, played
from gkplan.kernels.matter import (
    EVENLY,
    borders,
    deposit,
    entrance,
    frame_of,
    kernel,
    moved,
    onward_from,
    start,
    uniform,
    voxel,
)
from gkplan.kernels.transport import compton, emitted


class Effort(NamedTuple):
    """Where work is spent; [k, j, i] as the voxels."""

    marks: NDArray[np.uint8]  # two things in one byte: UNIFORM and PLACED of `bank`
    density: NDArray[np.float32]  # smoothed, by which tracks are scaled
    chance: NDArray[np.float32]  # of a voxel on the way of a photon to be looked at
    photon_share: float  # of the scattered photons that go on
    looks: int  # places on each flight of these
    copies: int  # tracks of a primary ray in each voxel where the chance is 1
    electron_share: float  # of the electrons where tracks may not be replayed, with more weight


@kernel
def _flight(physics, vox, state, place, way, at, part):  # type: ignore[no-untyped-def]
    """How far a photon flies (Woodcock), and the material it collides with, or -1."""
    greatest = max(vox.majorant[at], vox.majorant[at + 1])
    length = 0.0
    while True:
        length -= math.log(uniform(state)) / greatest
        k, j, i, inside = voxel(vox, moved(place, way, length))
        if not inside:
            return entrance(vox, place, way)[1], -1
        m = vox.material[k, j, i]
        if uniform(state) * greatest < vox.density[k, j, i] * _between(
            physics.attenuation[m], at, part
        ):
            return length, m


@kernel
def _between(row, at, part):  # type: ignore[no-untyped-def]
    return (1.0 - part) * row[at] + part * row[at + 1]


@kernel
def _flown(physics, vox, score, bank, effort, state, stack, place, way, energy, weight):  # type: ignore[no-untyped-def]
    """Follow a scattered photon to its end, by the track-length estimator.

    At places spread evenly over each of its flights it does, for the length that they stand
    for, what photons do on average.
    """
    tracks, turns = bank.points.shape[1], bank.turns.shape[0]
    while energy > physics.photon_cut:
        number = math.log(physics.photon_top / energy) / physics.photon_step
        at = min(int(number), physics.attenuation.shape[1] - 2)
        part = number - at
        group = int(math.log(bank.group_top / energy) / bank.group_step)
        frame = frame_of(way)
        track, turn = int(uniform(state) * tracks), int(uniform(state) * turns)
        length, met = _flight(physics, vox, state, place, way, at, part)
        step = length / effort.looks
        for look in range(effort.looks):
            site = moved(place, way, step * (look + uniform(state)))
            k, j, i, inside = voxel(vox, site)
            if not inside or vox.density[k, j, i] <= 0.0:
                continue
            chance = effort.chance[k, j, i]
            if uniform(state) >= chance:
                continue
            m, density = vox.material[k, j, i], vox.density[k, j, i]
            heavy = weight * density * _between(physics.attenuation[m], at, part) * step / chance
            given = _between(physics.given[m], at, part)
            if group >= bank.points.shape[0]:
                deposit(score, site, given, m, density, heavy)
                continue
            turn = (turn + 633) % turns
            track = track + 1 if track + 1 < tracks else 0
            heavy *= given / bank.mean[group, track]
            played(
                physics,
                vox,
                score,
                state,
                stack,
                effort,
                bank,
                group,
                track,
                turn,
                (k, j, i),
                site,
                frame,
                heavy,
            )
        if met < 0:
            score.sums[2] += weight * energy
            return
        if uniform(state) < physics.photo[met, at]:
            return
        place = moved(place, way, length)
        energy, way, _ = compton(physics, state, way, energy, uniform(state))
    k, j, i, inside = voxel(vox, place)
    if inside and vox.density[k, j, i] > 0.0:
        deposit(score, place, energy, vox.material[k, j, i], vox.density[k, j, i], weight)


@kernel
def replay(
    physics: Any,
    vox: Any,
    score: Any,
    source: Any,
    bank: Any,
    groups: Any,
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
    # Rays fill the beams evenly, from a random place on.
    start(state, seed, first)
    shift = (uniform(state), uniform(state), uniform(state))
    for history in range(first, first + count):
        start(state, seed, history)
        n = history - first
        chances = (
            (shift[0] + n * EVENLY[0]) % 1.0,
            (shift[1] + n * EVENLY[1]) % 1.0,
            (shift[2] + n * EVENLY[2]) % 1.0,
        )
        place, way, line = emitted(source, state, chances)
        enter, leave = entrance(vox, place, way)
        if enter >= leave:
            score.sums[2] += source.energy[line]
            continue
        frame = frame_of(way)
        place = moved(place, way, enter)
        # The next track each time, from a random one on: no depth gets the same one always.
        track = int(uniform(state) * tracks)
        turn = int(uniform(state) * turns)
        site, onward, after = place, way, 0.0
        left, gone = 1.0, 0.0
        k, j, i, inside = voxel(vox, place)
        near, apart = borders(vox, place, way, (k, j, i))
        while inside:
            side = min(near[0], near[1], near[2]) - gone
            density, m = vox.density[k, j, i], vox.material[k, j, i]
            if density > 0.0:
                passed = math.exp(-density * attenuation[m, line] * side)
                chance = effort.chance[k, j, i]
                if chance >= 1.0 or uniform(state) < chance:
                    weight = left * (1.0 - passed) / chance
                    share = min(1.0, effort.photon_share / chance)
                    goes_on = uniform(state) < share
                    if effort.marks[k, j, i] & PLACED:
                        # Its electrons are those of `collisions`; photons go on from here.
                        if goes_on:
                            energy = source.energy[line]
                            site = moved(place, way, gone + side * uniform(state))
                            after, onward, _ = compton(physics, state, way, energy, uniform(state))
                    else:
                        copies = effort.copies if chance >= 1.0 else 1
                        for copy in range(copies):
                            turn = (turn + 633) % turns  # the golden part of 1024
                            track = track + 1 if track + 1 < tracks else 0
                            site = moved(place, way, gone + side * (copy + uniform(state)) / copies)
                            onward = played(
                                physics,
                                vox,
                                score,
                                state,
                                stack,
                                effort,
                                bank,
                                line,
                                track,
                                turn,
                                (k, j, i),
                                site,
                                frame,
                                weight / copies,
                            )
                        after = bank.after[line, track]
                    if goes_on:
                        _flown(
                            physics,
                            vox,
                            score,
                            groups,
                            effort,
                            state,
                            stack,
                            site,
                            onward,
                            after,
                            weight / share,
                        )
                left *= passed
            gone += side
            (k, j, i), near, inside = onward_from(vox, way, (k, j, i), near, apart)
        score.sums[2] += left * source.energy[line]
