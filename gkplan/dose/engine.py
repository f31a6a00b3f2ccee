"""The protocol that every dose engine follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gkplan.frames import Array
from gkplan.shot import Shot


class DoseEngine(Protocol):
    """Computes absolute dose; made for one unit, one head and one calibration dose rate."""

    @property
    def name(self) -> str: ...

    def dose(self, points_mm: Array, shots: Sequence[Shot]) -> Array:
        """Dose (n,) in Gy at Leksell points (n, 3); 0 outside the head."""
        ...
