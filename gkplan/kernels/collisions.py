"""First collisions by place: where dose is to be known well, voxels have tracks of their own.

A ray reaches a voxel by chance, so that the number of rays through it is most of the noise. Here
each voxel has as many tracks as it is worth. A beam is drawn by its photons there, its ray is
followed back to the source for what is left of it, and tracks begin at places in the voxel, each
with the photons that the beam has at that place. `replay` leaves out the tracks of these voxels.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gkplan.kernels.bank import played
from gkplan.kernels.matter import (
    EVENLY,
    borders,
    frame_of,
    kernel,
    moved,
    onward_from,
    start,
    uniform,
    voxel,
)


class Places(NamedTuple):
    """Voxels that have tracks of their own, and about what each beam has there.

    Only how even the weights are depends on what it says of the beams.
    """

    at: NDArray[np.int64]  # [n, 3] k, j, i
    beams: NDArray[np.int64]  # [n] beams drawn in a batch
    tracks: int  # of each of these
    photons: NDArray[np.float64]  # [beam] share of the source's that comes to the focus
    inside: NDArray[np.float64]  # [shape, n] part of a beam within n * bin_mm of its axis
    bin_mm: float
    reach_mm: float  # from the middle of a voxel to its corners
    slope: float  # attenuation, 1/mm


@kernel
def _about(source, places, beam, x, y, z):  # type: ignore[no-untyped-def]
    """About how many photons a mm2 a beam has at a place."""
    x, y, z = x - source.focus[beam, 0], y - source.focus[beam, 1], z - source.focus[beam, 2]
    u, v, w = source.direction[beam, 0], source.direction[beam, 1], source.direction[beam, 2]
    up = x * u + y * v + z * w
    if up >= source.distance[beam]:
        return 0.0
    wider = source.distance[beam] / (source.distance[beam] - up)
    square = max(x * x + y * y + z * z - up * up, 0.0)
    # A beam that touches the voxel anywhere is not to be left out.
    nearest = max(math.sqrt(square) - places.reach_mm, 0.0) * wider
    farthest = (math.sqrt(square) + places.reach_mm) * wider
    low, high = int(nearest / places.bin_mm), int(farthest / places.bin_mm) + 1
    last = places.inside.shape[1] - 1
    if low >= last:
        return 0.0
    row = places.inside[source.shape[beam]]
    ring = math.pi * (min(high, last) ** 2 - low * low) * places.bin_mm * places.bin_mm
    across = (row[min(high, last)] - row[low]) / ring
    return places.photons[beam] * across * wider * wider * math.exp(places.slope * up)


@kernel
def about_all(source: Any, places: Any, x: float, y: float, z: float, total: Any) -> None:
    """What all beams have at a place, cumulated over them into `total` (beams,)."""
    so_far = 0.0
    for beam in range(len(total)):
        so_far += _about(source, places, beam, x, y, z)
        total[beam] = so_far


@kernel
def about_each(source: Any, places: Any, points: Any, total: Any, out: Any) -> None:
    """What all beams together have at points (n, 3), about, into `out` (n,)."""
    for n in range(len(points)):
        about_all(source, places, points[n, 0], points[n, 1], points[n, 2], total)
        out[n] = total[len(total) - 1]


@kernel
def _photons(source, beam, place):  # type: ignore[no-untyped-def]
    """Photons a mm2 across the beam's rays at a place, of one in the beam, without attenuation."""
    x, y, z = (
        place[0] - source.focus[beam, 0],
        place[1] - source.focus[beam, 1],
        place[2] - source.focus[beam, 2],
    )
    u, v, w = source.direction[beam, 0], source.direction[beam, 1], source.direction[beam, 2]
    up = x * u + y * v + z * w
    along = source.distance[beam] - up
    if along <= 0.0:
        return 0.0
    square = max(x * x + y * y + z * z - up * up, 0.0)
    wider = source.distance[beam] / along
    table = source.radius2[source.shape[beam]]
    at = np.searchsorted(table, square * wider * wider, side="right") - 1
    last = len(table) - 1
    if at >= last:
        return 0.0
    # The slant of the ray makes its way through a layer longer.
    slant = math.sqrt(1.0 + square / (along * along))
    return wider * wider * slant / (last * math.pi * (table[at + 1] - table[at]))


@kernel
def _lost(vox, attenuation, place, way, length, lost):  # type: ignore[no-untyped-def]
    """Mean free paths of each line along a straight way, into `lost`."""
    lost[:] = 0.0
    k, j, i, inside = voxel(vox, place)
    near, apart = borders(vox, place, way, (k, j, i))
    gone = 0.0
    while inside and gone < length:
        side = min(near[0], near[1], near[2], length) - gone
        density, m = vox.density[k, j, i], vox.material[k, j, i]
        if density > 0.0:
            for line in range(len(lost)):
                lost[line] += density * attenuation[m, line] * side
        gone += side
        (k, j, i), near, inside = onward_from(vox, way, (k, j, i), near, apart)


@kernel
def collisions(
    physics: Any,
    vox: Any,
    score: Any,
    source: Any,
    bank: Any,
    effort: Any,
    places: Any,
    attenuation: Any,
    total: Any,
    lost: Any,
    state: Any,
    stack: Any,
    seed: int,
    first: int,
    rays: float,
) -> None:
    """The tracks of all places, for as many photons of the source as there are `rays`.

    `total` (beams,) and `lost` (lines,) are written to; `first` numbers the random numbers.
    """
    tracks, turns = bank.points.shape[1], bank.turns.shape[0]
    volume = vox.spacing[0] * vox.spacing[1] * vox.spacing[2]
    for n in range(len(places.at)):
        start(state, seed, first + n)
        k, j, i = places.at[n, 0], places.at[n, 1], places.at[n, 2]
        corner = (
            vox.corner[0] + i * vox.spacing[0],
            vox.corner[1] + j * vox.spacing[1],
            vox.corner[2] + k * vox.spacing[2],
        )
        about_all(
            source,
            places,
            corner[0] + 0.5 * vox.spacing[0],
            corner[1] + 0.5 * vox.spacing[1],
            corner[2] + 0.5 * vox.spacing[2],
            total,
        )
        sum_of_all = total[len(total) - 1]
        if sum_of_all <= 0.0:
            continue
        density, m = vox.density[k, j, i], vox.material[k, j, i]
        drawn, copies = places.beams[n], places.tracks
        shift = (uniform(state), uniform(state), uniform(state))
        nth, turn = int(uniform(state) * tracks), int(uniform(state) * turns)
        beam, sequence = 0, 0
        for draw in range(drawn):
            chance = (draw + uniform(state)) / drawn * sum_of_all
            while total[beam] < chance and beam < len(total) - 1:
                beam += 1
            share = total[beam] - (total[beam - 1] if beam > 0 else 0.0)
            all_of_beam = source.chance[beam] - (source.chance[beam - 1] if beam > 0 else 0.0)
            # Photons of the beam that a track stands for, times the voxel (mm3).
            heavy = rays * all_of_beam * sum_of_all / (share * drawn * copies) * volume
            axis = (source.direction[beam, 0], source.direction[beam, 1], source.direction[beam, 2])
            focus = (source.focus[beam, 0], source.focus[beam, 1], source.focus[beam, 2])
            begin = moved(focus, axis, source.distance[beam])
            is_traced = False
            way, frame, middle = axis, (axis, axis, axis), corner
            for copy in range(copies):
                sequence += 1
                site = (
                    corner[0] + (shift[0] + sequence * EVENLY[0]) % 1.0 * vox.spacing[0],
                    corner[1] + (shift[1] + sequence * EVENLY[1]) % 1.0 * vox.spacing[1],
                    corner[2] + (shift[2] + sequence * EVENLY[2]) % 1.0 * vox.spacing[2],
                )
                photons = _photons(source, beam, site)
                if photons <= 0.0:
                    continue
                if not is_traced:
                    # One ray for all: they differ by a milliradian and a voxel's attenuation,
                    # and the latter is counted below.
                    is_traced, middle = True, site
                    x, y, z = begin[0] - site[0], begin[1] - site[1], begin[2] - site[2]
                    length = math.sqrt(x * x + y * y + z * z)
                    back = (x / length, y / length, z / length)
                    _lost(vox, attenuation, site, back, length, lost)
                    way = (-back[0], -back[1], -back[2])
                    frame = frame_of(way)
                line, chance = 0, (copy + uniform(state)) / copies
                while line < len(lost) - 1 and source.share[line] < chance:
                    line += 1
                deeper = (
                    (site[0] - middle[0]) * way[0]
                    + (site[1] - middle[1]) * way[1]
                    + (site[2] - middle[2]) * way[2]
                )
                rate = density * attenuation[m, line]
                weight = heavy * photons * rate * math.exp(-lost[line] - rate * deeper)
                turn = (turn + 633) % turns  # the golden part of 1024
                # Drawn by energy and weighed by its inverse: what a track gives is what counts.
                nth = nth + 1 if nth + 1 < tracks else 0
                track = bank.often[line, nth]
                given = bank.photon[line, track] - bank.after[line, track]
                weight *= bank.mean[line, track] / given
                played(
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
                    weight,
                )
