"""Rigid co-registration by mutual information, and whether it can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from gkplan.coregister.likeness import Pair, Picture, pair
from gkplan.coregister.model import Coregistration
from gkplan.coregister.search import apart, begun, improved, parameters, transform
from gkplan.errors import CaseError
from gkplan.frames import Array, Frame, RigidTransform
from gkplan.grid import Volume

Report = Callable[[str], None]
# Spacing (mm) of the images compared, the head as a whole first, and points looked at.
_POINTS = {6.0: 20_000, 4.0: 30_000, 2.0: 80_000, 1.0: 120_000}
_BEGIN_MM, _LEVELS_MM, _AGAIN_MM = 6.0, (4.0, 2.0, 1.0), (2.0, 1.0)
# Each search again begins this far off, along each axis and (at 80 mm) about it.
_OFF_MM = 3.0
_HALVES = ("right", "left", "front", "rear", "lower", "upper")
# Voxels beyond the first are told, beyond the second refused.
_COARSE_MM, _TOO_COARSE_MM = 1.5, 2.5
_LEAST_OVERLAP = 0.5
LIMIT_MM = 1.2
# Likeness of the mirror image relative to that of the image: surely more, or about the same.
_SIDES = 0.004


@dataclass(frozen=True, slots=True, eq=False)
class _Head:
    """An image at all spacings, places (n, 3) in the head it shows, and their middle (3,)."""

    pictures: Mapping[float, Picture]
    points: Array
    center: Array

    @classmethod
    def of(cls, volume: Volume) -> _Head:
        whole = Picture.of(volume)
        points = whole.head_points()
        center = np.asarray(points.mean(axis=0))
        return cls({mm: whole.reduced(mm) for mm in _POINTS}, points, center)


def coregister(
    fixed: Volume,
    moving: Volume,
    report: Report = lambda _: None,
    limit_mm: float = LIMIT_MM,
) -> Coregistration:
    """The rigid transform that lays `moving` on `fixed`.

    Parameters
    ----------
    fixed, moving : "hu" or "mr_signal" in the patient frame (LPS mm), of one head
    limit_mm : how far apart searches may end, anywhere in the head

    Raises
    ------
    CaseError
        If voxels are larger than 2.5 mm, the heads hardly overlap, the searches differ by more
        than `limit_mm`, or the mirror image of `moving` fits better.

    Notes
    -----
    Normalised mutual information (see `Pair.likeness`) at random points, from 6 mm down to 1 mm.
    The search begins with the images as their headers place them and with their middles laid on
    each other, each turned by up to 15 degrees about each axis; the four best are followed.

    Seven searches follow from places a few mm off: one with the images exchanged, and one in each
    half of the head: right, left, front, rear, lower, upper. Each sees other voxels. What does not
    belong together, is distorted, or does not determine how it fits, fits each half differently.
    """
    for volume in (fixed, moving):
        if volume.grid.frame is not Frame.PATIENT:
            raise ValueError(f"expected images in the patient frame, got {volume.grid.frame}")
    coarsest = max(*fixed.grid.spacing_mm, *moving.grid.spacing_mm)
    if coarsest > _TOO_COARSE_MM:
        raise CaseError(
            f"co-registration: voxels of {coarsest:.3g} mm are too coarse to be laid on others, "
            f"expected at most {_TOO_COARSE_MM:g} mm; take a finer series"
        )
    report("co-registration: preparing the images")
    one, other = _Head.of(fixed), _Head.of(moving)
    found = _found(one, other, report)
    overlap = _overlap(moving, found(one.points))
    report("co-registration: left and right")
    mirror_ratio = _mirror_ratio(one, other, found)
    notes = []
    if coarsest > _COARSE_MM:
        notes.append(f"voxels of {coarsest:.3g} mm: expect a few tenths of a mm less exactness")
    if mirror_ratio > 1.0 - _SIDES:
        notes.append("left and right cannot be told apart in these images: make sure of them")
    apart_mm = {}
    for where, distance in _again(one, other, found, report):
        if distance > limit_mm:
            raise CaseError(
                f"co-registration: a second search ({where}) ends {distance:.1f} mm from the "
                f"first, expected at most {limit_mm:g} mm: the images do not determine how they "
                f"fit; are both of one head, undistorted, and do both show enough of it?"
            )
        apart_mm[where] = distance
    last = _pair(one, other, _LEVELS_MM[-1])
    return Coregistration(
        found.inverse,
        other.center,
        last.likeness(found.matrix),
        last.likeness(np.eye(4)),
        overlap,
        apart_mm,
        mirror_ratio,
        tuple(notes),
    )


def _pair(one: _Head, other: _Head, mm: float, seed: int = 1, region: Array | None = None) -> Pair:
    return pair(one.pictures[mm], other.pictures[mm], _POINTS[mm], seed, region)


def _found(one: _Head, other: _Head, report: Report) -> RigidTransform:
    """From a point of the fixed images to the moving ones."""
    coarse = _pair(one, other, _BEGIN_MM)
    found = begun(coarse, one.center, other.center, one.points, report)
    if coarse.likeness(found.matrix) <= 0.0:
        raise CaseError("co-registration: the images do not overlap; are both of one head?")
    for mm in _LEVELS_MM:
        report(f"co-registration: {mm:g} mm")
        found = improved(found, _pair(one, other, mm), one.center, mm / 2)
    return found


def _again(
    one: _Head, other: _Head, found: RigidTransform, report: Report
) -> Iterator[tuple[str, float]]:
    """How far from `found` searches from a few mm off end, over the part of the head they see."""
    rng = np.random.default_rng(2)

    def off(start: RigidTransform, center: Array) -> RigidTransform:
        nudge = _OFF_MM * rng.choice([-1.0, 1.0], 6)
        return transform(parameters(start, center) + nudge, center)

    report("co-registration again, exchanged")
    back = off(found.inverse, other.center)
    for mm in _AGAIN_MM:
        back = improved(back, _pair(other, one, mm, seed=2), other.center, mm / 2)
    yield "exchanged", apart(back.inverse, found, one.points)
    for n, half in enumerate(_HALVES):
        report(f"co-registration again, {half} half")
        axis, upward = n // 2, n % 2
        region = np.array([[-np.inf] * 3, [np.inf] * 3])
        region[1 - upward, axis] = one.center[axis]
        seen = one.points[(one.points[:, axis] > one.center[axis]) == upward]
        end = off(found, one.center)
        for mm in _AGAIN_MM:
            end = improved(end, _pair(one, other, mm, 3 + n, region), one.center, mm / 2)
        yield f"{half} half", apart(end, found, seen)


def _mirror_ratio(one: _Head, other: _Head, found: RigidTransform) -> float:
    """How alike the mirror image of the moving head is, relative to that head itself."""
    mm = _AGAIN_MM[0]
    picture = other.pictures[mm]
    low, high = picture.grid.corners()
    flip = np.diag([-1.0, 1.0, 1.0])
    # The fixed head is about its own mirror image, about its middle.
    goal = flip @ found(one.center) + np.array([low[0] + high[0], 0.0, 0.0])
    turn = flip @ found.rotation @ flip
    start = RigidTransform(turn, goal - turn @ one.center, Frame.PATIENT, Frame.PATIENT)
    best = []
    for image, begin in ((picture, found), (picture.mirrored(), start)):
        both = pair(one.pictures[mm], image, _POINTS[mm], 1)
        best.append(both.likeness(improved(begin, both, one.center, mm / 2).matrix))
    ratio = best[1] / best[0]
    if ratio > 1.0 + _SIDES:
        raise CaseError(
            "co-registration: the mirror image of the moving series fits better than the series: "
            "left and right are exchanged in one of the two"
        )
    return ratio


def _overlap(moving: Volume, points: Array) -> float:
    """The part of places (n, 3) in the fixed head that lies within the moving images."""
    index = moving.grid.fractional_index(points)
    part = float(((index >= 0) & (index <= np.array(moving.grid.shape) - 1)).all(axis=1).mean())
    if part < _LEAST_OVERLAP:
        raise CaseError(
            f"co-registration: only {100 * part:.0f} % of the fixed head lies within the moving "
            f"images, expected {100 * _LEAST_OVERLAP:.0f} % or more; are both of one head?"
        )
    return part
