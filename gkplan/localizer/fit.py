"""The rigid pose of a box from where its rods are seen: least squares without outliers."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array, Frame, RigidTransform
from gkplan.localizer.box import Box
from gkplan.localizer.measure import Sightings

# A robust scale below this would reject what is only digitised.
_SCALE_MM = 0.05
_SIGMAS = 4.0


def rods_at(
    box: Box, patient_from_leksell: RigidTransform, rod: NDArray[np.int64], z_mm: Array
) -> Array:
    """x, y (n, 2), patient mm, of rods `rod` (n,) at heights (n,)."""
    start = patient_from_leksell(box.starts)[rod]
    along = patient_from_leksell.rotate(box.directions)[rod]
    t = (z_mm - start[:, 2]) / along[:, 2]
    return np.asarray(start[:, :2] + t[:, None] * along[:, :2])


def residuals(box: Box, patient_from_leksell: RigidTransform, seen: Sightings) -> Array:
    """Where rods are seen less where the pose has them, (n, 2) mm within the slice."""
    there = rods_at(box, patient_from_leksell, seen.rod, seen.points[:, 2])
    return np.asarray(seen.points[:, :2] - there)


def fitted(
    box: Box, seen: Sightings, rough: RigidTransform
) -> tuple[RigidTransform, NDArray[np.bool_]]:
    """The pose with the least squares of `residuals`, and which sightings it rests on.

    Starts with a loss that grows only linearly beyond 0.3 mm; then sightings beyond four
    (robust) standard deviations are left out, and the rest is fitted by plain least squares.
    """
    pose = _solved(box, seen, rough, "soft_l1", 0.3)
    used = np.ones(len(seen), dtype=np.bool_)
    for _ in range(3):
        away = np.hypot(*residuals(box, pose, seen).T)
        # The median of the length of a two-dimensional normal error is 1.18 sigma.
        scale = max(float(np.median(away)) / 1.1774, _SCALE_MM)
        used = away <= _SIGMAS * scale
        pose = _solved(box, seen.only(used), pose, "linear", 1.0)
    return pose, used


def _solved(
    box: Box,
    seen: Sightings,
    start: RigidTransform,
    loss: Literal["linear", "soft_l1"],
    scale_mm: float,
) -> RigidTransform:
    from scipy.optimize import least_squares
    from scipy.spatial.transform import Rotation

    # Turned about the middle of the box, the six numbers hardly depend on each other.
    center = start(box.starts.mean(axis=0) + np.array([0.0, 0.0, 60.0]))

    def placed(numbers: Array) -> RigidTransform:
        turn = Rotation.from_rotvec(numbers[:3] / 100.0).as_matrix()
        rotation = turn @ start.rotation
        shift = center + numbers[3:] + turn @ (start.translation - center)
        return RigidTransform(rotation, shift, Frame.LEKSELL, Frame.PATIENT)

    def errors(numbers: Array) -> Array:
        return residuals(box, placed(numbers), seen).ravel()

    found = least_squares(errors, np.zeros(6), loss=loss, f_scale=scale_mm)
    return placed(found.x)
