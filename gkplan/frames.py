"""The coordinate frames and the rigid transforms between them.

Leksell (stereotactic) frame, mm
    Origin at the patient's right, superior, posterior; +X to the patient's LEFT, +Y ANTERIOR,
    +Z INFERIOR; the centre of the frame is (100, 100, 100).
Patient frame, mm
    DICOM LPS: +x LEFT, +y POSTERIOR, +z SUPERIOR.
Unit frame, mm
    Origin at the focus of the radiation unit. At a gamma angle of 90 degrees its axes are those
    of the Leksell frame: the sources lie at negative z, toward the vertex of the head.

All three are right-handed, so every transform between them is a proper rotation and a shift.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

LEKSELL_CENTER_MM = (100.0, 100.0, 100.0)
NEUTRAL_GAMMA_DEG = 90.0


class Frame(StrEnum):
    """A named coordinate system; a point belongs to exactly one."""

    LEKSELL = "leksell"
    PATIENT = "patient"
    UNIT = "unit"


@dataclass(frozen=True, slots=True, eq=False)
class RigidTransform:
    """``q = rotation @ p + translation``, from points of `source` to points of `target`.

    Parameters
    ----------
    rotation : (3, 3) float, a proper rotation
    translation : (3,) float, mm, in the target frame
    source, target : Frame

    Raises
    ------
    ValueError
        If `rotation` is not a proper rotation within 1e-6, or a number is not finite.

    Examples
    --------
    >>> to_patient = patient_from_leksell()
    >>> to_patient([[100.0, 110.0, 90.0]]).tolist()
    [[0.0, -10.0, 10.0]]
    """

    rotation: Array
    translation: Array
    source: Frame
    target: Frame

    def __post_init__(self) -> None:
        rotation = np.array(self.rotation, dtype=np.float64)
        translation = np.array(self.translation, dtype=np.float64)
        if rotation.shape != (3, 3) or translation.shape != (3,):
            raise ValueError(
                f"a rigid transform needs a (3, 3) rotation and a (3,) translation, "
                f"got {rotation.shape} and {translation.shape}"
            )
        if not (np.isfinite(rotation).all() and np.isfinite(translation).all()):
            raise ValueError("a rigid transform needs finite numbers")
        proper = np.linalg.det(rotation) > 0
        if not proper or not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-6):
            raise ValueError("the 3 x 3 part is not a proper rotation (orthonormal, determinant 1)")
        rotation.flags.writeable = False
        translation.flags.writeable = False
        object.__setattr__(self, "rotation", rotation)
        object.__setattr__(self, "translation", translation)

    @classmethod
    def from_matrix(cls, matrix: ArrayLike, source: Frame, target: Frame) -> RigidTransform:
        """From a 4 x 4 homogeneous matrix (rows as in plan.json)."""
        m = np.asarray(matrix, dtype=np.float64)
        if m.shape != (4, 4) or not np.allclose(m[3], (0, 0, 0, 1)):
            raise ValueError("expected a 4 x 4 matrix whose last row is 0, 0, 0, 1")
        return cls(m[:3, :3], m[:3, 3], source, target)

    @property
    def matrix(self) -> Array:
        """The 4 x 4 homogeneous matrix."""
        m = np.eye(4)
        m[:3, :3] = self.rotation
        m[:3, 3] = self.translation
        return m

    @property
    def inverse(self) -> RigidTransform:
        back = self.rotation.T
        return RigidTransform(back, -back @ self.translation, self.target, self.source)

    def __call__(self, points: ArrayLike) -> Array:
        """Points (..., 3) of the source frame, in the target frame."""
        moved: Array = np.asarray(points, dtype=np.float64) @ self.rotation.T + self.translation
        return moved

    def rotate(self, vectors: ArrayLike) -> Array:
        """Directions (..., 3) of the source frame, in the target frame."""
        turned: Array = np.asarray(vectors, dtype=np.float64) @ self.rotation.T
        return turned

    def __matmul__(self, first: RigidTransform) -> RigidTransform:
        """``self @ first``: apply `first`, then `self`; refused when the frames do not meet."""
        if first.target is not self.source:
            raise ValueError(
                f"cannot apply {self.target}<-{self.source} after {first.target}<-{first.source}: "
                f"{first.target} is not {self.source}"
            )
        return RigidTransform(
            self.rotation @ first.rotation, self(first.translation), first.source, self.target
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, RigidTransform)
            and self.source is other.source
            and self.target is other.target
            and np.array_equal(self.matrix, other.matrix)
        )

    def __hash__(self) -> int:
        return hash((self.source, self.target, self.matrix.tobytes()))


def patient_from_leksell(center_lps_mm: ArrayLike = (0.0, 0.0, 0.0)) -> RigidTransform:
    """Leksell to DICOM LPS for a head-first-supine image whose axes follow the frame.

    Parameters
    ----------
    center_lps_mm : (3,) float, mm
        Where the centre of the Leksell frame, (100, 100, 100), lies in the image.

    Notes
    -----
    LPS = (X - 100, 100 - Y, 100 - Z) + center: half a turn about x.
    """
    half_turn = np.diag([1.0, -1.0, -1.0])
    shift = np.asarray(center_lps_mm, dtype=np.float64) - half_turn @ np.array(LEKSELL_CENTER_MM)
    return RigidTransform(half_turn, shift, Frame.LEKSELL, Frame.PATIENT)


def leksell_from_unit(isocenter_mm: ArrayLike, gamma_angle_deg: float) -> RigidTransform:
    """Where the unit's axes lie in the Leksell frame for one shot.

    Parameters
    ----------
    isocenter_mm : (3,) float, Leksell mm
        The point of the head that stands in the focus.
    gamma_angle_deg : float
        90 is neutral; 70 and 110 are tilts of 20 degrees about Leksell X.

    Notes
    -----
    The rotation is by ``gamma - 90`` degrees about +X, right-handed, so at 110 the sources lie
    20 degrees further toward the face. No public source says which sign of gamma is chin-up:
    this is a convention of gkplan, stated here and nowhere else.
    """
    angle = np.deg2rad(gamma_angle_deg - NEUTRAL_GAMMA_DEG)
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
    return RigidTransform(turn, np.asarray(isocenter_mm, dtype=float), Frame.UNIT, Frame.LEKSELL)
