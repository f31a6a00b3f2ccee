"""Rigid co-registration by mutual information (SimpleITK)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from gkplan.coregister.model import Coregistration
from gkplan.coregister.pair import (
    SEED,
    Image,
    Pair,
    Report,
    Transform,
    clipped,
    image_of,
    reduced,
    simpleitk,
)
from gkplan.errors import CaseError
from gkplan.frames import Array, Frame, RigidTransform
from gkplan.grid import Volume

# Spacing of the images compared, mm: the head as a whole first, then what is in it.
_COARSE_MM, _LEVELS_MM = 6.0, (4.0, 2.0, 1.0)
# Turns (degrees about x, y, z) that a search begins with: patients nod and tilt in a scanner.
_TURNS = (-15.0, 0.0, 15.0)
# How far off the second search begins.
_OFF_MM, _OFF_DEG = (3.0, -2.0, 2.0), (2.0, -2.0, 2.0)
# The second search looks at other voxels too: what the choice of voxels does shows in the spread.
_SECOND_SEED = SEED + 1
# Results further apart than this say that nothing fits better than all else.
_MOST_SPREAD_MM = 1.0
_LEAST_OVERLAP = 0.3


def coregister(fixed: Volume, moving: Volume, report: Report = lambda _: None) -> Coregistration:
    """The rigid transform that lays `moving` on `fixed`.

    Parameters
    ----------
    fixed, moving : "hu" or "mr_signal" in the patient frame (LPS mm), of one head

    Raises
    ------
    CaseError
        If SimpleITK is not installed, the heads hardly overlap, or two searches differ by more
        than 1 mm somewhere in the head.

    Notes
    -----
    Mutual information of 40 x 40 grey values (Mattes et al. 2003), from 6 mm down to 1 mm. The
    search begins with the images as their headers place them and with their middles laid on
    each other, each turned by up to 15 degrees about each axis; the best goes on. A second
    search from a place a few mm off has to find the same.
    """
    itk = simpleitk()
    for volume in (fixed, moving):
        if volume.grid.frame is not Frame.PATIENT:
            raise ValueError(f"expected images in the patient frame, got {volume.grid.frame}")
    report("co-registration: preparing the images")
    head = _head_points(moving)
    center = np.asarray(head.mean(axis=0))
    one, other = image_of(itk, fixed), image_of(itk, moving)
    report("co-registration: where to begin")
    coarse = Pair(itk, reduced(itk, one, _COARSE_MM), reduced(itk, other, _COARSE_MM))
    # SimpleITK's transforms lead from fixed to moving: the turn is about the fixed head's middle.
    target = np.asarray(_head_points(fixed).mean(axis=0))
    starts = _starts(itk, target, center)
    as_placed = itk.Euler3DTransform()
    as_placed.SetCenter(target.tolist())
    begin = min(starts, key=coarse.value)
    pairs = _levels(itk, one, other)
    found = _searched(begin, pairs, SEED, report, "co-registration")
    second = _searched(
        _nudged(itk, found), pairs[-2:], _SECOND_SEED, report, "co-registration again"
    )
    result, again = _fixed_from_moving(found), _fixed_from_moving(second)
    spread = float(np.linalg.norm(result(head) - again(head), axis=1).max())
    index = fixed.grid.fractional_index(result(head))
    inside = ((index >= 0) & (index <= np.array(fixed.grid.shape) - 1)).all(axis=1)
    coregistration = Coregistration(
        result,
        center,
        -pairs[0].value(found),
        -pairs[0].value(as_placed),
        float(inside.mean()),
        spread,
    )
    _check(coregistration)
    return coregistration


def _check(found: Coregistration) -> None:
    if found.overlap < _LEAST_OVERLAP:
        raise CaseError(
            f"co-registration: only {100 * found.overlap:.0f} % of the moving head lies within the "
            f"fixed images, expected {100 * _LEAST_OVERLAP:.0f} % or more; are both of one head?"
        )
    if found.spread_mm > _MOST_SPREAD_MM:
        raise CaseError(
            f"co-registration: a second search ends {found.spread_mm:.1f} mm from the first, "
            f"expected at most {_MOST_SPREAD_MM:g} mm: the images do not determine how they fit; "
            f"are both of one head, and do both show enough of it?"
        )


def _levels(itk: Any, fixed: Image, moving: Image) -> list[Pair]:
    """The two images from coarse to fine; those no finer than the last are left out."""
    pairs: list[Pair] = []
    for mm in _LEVELS_MM:
        pair = Pair(itk, reduced(itk, fixed, mm), reduced(itk, moving, mm))
        if not pairs or pair.spacing_mm < pairs[-1].spacing_mm:
            pairs.append(pair)
    return pairs


def _searched(
    start: Transform, pairs: Sequence[Pair], seed: int, report: Report, what: str
) -> Transform:
    """From coarse to fine."""
    for pair in pairs:

        def told(text: str, at: str = f"{pair.spacing_mm:.3g}") -> None:
            report(f"{what}, {at} mm: {text}")

        start = pair.improved(start, seed, told)
    return start


def _head_points(volume: Volume) -> Array:
    """Places (n, 3) of what is not air, on about 30 voxels along each axis."""
    steps = [max(1, n // 30) for n in volume.grid.shape]
    values = clipped(volume)[:: steps[0], :: steps[1], :: steps[2]]
    x, y, z = volume.grid.axes()
    zz, yy, xx = np.meshgrid(z[:: steps[0]], y[:: steps[1]], x[:: steps[2]], indexing="ij")
    # Half-way between air and the usual of what lies above the mean.
    inside = values > (values.min() + float(np.median(values[values > values.mean()]))) / 2
    return np.stack([xx[inside], yy[inside], zz[inside]], axis=1)


def _starts(itk: Any, target: Array, center: Array) -> list[Transform]:
    """As the headers have it and with the middles on each other, turned each way."""
    starts = []
    for shift in (np.zeros(3), center - target):
        for turn in itertools.product(_TURNS, repeat=3):
            start = itk.Euler3DTransform()
            start.SetCenter(target.tolist())
            start.SetRotation(*np.deg2rad(turn).tolist())
            start.SetTranslation(shift.tolist())
            starts.append(start)
    return starts


def _nudged(itk: Any, transform: Transform) -> Transform:
    turn = np.deg2rad(_OFF_DEG)
    other = itk.Euler3DTransform(transform)
    now = np.array([transform.GetAngleX(), transform.GetAngleY(), transform.GetAngleZ()])
    other.SetRotation(*(now + turn).tolist())
    other.SetTranslation((np.array(transform.GetTranslation()) + _OFF_MM).tolist())
    return other


def _fixed_from_moving(transform: Transform) -> RigidTransform:
    rotation = np.array(transform.GetMatrix()).reshape(3, 3)
    center = np.array(transform.GetCenter())
    shift = np.array(transform.GetTranslation()) + center - rotation @ center
    return RigidTransform(rotation, shift, Frame.PATIENT, Frame.PATIENT).inverse
