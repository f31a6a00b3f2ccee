"""The rigid transform under which two images are most alike."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from gkplan.coregister.likeness import Pair
from gkplan.frames import Array, Frame, RigidTransform

# A turn is counted by how far it moves what lies at this distance from the middle of the head.
_LEVER_MM = 80.0
# Turns (degrees about x, y, z) that a search begins with: patients nod and tilt in a scanner.
_TURNS = (-15.0, 0.0, 15.0)
# Starts that are followed, and how unlike they are: mm over the head.
_FOLLOWED, _APART_MM = 4, 12.0
_BEGIN_STEP_MM = 3.0
_SWEEPS, _PRECISION_MM = 12, 0.01


def transform(parameters: Array, center: Array) -> RigidTransform:
    """Of shift (mm) and turn (mm at the lever) about `center`, as `parameters` (6,)."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_rotvec(parameters[3:] / _LEVER_MM).as_matrix()
    shift = parameters[:3] + center - turn @ center
    return RigidTransform(turn, shift, Frame.PATIENT, Frame.PATIENT)


def parameters(found: RigidTransform, center: Array) -> Array:
    """The inverse of `transform`."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_matrix(found.rotation).as_rotvec() * _LEVER_MM
    return np.concatenate([found(center) - center, turn])


def apart(one: RigidTransform, other: RigidTransform, head: Array) -> float:
    """The largest distance (mm) between where the two take points (n, 3) of the head."""
    return float(np.linalg.norm(one(head) - other(head), axis=1).max())


def improved(start: RigidTransform, pair: Pair, center: Array, step_mm: float) -> RigidTransform:
    """The best transform near `start`, along one direction after the other (Powell 1964).

    `step_mm` is about how far away it is looked for.
    """
    from scipy.optimize import minimize

    def misfit(p: Array) -> float:
        return -pair.likeness(transform(p, center).matrix)

    found = minimize(
        misfit,
        parameters(start, center),
        method="Powell",
        options={
            "direc": step_mm * np.eye(6),
            "xtol": _PRECISION_MM / step_mm,
            "ftol": 1e-5,
            "maxiter": _SWEEPS,
        },
    )
    return transform(found.x, center)


def begun(
    pair: Pair,
    center: Array,
    goal: Array,
    head: Array,
    report: Callable[[str], None],
) -> RigidTransform:
    """Where the best of searches from unlike places ends.

    They begin as the headers place the images, and with the middle of one head (`center`) on that
    of the other (`goal`), turned each way; those that are best to begin with are followed.
    """
    starts = []
    for shift in (np.zeros(3), goal - center):
        for turn in itertools.product(_TURNS, repeat=3):
            p = np.concatenate([shift, np.deg2rad(turn) * _LEVER_MM])
            start = transform(p, center)
            starts.append((pair.likeness(start.matrix), start))
    starts.sort(key=lambda entry: -entry[0])
    chosen: list[RigidTransform] = []
    for _, start in starts:
        if all(apart(start, other, head) > _APART_MM for other in chosen):
            chosen.append(start)
    ends = []
    for n, start in enumerate(chosen[:_FOLLOWED], start=1):
        report(f"co-registration: start {n} of {min(len(chosen), _FOLLOWED)}")
        ends.append(improved(start, pair, center, _BEGIN_STEP_MM))
    return max(ends, key=lambda end: pair.likeness(end.matrix))
