"""Rigid co-registration by mutual information, and whether it can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from gkplan.coregister.model import Coregistration
from gkplan.coregister.pictures import LEVELS_MM, Head
from gkplan.coregister.search import Fit, Pair, apart, begun, moved, placed
from gkplan.errors import CaseError
from gkplan.frames import Array, Frame, RigidTransform
from gkplan.grid import Volume

Report = Callable[[str], None]
# The spacing at which the search is repeated, mm.
_AGAIN_MM = 2.0
# Each search again begins this far off, along each axis and (at 80 mm) about it.
_OFF_MM, _OFF_RAD = 3.0, 3.0 / 80.0
_AGAIN_STEP_MM = 2.0
# Along x, y and z. What does not belong together is mostly noticed in the last, a round dome.
_HALVES = ("right", "left", "front", "rear", "lower", "upper")
# Voxels beyond the first are told, beyond the second refused.
_COARSE_MM, _TOO_COARSE_MM = 1.5, 2.5
_LEAST_OVERLAP = 0.5
LIMIT_MM = 1.2
# Likeness of the mirror image relative to that of the image: surely more, or about the same.
_SIDES = 0.004


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
    Mutual information of SimpleITK (see `Pair`) at random points, from 6 mm down to 1 mm. The
    search begins with the images as their headers place them and with their middles laid on each
    other, each turned by up to 15 degrees about each axis; the four best are followed.

    Seven searches follow from places a few mm off: one with the images exchanged, and one in each
    half of the head: upper, lower, rear, front, left, right. Each sees other voxels. What does not
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
    one, other = Head.of(fixed, coarsest), Head.of(moving, coarsest)
    pair = Pair(one, other, one.box)
    found = _found(pair, report)
    overlap = _overlap(pair, found)
    report("co-registration: left and right")
    again = pair.improved(found, _AGAIN_MM, _AGAIN_STEP_MM)
    mirror_ratio = _mirror_ratio(pair, again)
    notes = []
    if coarsest > _COARSE_MM:
        notes.append(f"voxels of {coarsest:.3g} mm: expect a few tenths of a mm less exactness")
    if mirror_ratio > 1.0 - _SIDES:
        notes.append("left and right cannot be told apart in these images: make sure of them")
    apart_mm = {}
    for where, distance in _again(pair, found, report):
        if distance > limit_mm:
            raise CaseError(
                f"co-registration: a second search ({where}) ends {distance:.1f} mm from the "
                f"first, expected at most {limit_mm:g} mm: the images do not determine how they "
                f"fit; are both of one head, undistorted, and do both show enough of it?"
            )
        apart_mm[where] = distance
    return Coregistration(
        RigidTransform.from_matrix(found, Frame.PATIENT, Frame.PATIENT).inverse,
        other.center,
        again.likeness,
        pair.fit(np.eye(4), _AGAIN_MM).likeness,
        overlap,
        apart_mm,
        mirror_ratio,
        tuple(notes),
    )


def _found(pair: Pair, report: Report) -> Array:
    """Affine (4, 4) from a point of the fixed images to the moving ones."""
    found = begun(pair, LEVELS_MM[0], report).matrix
    for mm in LEVELS_MM[1:]:
        report(f"co-registration: {mm:g} mm")
        found = pair.improved(found, mm, mm / 2).matrix
    return found


def _again(pair: Pair, found: Array, report: Report) -> Iterator[tuple[str, float]]:
    """How far from `found` searches from a few mm off end, over the part of the head they see."""
    rng = np.random.default_rng(2)
    one, other = pair.fixed, pair.moving

    def ended(pair: Pair, start: Array, seed: int) -> Array:
        signs = rng.choice([-1.0, 1.0], (2, 3))
        nudge = moved(pair.fixed.center, _OFF_MM * signs[0], _OFF_RAD * signs[1])
        return pair.improved(start @ nudge, _AGAIN_MM, _AGAIN_STEP_MM, seed, True).matrix

    report("co-registration again, exchanged")
    back = ended(Pair(other, one, other.box), _inverse(found), 2)
    yield "exchanged", apart(_inverse(back), found, one.points)
    for n, half in reversed(list(enumerate(_HALVES))):
        report(f"co-registration again, {half} half")
        axis, upward = n // 2, n % 2
        box = one.box.copy()
        box[1 - upward, axis] = one.center[axis]
        seen = one.points[(one.points[:, axis] > one.center[axis]) == upward]
        yield f"{half} half", apart(ended(replace(pair, box=box), found, 3 + n), found, seen)


def _inverse(matrix: Array) -> Array:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def _mirror_ratio(pair: Pair, found: Fit) -> float:
    """How alike the mirror image of the moving head is, relative to that head itself."""
    # The fixed head is about its own mirror image, about its middle.
    flip = np.diag([-1.0, 1.0, 1.0, 1.0])
    flip[0, 3] = 2.0 * pair.fixed.center[0]
    mirrored = pair.improved(found.matrix @ flip, _AGAIN_MM, _AGAIN_STEP_MM)
    ratio = mirrored.likeness / found.likeness
    if ratio > 1.0 + _SIDES:
        raise CaseError(
            "co-registration: the mirror image of the moving series fits better than the series: "
            "left and right are exchanged in one of the two"
        )
    return ratio


def _overlap(pair: Pair, found: Array) -> float:
    """The part of the fixed head that lies within the moving images."""
    part = pair.moving.overlap(placed(found, pair.fixed.points))
    if part < _LEAST_OVERLAP:
        raise CaseError(
            f"co-registration: only {100 * part:.0f} % of the fixed head lies within the moving "
            f"images, expected {100 * _LEAST_OVERLAP:.0f} % or more; are both of one head?"
        )
    return part
