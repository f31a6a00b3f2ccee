"""The protocol that every dose engine follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.grid import Grid
from gkplan.shot import Shot
from gkplan.unit import RadiationUnit

Array32 = NDArray[np.float32]


class DoseEngine(Protocol):
    """Computes absolute dose; made for one unit, one head and one calibration dose rate."""

    @property
    def name(self) -> str: ...

    def dose(self, points_mm: Array, shots: Sequence[Shot]) -> Array:
        """Dose (n,) in Gy at Leksell points (n, 3); 0 outside the head."""
        ...

    def dose_on(self, grid: Grid, shots: Sequence[Shot]) -> Array32:
        """Dose (nk, nj, ni) float32 in Gy at the voxel centres of a Leksell grid."""
        ...


class UnitEngine(DoseEngine, Protocol):
    """An engine that knows the machine whose shots it takes."""

    @property
    def unit(self) -> RadiationUnit: ...
