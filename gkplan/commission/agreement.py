"""How far a profile is from another: by dose, and where a small shift does not explain it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gkplan.commission.scans import Scan
from gkplan.frames import Array

# A difference that so small a shift explains is agreement.
SHIFT_MM = 0.1


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two profiles, as fractions of the maximum.

    Parameters
    ----------
    largest : difference
    beyond_shift : the largest of those where the other takes no such value within 0.1 mm
    """

    largest: float
    beyond_shift: float

    @classmethod
    def of(cls, offset_mm: Array, relative_dose: Array, other: Scan) -> Agreement:
        """Of a dose (n,) at offsets (n,)."""
        apart = np.abs(relative_dose - other.at(offset_mm))
        near = [other.at(offset_mm + shift) for shift in (-SHIFT_MM, 0.0, SHIFT_MM)]
        explained = (np.min(near, axis=0) <= relative_dose) & (
            relative_dose <= np.max(near, axis=0)
        )
        return cls(float(apart.max()), float(np.where(explained, 0.0, apart).max()))
