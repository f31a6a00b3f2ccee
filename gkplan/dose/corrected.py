"""A Monte Carlo dose for shots near those it was computed for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gkplan.dose.engine import Array32
from gkplan.dose.montecarlo import ComputedDose
from gkplan.dose.tmr import TmrEngine
from gkplan.frames import Array
from gkplan.grid import Grid
from gkplan.shot import Shot
from gkplan.unit import RadiationUnit


@dataclass(frozen=True, slots=True, eq=False)
class CorrectedDose:
    """`tmr`, times what Monte Carlo gave at each place over what `tmr` gives there.

    For the shots that were computed this is the Monte Carlo dose. For the same shots with other
    times, and for some of them, it is what Monte Carlo would give as far as the two engines
    differ alike for all shots at a place.

    Parameters
    ----------
    computed : the Monte Carlo dose, and the shots it is about
    before : `tmr` as those shots were computed
    now : `tmr` as it is asked for: with or without transit
    """

    computed: ComputedDose
    before: TmrEngine
    now: TmrEngine

    @property
    def name(self) -> str:
        return self.computed.name

    @property
    def unit(self) -> RadiationUnit:
        return self.now.unit

    @property
    def uncertainty(self) -> float:
        """Of the Monte Carlo dose, see `MonteCarloDose`."""
        return self.computed.uncertainty

    def without_transit(self) -> CorrectedDose:
        """The same without what shots give while sectors and couch move."""
        return replace(self, now=replace(self.now, transit=False))

    def dose(self, points_mm: Array, shots: Sequence[Shot]) -> Array:
        """Dose (n,) in Gy at Leksell points (n, 3); 0 outside the head and the computed grid."""
        there = self.computed.dose(points_mm, self.computed.shots)
        if self._is_computed(shots):
            return there
        before = self.before.dose(points_mm, self.computed.shots)
        return there * _ratio(self.now.dose(points_mm, shots), before)

    def dose_on(self, grid: Grid, shots: Sequence[Shot]) -> Array32:
        """Dose (nk, nj, ni) float32 in Gy at the voxel centres of a Leksell grid."""
        there = self.computed.dose_on(grid, self.computed.shots)
        if self._is_computed(shots):
            return there
        before = self.before.dose_on(grid, self.computed.shots)
        return (there * _ratio(self.now.dose_on(grid, shots), before)).astype(np.float32)

    def _is_computed(self, shots: Sequence[Shot]) -> bool:
        return tuple(shots) == self.computed.shots and self.now.transit == self.before.transit


def _ratio(after: NDArray[np.floating], before: NDArray[np.floating]) -> Array:
    ratio = np.zeros(before.shape)
    np.divide(after, before, out=ratio, where=before > 0.0)
    return ratio
