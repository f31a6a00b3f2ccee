"""The pose of a box from where its rods are seen: least squares without outliers."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import LEKSELL_CENTER_MM, Array, Frame, RigidTransform
from gkplan.localizer.box import Box
from gkplan.localizer.measure import Sightings

# A robust scale below this would reject what is only digitised.
_SCALE_MM = 0.05
_SIGMAS = 4.0
# How well a spot is measured, and how much MR images are stretched: what weighs one by the other.
_SPOT_MM, _STRETCH = 0.1, 0.005


def rods_at(
    box: Box,
    patient_from_leksell: RigidTransform,
    rod: NDArray[np.int64],
    z_mm: Array,
    stretch: Array | None = None,
) -> Array:
    """x, y (n, 2), patient mm, of rods `rod` (n,) at heights (n,).

    `stretch` (3, 3) displaces what lies at p from the centre of the frame by ``stretch @ p``.
    """
    starts, along = patient_from_leksell(box.starts), patient_from_leksell.rotate(box.directions)
    if stretch is not None:
        starts = starts + (starts - patient_from_leksell(LEKSELL_CENTER_MM)) @ stretch
        along = along + along @ stretch
    t = (z_mm - starts[rod, 2]) / along[rod, 2]
    return np.asarray(starts[rod, :2] + t[:, None] * along[rod, :2])


def residuals(
    box: Box, patient_from_leksell: RigidTransform, seen: Sightings, stretch: Array | None = None
) -> Array:
    """Where rods are seen less where the pose has them, (n, 2) mm within the slice."""
    there = rods_at(box, patient_from_leksell, seen.rod, seen.points[:, 2], stretch)
    return np.asarray(seen.points[:, :2] - there)


def fitted(
    box: Box, seen: Sightings, rough: RigidTransform
) -> tuple[RigidTransform, NDArray[np.bool_]]:
    """The pose with the least squares of `residuals`, and which sightings it rests on.

    Starts with a loss that grows only linearly beyond 0.3 mm; then sightings beyond four
    (robust) standard deviations are left out, and the rest is fitted by plain least squares.
    """
    pose, _ = _solved(box, seen, rough, "soft_l1", 0.3)
    used = np.ones(len(seen), dtype=np.bool_)
    for _ in range(3):
        away = np.hypot(*residuals(box, pose, seen).T)
        # The median of the length of a two-dimensional normal error is 1.18 sigma.
        scale = max(float(np.median(away)) / 1.1774, _SCALE_MM)
        used = away <= _SIGMAS * scale
        pose, _ = _solved(box, seen.only(used), pose, "linear", 1.0)
    return pose, used


def stretched_fit(box: Box, seen: Sightings, start: RigidTransform) -> tuple[RigidTransform, Array]:
    """The rigid part of the pose in images that are stretched a little, and that stretch (3, 3).

    Gradients of an MR scanner displace what is far from the middle. The rods are, and there is
    none behind the head, so that a plain fit is drawn to one side. Six more numbers, a symmetric
    stretch about the centre of the frame, take that up.
    """
    return _solved(box, seen, start, "linear", 1.0, stretch=True)


def _solved(
    box: Box,
    seen: Sightings,
    start: RigidTransform,
    loss: Literal["linear", "soft_l1"],
    scale_mm: float,
    stretch: bool = False,
) -> tuple[RigidTransform, Array]:
    from scipy.optimize import least_squares
    from scipy.spatial.transform import Rotation

    # Turned about the centre of the frame, the six numbers hardly depend on each other.
    center = start(LEKSELL_CENTER_MM)

    def placed(numbers: Array) -> tuple[RigidTransform, Array]:
        turn = Rotation.from_rotvec(numbers[:3] / 100.0).as_matrix()
        rotation = turn @ start.rotation
        shift = center + numbers[3:6] + turn @ (start.translation - center)
        pose = RigidTransform(rotation, shift, Frame.LEKSELL, Frame.PATIENT)
        return pose, _symmetric(numbers[6:] / 100.0)

    def errors(numbers: Array) -> Array:
        pose, stretched = placed(numbers)
        away = residuals(box, pose, seen, stretched).ravel()
        # Keeps the stretch small where few slices do not tell it.
        return np.concatenate([away, _SPOT_MM / _STRETCH * numbers[6:] / 100.0])

    found = least_squares(errors, np.zeros(12 if stretch else 6), loss=loss, f_scale=scale_mm)
    return placed(found.x)


def _symmetric(numbers: Array) -> Array:
    """A symmetric matrix (3, 3) from its six numbers, or zeros from none."""
    matrix = np.zeros((3, 3))
    if len(numbers):
        matrix[np.triu_indices(3)] = numbers
        matrix += np.triu(matrix, 1).T
    return matrix
