"""What a co-registration finds, and how it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gkplan.frames import Array, RigidTransform

_SIDES = (("left", "right"), ("back", "front"), ("head", "feet"))


@dataclass(frozen=True, slots=True, eq=False)
class Coregistration:
    """Where the moving images lie in the fixed ones.

    Parameters
    ----------
    fixed_from_moving : LPS mm to LPS mm, from one frame of reference to the other
    center_mm : (3,) middle of the moving head, LPS mm of the moving images
    likeness : mutual information, natural logarithm, see `gkplan.coregister.search.Fit`
    before : the same with the images laid on each other as their headers have it
    overlap : part of the fixed head that lies within the moving images
    apart_mm : for each further search, the largest distance over the head from this result
    mirror_ratio : likeness of the mirror image, relative
    notes : what else the user has to know
    """

    fixed_from_moving: RigidTransform
    center_mm: Array
    likeness: float
    before: float
    overlap: float
    apart_mm: Mapping[str, float]
    mirror_ratio: float
    notes: tuple[str, ...] = ()

    @property
    def spread_mm(self) -> float:
        """How far apart the searches end, mm."""
        return max(self.apart_mm.values())

    @property
    def shift_mm(self) -> Array:
        """How far the middle of the moving head moves (3,), LPS mm."""
        return self.fixed_from_moving(self.center_mm) - self.center_mm

    @property
    def turn_deg(self) -> Array:
        """Rotation vector (3,) about the patient's x, y, z: its length is the angle, degrees."""
        from scipy.spatial.transform import Rotation

        return np.asarray(
            Rotation.from_matrix(self.fixed_from_moving.rotation).as_rotvec(degrees=True)
        )


def in_words(found: Coregistration) -> str:
    """The transform as a sentence: where the middle of the moving head goes and how it turns."""
    parts = [
        f"{abs(mm):.2f} mm to the {toward[0] if mm > 0 else toward[1]}"
        for mm, toward in zip(found.shift_mm, _SIDES, strict=True)
    ]
    turn = found.turn_deg
    angle = float(np.linalg.norm(turn))
    x, y, z = turn.tolist()
    return (
        f"the moving head goes {', '.join(parts)}, and turns by {angle:.2f} degrees "
        f"({x:+.2f} about left, {y:+.2f} about back, {z:+.2f} about head)"
    )
