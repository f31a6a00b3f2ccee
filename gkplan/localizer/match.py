"""Which line is which rod: the pose of a box that explains most of the lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gkplan.frames import Array
from gkplan.localizer.box import Box
from gkplan.localizer.lines import Line

_ANGLE_COSINE = 0.06  # how far the angle between two lines may be from that of two rods
_DISTANCE_MM = 7.0
# A plate may be displaced by so much and is still recognised, to be complained of.
_NEAR_MM = 8.0
_AT_ONCE = 2000
_PARALLEL = 0.97


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """A rough pose, and the lines found for each rod.

    Parameters
    ----------
    rotation, translation : patient from Leksell (mirrored before, if `mirrored`)
    score : 9 if each rod has a line along all of it that lies where the pose wants it
    line_of_rod : for each rod of the box the number of the line that covers most of it, -1 if none
    """

    rotation: Array
    translation: Array
    mirrored: bool
    score: float
    line_of_rod: tuple[int, ...]


def mirrored_points(points: Array) -> Array:
    """Leksell points (..., 3) with left and right exchanged."""
    return np.asarray(points * np.array([-1.0, 1.0, 1.0]) + np.array([200.0, 0.0, 0.0]))


def best_match(
    lines: Sequence[Line], box: Box, span_mm: tuple[float, float], mirrored: bool
) -> Match | None:
    """The pose of the box, or of its mirror image, that explains most of the lines.

    Parameters
    ----------
    span_mm : lowest and highest z of the images, patient frame

    Notes
    -----
    Two lines that are not parallel fix a pose once they are taken for two rods with the same
    angle and distance between them. Every such choice is tried and scored; no orientation of
    the box is assumed.
    """
    starts, directions = box.starts, box.directions
    if mirrored:
        starts, directions = mirrored_points(starts), directions * np.array([-1.0, 1.0, 1.0])
    rotations, translations = _poses(lines, starts, directions)
    if not len(rotations):
        return None
    reach = directions * box.lengths[:, None]
    top: Match | None = None
    for part in range(0, len(rotations), _AT_ONCE):
        turn, shift = rotations[part : part + _AT_ONCE], translations[part : part + _AT_ONCE]
        worth = _worth(lines, starts, reach, turn, shift, span_mm)
        scores = np.minimum(worth.sum(axis=2), 1.0).sum(axis=1)
        best = int(scores.argmax())
        if top is None or scores[best] > top.score:
            line = np.where(worth[best].max(axis=1) > 0.0, worth[best].argmax(axis=1), -1)
            found = tuple(int(n) for n in line)
            top = Match(turn[best], shift[best], mirrored, float(scores[best]), found)
    return top


def _poses(lines: Sequence[Line], starts: Array, directions: Array) -> tuple[Array, Array]:
    """Rotations (n, 3, 3) and translations (n, 3) of all pairs of lines that fit pairs of rods."""
    along = np.array([line.direction for line in lines]).reshape(-1, 3)
    through = np.array([[*line.place_mm, line.middle_mm] for line in lines]).reshape(-1, 3)
    rotations, translations = [], []
    i, j = np.nonzero(np.abs(along @ along.T) < _PARALLEL)
    for a in range(len(starts)):
        for b in range(len(starts)):
            cosine = float(directions[a] @ directions[b])
            if a == b or abs(cosine) > _PARALLEL:
                continue
            gap, foot = _closest(
                starts[None, a], directions[None, a], starts[None, b], directions[None, b]
            )
            for sign in (1.0, -1.0):
                # The first rod either way along its line; the angle tells the way of the second.
                first = sign * along[i]
                dot = np.einsum("nk,nk->n", first, along[j])
                other = np.where(dot * cosine < 0, -1.0, 1.0)[:, None] * along[j]
                angle = np.abs(np.abs(dot) - abs(cosine)) < _ANGLE_COSINE
                seen_gap, seen_foot = _closest(through[i], first, through[j], other)
                good = angle & (np.abs(seen_gap - gap[0]) < _DISTANCE_MM)
                turn = _triads(first[good], other[good]) @ _triads(
                    directions[None, a], directions[None, b]
                ).transpose(0, 2, 1)
                rotations.append(turn)
                translations.append(seen_foot[good] - turn @ foot[0])
    if not rotations:
        return np.empty((0, 3, 3)), np.empty((0, 3))
    return np.concatenate(rotations), np.concatenate(translations)


def _closest(p: Array, u: Array, q: Array, v: Array) -> tuple[Array, Array]:
    """Signed gap (n,) of two lines along u x v, and the middle (n, 3) of the shortest way."""
    normal = np.cross(u, v)
    size = np.sum(normal * normal, axis=1)
    apart = q - p
    gap = np.einsum("nk,nk->n", apart, normal) / np.sqrt(size)
    s = np.einsum("nk,nk->n", np.cross(apart, v), normal) / size
    t = np.einsum("nk,nk->n", np.cross(apart, u), normal) / size
    return gap, (p + s[:, None] * u + q + t[:, None] * v) / 2


def _triads(u: Array, v: Array) -> Array:
    """Right-handed orthonormal axes (n, 3, 3), as columns, that follow two directions each."""
    first = u + v
    third = np.cross(u, v)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    third /= np.linalg.norm(third, axis=1, keepdims=True)
    return np.stack([first, np.cross(third, first), third], axis=2)


def _worth(
    lines: Sequence[Line],
    starts: Array,
    reach: Array,
    rotations: Array,
    translations: Array,
    span_mm: tuple[float, float],
) -> Array:
    """How much of each rod each line covers in each pose, (n, rods, lines).

    The part of the rod (of what the images can show) that the line runs along, less for lines
    farther away.
    """
    low = np.array([line.low_mm for line in lines])
    high = np.array([line.high_mm for line in lines])
    place = np.array([line.place_mm for line in lines])
    slope = np.array([line.slope for line in lines])
    middle = np.array([line.middle_mm for line in lines])
    first = starts @ rotations.transpose(0, 2, 1) + translations[:, None]
    along = reach @ rotations.transpose(0, 2, 1)
    bottom, top = (
        np.minimum(first[..., 2], (first + along)[..., 2]),
        np.maximum(first[..., 2], (first + along)[..., 2]),
    )
    bottom, top = np.maximum(bottom, span_mm[0]), np.minimum(top, span_mm[1])
    from_z = np.maximum(low, bottom[..., None])
    to_z = np.minimum(high, top[..., None])
    overlap = np.maximum(to_z - from_z, 0.0) / np.maximum(top - bottom, 1.0)[..., None]
    away = np.zeros(overlap.shape)
    # A rod that lies in the plane of the slices meets none of them.
    steep = np.where(np.abs(along[..., 2]) < 1e-6, 1e-6, along[..., 2])[..., None]
    for height in (from_z, to_z):
        rod = (
            first[:, :, None, :2]
            + along[:, :, None, :2] * ((height - first[..., 2, None]) / steep)[..., None]
        )
        seen = place + slope * (height - middle)[..., None]
        away = np.maximum(away, np.linalg.norm(rod - seen, axis=-1))
    near = (away < _NEAR_MM) & (overlap > 0.0)
    return np.where(near, overlap * (1.0 - away / (2 * _NEAR_MM)), 0.0)
