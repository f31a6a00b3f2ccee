"""The fit: nonlinear in the rings, and inside it a non-negative linear fit of the profile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.commission.agreement import Agreement
from gkplan.commission.parameters import Parameters, Rings
from gkplan.commission.problem import GRID_MM, Problem
from gkplan.commission.scans import Scan
from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.unit import RadiationUnit

# What one point of a profile counts for, as a fraction of the maximum: neighbours are hardly
# independent, and a model with a handful of numbers a ring is wrong by about as much.
_SIGMA = 0.01
_PERFECT = 1e-3
_STEP = 2e-3


@dataclass(frozen=True, slots=True, eq=False)
class CollimatorFit:
    """The beam model of one collimator and what the data say of it.

    `agreement` says how far each profile is from the model. `sigma` is the standard uncertainty
    of each number of `NAMES_OF_RINGS`; `determined` says whether the data, and what is expected
    of a beam's profile, narrow it to less than half of what was thought possible before.
    """

    size_mm: int
    rings: Rings
    half_width_mm: Array
    edge_mm: Array
    weight: Array
    sigma: Array
    correlation: Array
    determined: NDArray[np.bool_]
    agreement: dict[str, Agreement]


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The beam models of all collimators, which share the geometry of the unit."""

    start: str
    collimators: tuple[CollimatorFit, ...]
    converged: bool


def fit_unit(unit: RadiationUnit, scans: Sequence[Scan]) -> Fit:
    """The beam models that fit (conditioned) profiles within 40 mm, of all collimators at once.

    The unit gives the start: elevations, virtual distances, ring output factors, attenuation.

    Raises
    ------
    CaseError
        If the unit has no such collimator, or not five rings.
    """
    parameters, problems = _problems(unit, scans)
    p, converged = _solution(parameters, problems)
    covariance = _covariance(parameters, problems, p)
    fits = tuple(_collimator_fit(parameters, q, p, covariance) for q in problems)
    worst = max(a.largest for fit in fits for a in fit.agreement.values())
    # An all but perfect fit may creep on for ever.
    name = f"{unit.name} {unit.version}"
    return Fit(name, fits, converged=bool(converged or worst < _PERFECT))


def leave_one_out(
    unit: RadiationUnit,
    scans: Sequence[Scan],
    report: Callable[[str], None] = lambda text: None,
) -> dict[str, Agreement]:
    """How each profile agrees with `predict_left_out`, where that can predict it."""
    predicted = {}
    for scan in scans:
        report(f"predicting {scan.name} from the other profiles")
        other = predict_left_out(unit, scans, scan)
        if other is not None:
            predicted[scan.name] = Agreement.of(GRID_MM, other.at(GRID_MM), scan)
    return predicted


def predict_left_out(unit: RadiationUnit, scans: Sequence[Scan], left_out: Scan) -> Scan | None:
    """What the fit to all the other profiles predicts for one.

    That fit starts from the unit again and does not see the profile left out; whether the unit
    itself does not come from it is for the user to know. How far collimators may differ (see
    `parameters`) was chosen with all nine profiles of GammaPlan. None if there is no other
    profile of the collimator.
    """
    rest = [scan for scan in scans if scan.name != left_out.name]
    if left_out.collimator_mm not in {scan.collimator_mm for scan in rest}:
        return None
    parameters, problems = _problems(unit, rest)
    p, _ = _solution(parameters, problems)
    (problem,) = (q for q in problems if q.size_mm == left_out.collimator_mm)
    return problem.predicted(parameters.rings(p, problem.size_mm), left_out.axis)


def _problems(unit: RadiationUnit, scans: Sequence[Scan]) -> tuple[Parameters, list[Problem]]:
    sizes = sorted({scan.collimator_mm for scan in scans})
    for size in sizes:
        if size not in unit.collimator_sizes_mm:
            have = ", ".join(map(str, unit.collimator_sizes_mm))
            raise CaseError(f"profiles of a {size} mm collimator, but {unit.name} has {have} mm")
    problems = [
        Problem.of(unit, size, [scan for scan in scans if scan.collimator_mm == size])
        for size in sizes
    ]
    return Parameters.of(unit, sizes), problems


def _solution(parameters: Parameters, problems: Sequence[Problem]) -> tuple[Array, bool]:
    from scipy.optimize import least_squares

    n = len(parameters.names)

    def residual(p: Array) -> Array:
        rows = [q.residual(parameters.rings(p, q.size_mm)) / _SIGMA for q in problems]
        return np.concatenate([*rows, p])

    def jacobian(p: Array) -> Array:
        rows = _jacobian(parameters, problems, p, Problem.residual)
        return np.concatenate([rows / _SIGMA, np.eye(n)])

    found = least_squares(
        residual,
        np.zeros(n),
        jac=jacobian,
        bounds=parameters.bounds(),
        max_nfev=80,
        ftol=1e-4,
        xtol=1e-4,
    )
    return found.x, bool(found.status > 0)


def _jacobian(
    parameters: Parameters,
    problems: Sequence[Problem],
    p: Array,
    function: Callable[[Problem, Rings], Array],
) -> Array:
    """Difference quotients; a collimator's own parameters leave the others as they are."""
    high = parameters.bounds()[1]
    blocks = []
    for q in problems:
        here = function(q, parameters.rings(p, q.size_mm))
        block = np.zeros((len(here), len(p)))
        for k, owner in enumerate(parameters.owner):
            if owner in (0, q.size_mm):
                moved = p.copy()
                moved[k] += _STEP if p[k] + _STEP <= high[k] else -_STEP
                there = function(q, parameters.rings(moved, q.size_mm))
                block[:, k] = (there - here) / (moved[k] - p[k])
        blocks.append(block)
    return np.concatenate(blocks)


def _covariance(parameters: Parameters, problems: Sequence[Problem], p: Array) -> Array:
    """In units of the spreads; the unit matrix is what was thought before."""
    rows = _jacobian(parameters, problems, p, Problem.differences) / _SIGMA
    return np.asarray(np.linalg.inv(rows.T @ rows + np.eye(len(p))))


def _collimator_fit(
    parameters: Parameters, problem: Problem, p: Array, covariance: Array
) -> CollimatorFit:
    size = problem.size_mm
    rings = parameters.rings(p, size)
    rows = _jacobian(parameters, [problem], p, lambda _, r: r.flat())
    of_rings = rows @ covariance @ rows.T
    sigma, before = np.sqrt(np.diag(of_rings)), np.sqrt((rows**2).sum(axis=1))
    weight, differences, _ = problem.solved(rings)
    used = weight > 1e-5
    named = zip(problem.scans, differences, strict=True)
    return CollimatorFit(
        size_mm=size,
        rings=rings,
        half_width_mm=problem.steps.half_width_mm[used],
        edge_mm=problem.steps.edge_mm[used],
        weight=weight[used] / weight[used].sum(),
        sigma=sigma,
        correlation=of_rings / np.outer(sigma, sigma),
        determined=sigma < 0.5 * before,
        agreement={scan.name: problem.agreement(scan, d) for scan, d in named},
    )
