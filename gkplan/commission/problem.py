"""The profiles of one collimator as a problem: how far a model is from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gkplan.commission.agreement import SHIFT_MM, Agreement
from gkplan.commission.expected import places, trust
from gkplan.commission.model import Dictionary, design
from gkplan.commission.parameters import Rings
from gkplan.commission.scans import Scan
from gkplan.frames import Array
from gkplan.unit import RadiationUnit
from gkplan.unit.model import blurred_step

GRID_MM = np.arange(-40.0, 40.01, 0.5)
_MIDDLE = len(GRID_MM) // 2
# So small a part of the maximum is agreement.
_DOSE = 0.005
_MARGIN = 0.5  # of both, beyond which a difference weighs more
_CENTER, _HALF, _RIDGE = 20.0, 16.0, 2e-3
_EXCESS, _CUBIC = 3.0, 3e4


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """The profiles of one collimator on `GRID_MM`; of x and y, being symmetric, the right half.

    Parameters
    ----------
    dose : of each scan
    tolerance : of each scan, what a shift of 0.1 mm makes
    beam : each step at `expected.places`, as much as that counts, (places, steps)
    """

    unit: RadiationUnit
    size_mm: int
    scans: Sequence[Scan]
    steps: Dictionary
    dose: list[Array]
    tolerance: list[Array]
    beam: Array

    @classmethod
    def of(cls, unit: RadiationUnit, size_mm: int, scans: Sequence[Scan]) -> Problem:
        dose = [scan.at(_grid(scan)) for scan in scans]
        steps, r = Dictionary.of(size_mm), places(size_mm)[:, None]
        return cls(
            unit,
            size_mm,
            scans,
            steps,
            dose,
            [SHIFT_MM * np.abs(np.gradient(d, GRID_MM[1] - GRID_MM[0])) for d in dose],
            trust(size_mm)[:, None] * blurred_step(r, steps.half_width_mm, steps.edge_mm),
        )

    def solved(self, rings: Rings) -> tuple[Array, list[Array], Array]:
        """Weights of the steps, not negative; the difference from each profile, and from what
        is expected of a beam's own, as much as that counts.
        """
        from scipy.optimize import nnls

        grids = {_kind(scan): _grid(scan) for scan in self.scans}
        by_kind = {k: design(rings, self.steps, self.unit, k, g) for k, g in grids.items()}
        parts = [by_kind[_kind(scan)] for scan in self.scans]
        middle = [_MIDDLE if scan.axis == "z" else 0 for scan in self.scans]
        center = [part[[m]] for part, m in zip(parts, middle, strict=True)]
        half = [_at_half(s, p) for s, p in zip(self.scans, parts, strict=True)]
        given = [_at_half(s, d) for s, d in zip(self.scans, self.dose, strict=True)]
        n = len(self.steps.half_width_mm)
        expected = trust(self.size_mm) * rings.expected.profile(self.size_mm)
        points = [*(_CENTER * row for row in center), *(_HALF * row for row in half)]
        matrix = np.concatenate([*parts, *points, _RIDGE * np.eye(n), self.beam])
        at_points = [np.full(len(parts), _CENTER), *(_HALF * row for row in given)]
        right = np.concatenate([*self.dose, *at_points, np.zeros(n), expected])
        weight, _ = nnls(matrix, right, maxiter=3000)
        differences = [part @ weight - d for part, d in zip(parts, self.dose, strict=True)]
        return weight, differences, self.beam @ weight - expected

    def agreement(self, scan: Scan, difference: Array) -> Agreement:
        """That of a model which differs so much on the grid of the scan."""
        grid = _grid(scan)
        return Agreement.of(grid, scan.at(grid) + difference, scan)

    def differences(self, rings: Rings) -> Array:
        """All differences, one after the other; those of a half count for both."""
        _, parts, beside = self.solved(rings)
        both = [_both_halves(s, d) for s, d in zip(self.scans, parts, strict=True)]
        return np.concatenate([*both, beside])

    def residual(self, rings: Rings) -> Array:
        """Differences that grow steeply beyond what counts as agreement, for least squares."""
        rows = []
        _, parts, beside = self.solved(rings)
        for scan, d, t in zip(self.scans, parts, self.tolerance, strict=True):
            beyond = np.maximum(np.abs(d) - _MARGIN * np.maximum(t, _DOSE), 0.0)
            shaped = d + np.sign(d) * (_EXCESS * beyond + _CUBIC * beyond**3)
            rows.append(_both_halves(scan, shaped))
            rows.append(_HALF * _at_half(scan, d))
        rows.append(beside)
        return np.concatenate(rows)

    def predicted(self, rings: Rings, axis: str) -> Scan:
        """A profile of the model, with the steps' weights of the fit to the scans there are."""
        weight, *_ = self.solved(rings)
        offset = np.arange(-50.0, 50.01, 0.25)
        dose = design(rings, self.steps, self.unit, axis, offset) @ weight
        return Scan(self.size_mm, axis, offset, dose / dose.max()).conditioned()


def _kind(scan: Scan) -> str:
    """The unit is the same along x and y."""
    return "z" if scan.axis == "z" else "x"


def _grid(scan: Scan) -> Array:
    return GRID_MM if scan.axis == "z" else GRID_MM[_MIDDLE:]


def _both_halves(scan: Scan, values: Array) -> Array:
    return values if scan.axis == "z" else np.sqrt(2.0) * values


def _at_half(scan: Scan, values: Array) -> Array:
    """Values (points, ...) on the scan's grid where its dose is half: width and centre."""
    grid = _grid(scan)
    places = [edge for edge in scan.edges(0.5) if edge >= grid[0]]
    left = np.searchsorted(grid, places) - 1
    part = ((places - grid[left]) / (grid[left + 1] - grid[left])).reshape(
        -1, *[1] * (values.ndim - 1)
    )
    return np.asarray((1.0 - part) * values[left] + part * values[left + 1])
