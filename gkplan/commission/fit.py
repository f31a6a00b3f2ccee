"""The fit: nonlinear in the rings, and inside it a non-negative linear fit of the profile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.commission.model import (
    HIGHEST_MU,
    LOWEST_MU,
    MU,
    N_RINGS,
    NAMES,
    SPREAD,
    Dictionary,
    Rings,
    design,
)
from gkplan.commission.scans import Scan
from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.unit import RadiationUnit

GRID_MM = np.arange(-40.0, 40.01, 0.5)
# A difference within a shift so small, or so small a part of the maximum, is agreement.
_DISTANCE_MM, _DOSE = 0.1, 0.005
_MARGIN = 0.1  # of both, beyond which a difference weighs more
_PULL = 5e-4
_PERFECT = 1e-3
_CENTER, _RIDGE = 20.0, 2e-3
_EXCESS, _CUBIC = 3.0, 3e4
_STEP = 2e-3
# Weight of the fitted z profile's own centre, mm: it must be where the measured one's is.
_CENTERING = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The beam model of one collimator and what the data say of it.

    `deviation` and `excess` give for each profile the largest difference, and the largest of
    those that no shift of 0.1 mm explains, as fractions of the maximum. `sigma` is the standard
    uncertainty of each parameter of `NAMES`; `determined` says whether the data narrow it to
    less than half of what was thought possible before.
    """

    collimator_mm: int
    rings: Rings
    half_width_mm: Array
    edge_mm: Array
    weight: Array
    parameters: Array
    sigma: Array
    correlation: Array
    determined: NDArray[np.bool_]
    deviation: dict[str, float]
    excess: dict[str, float]
    converged: bool


def fit_collimator(unit: RadiationUnit, size_mm: int, scans: Sequence[Scan]) -> Fit:
    """The beam model of one collimator, fitted to its (conditioned) profiles within 40 mm.

    The unit gives the start: elevations, ring output factors, virtual distances and output.

    Raises
    ------
    CaseError
        If the unit has no such collimator, or there is no profile across the axis of the unit.
    """
    from scipy.optimize import least_squares

    if size_mm not in unit.collimator_sizes_mm:
        sizes = ", ".join(map(str, unit.collimator_sizes_mm))
        raise CaseError(f"profiles of a {size_mm} mm collimator, but {unit.name} has {sizes} mm")
    problem = _Problem.of(unit, size_mm, scans)
    low, high = np.full(len(NAMES), -6.0), np.full(len(NAMES), 6.0)
    low[MU] = (LOWEST_MU - problem.start[MU]) / SPREAD[MU]
    high[MU] = (HIGHEST_MU - problem.start[MU]) / SPREAD[MU]

    def jacobian_of_residual(p: Array) -> Array:
        return problem.jacobian(p, high)

    found = least_squares(
        problem.residual,
        np.zeros(len(NAMES)),
        jac=jacobian_of_residual,
        bounds=(low, high),
        max_nfev=80,
    )
    p = found.x
    weight, differences = problem.solved(p)
    jacobian = problem.data_jacobian(p, high)
    flat = np.concatenate(differences)
    variance = float(flat @ flat) / max(len(flat) - len(NAMES) - int((weight > 0).sum()), 1)
    # In units of the spread; the unit matrix is what was thought before.
    covariance = np.linalg.inv(jacobian.T @ jacobian / max(variance, 1e-12) + np.eye(len(p)))
    sigma = np.sqrt(np.diag(covariance))
    used = weight > 1e-5
    return Fit(
        collimator_mm=size_mm,
        rings=Rings.of(problem.start + p * SPREAD, problem.output_factor),
        half_width_mm=problem.steps.half_width_mm[used],
        edge_mm=problem.steps.edge_mm[used],
        weight=weight[used] / weight[used].sum(),
        parameters=problem.start + p * SPREAD,
        sigma=sigma * SPREAD,
        correlation=covariance / np.outer(sigma, sigma),
        determined=sigma < 0.5,
        deviation={
            s.name: float(np.abs(d).max()) for s, d in zip(problem.scans, differences, strict=True)
        },
        excess={
            s.name: float(np.where(np.abs(d) > t, np.abs(d), 0.0).max())
            for s, d, t in zip(problem.scans, differences, problem.tolerance, strict=True)
        },
        # An all but perfect fit may creep on for ever.
        converged=bool(found.status > 0 or np.abs(flat).max() < _PERFECT),
    )


def leave_one_out(unit: RadiationUnit, size_mm: int, scans: Sequence[Scan]) -> dict[str, float]:
    """Largest difference of each profile from what the fit to the others predicts."""
    predicted = {}
    for left_out in scans:
        rest = [scan for scan in scans if scan is not left_out]
        if not rest:
            continue
        fit = fit_collimator(unit, size_mm, rest)
        steps = Dictionary.around(_half_width(scans))
        columns = [
            int(np.argmin(np.hypot(steps.half_width_mm - h, steps.edge_mm - e)))
            for h, e in zip(fit.half_width_mm, fit.edge_mm, strict=True)
        ]
        offset = np.arange(-50.0, 50.01, 0.25)
        dose = design(fit.rings, steps, unit, left_out.axis, offset)[:, columns] @ fit.weight
        scan = Scan(size_mm, left_out.axis, offset, dose / dose.max()).conditioned()
        predicted[left_out.name] = float(np.abs(scan.at(GRID_MM) - left_out.at(GRID_MM)).max())
    return predicted


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    unit: RadiationUnit
    scans: Sequence[Scan]
    steps: Dictionary
    start: Array
    output_factor: Array
    measured: list[Array]
    tolerance: list[Array]

    @classmethod
    def of(cls, unit: RadiationUnit, size_mm: int, scans: Sequence[Scan]) -> _Problem:
        collimator = unit.collimator(size_mm)
        rings = range(int(unit.source_ring.max()) + 1)
        first = [int(np.flatnonzero(unit.source_ring == r)[0]) for r in rings]
        if len(first) != N_RINGS:
            raise CaseError(f"{unit.name} has {len(first)} rings; commissioning needs {N_RINGS}")
        elevation = np.rad2deg(np.arcsin(-collimator.directions[first, 2]))
        start = np.zeros(len(NAMES))
        distance = collimator.virtual_distance_mm[first]
        start[:N_RINGS], start[MU] = elevation, 0.0062
        start[MU - 2 : MU] = distance.mean(), distance[-1] - distance[0]
        measured = [scan.at(GRID_MM) for scan in scans]
        slope = [np.abs(np.gradient(dose, GRID_MM)) for dose in measured]
        return cls(
            unit,
            scans,
            Dictionary.around(_half_width(scans)),
            start,
            collimator.relative_output[first],
            measured,
            [_DISTANCE_MM * s for s in slope],
        )

    def solved(self, p: Array) -> tuple[Array, list[Array]]:
        """Weights of the steps, and the difference from each profile."""
        from scipy.optimize import nnls

        rings = Rings.of(self.start + p * SPREAD, self.output_factor)
        by_axis: dict[str, Array] = {}
        for kind in {_kind(scan) for scan in self.scans}:
            by_axis[kind] = design(rings, self.steps, self.unit, kind, GRID_MM)
        parts = [by_axis[_kind(scan)] for scan in self.scans]
        middle = len(GRID_MM) // 2
        n = len(self.steps.half_width_mm)
        matrix = np.concatenate(
            [*parts, *(_CENTER * part[[middle]] for part in parts), _RIDGE * np.eye(n)]
        )
        right = np.concatenate([*self.measured, np.full(len(parts), _CENTER), np.zeros(n)])
        weight, _ = nnls(matrix, right, maxiter=3000)
        return weight, [part @ weight - m for part, m in zip(parts, self.measured, strict=True)]

    def residual(self, p: Array) -> Array:
        _, differences = self.solved(p)
        shaped = [
            d + np.sign(d) * (_EXCESS * _beyond(d, t) + _CUBIC * _beyond(d, t) ** 3)
            for d, t in zip(differences, self.tolerance, strict=True)
        ]
        off_center = [
            _CENTERING * (_middle(m + d) - _middle(m))
            for s, m, d in zip(self.scans, self.measured, differences, strict=True)
            if s.axis == "z"
        ]
        return np.concatenate([*shaped, off_center, _PULL * p])

    def jacobian(self, p: Array, high: Array) -> Array:
        return _difference_quotients(self.residual, p, high)

    def data_jacobian(self, p: Array, high: Array) -> Array:
        return _difference_quotients(lambda q: np.concatenate(self.solved(q)[1]), p, high)


def _difference_quotients(function, p: Array, high: Array) -> Array:  # type: ignore[no-untyped-def]
    here = function(p)
    columns = []
    for k in range(len(p)):
        step = _STEP if p[k] + _STEP <= high[k] else -_STEP
        moved = p.copy()
        moved[k] += step
        columns.append((function(moved) - here) / step)
    return np.stack(columns, axis=1)


def _beyond(difference: Array, tolerance: Array) -> Array:
    return np.maximum(np.abs(difference) - _MARGIN * np.maximum(tolerance, _DOSE), 0.0)


def _half_width(scans: Sequence[Scan]) -> float:
    """About the half-width of a single beam: z sees it least blurred by the crossing of beams."""
    return 0.47 * min(scan.fwhm_mm for scan in scans)


def _middle(dose: Array) -> float:
    """Middle of the half-maximum points of a profile on GRID_MM, mm."""
    half = len(GRID_MM) // 2
    level = dose[half] / 2
    left = np.interp(level, dose[: half + 1], GRID_MM[: half + 1])
    right = np.interp(-level, -dose[half:], GRID_MM[half:])
    return float(left + right) / 2


def _kind(scan: Scan) -> str:
    """The unit is the same along x and y."""
    return "z" if scan.axis == "z" else "x"
