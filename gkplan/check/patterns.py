"""Which sector states a shot has, told from its dose rate and its dose at a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.dose import TmrEngine
from gkplan.frames import Array
from gkplan.head import Head
from gkplan.shot import BLOCKED
from gkplan.unit import RadiationUnit

# How common kinds of patterns are. Nothing is published: an assumption, which decides only
# between patterns that explain a shot equally well.
_SHARE = {"uniform": 0.5, "uniform, blocked": 0.2, "mixed": 0.2, "mixed, blocked": 0.1}
# How far a rate, a dose, and a dose as part of the total may be from ours in another system.
_RATE, _DOSE, _OF_TOTAL = 0.01, 0.03, 0.002
_LOWEST_RATE, _HIGHEST_RATE, _RATE_STEP = 0.3, 5.0, 0.002
_LEAST_RATE = 1e-9


@dataclass(frozen=True, slots=True)
class Observed:
    """What is stated of a shot whose sectors are not: places in Leksell mm."""

    name: str
    isocenter_mm: tuple[float, float, float]
    time_min: float
    gamma_angle_deg: float
    rate_gy_per_min: float | None
    dose_gy: float | None


@dataclass(frozen=True, slots=True)
class Inferred:
    """The likeliest sector states, and the probability that they are right.

    `confidence` counts all patterns that the unit can have, by the assumed shares of `_SHARE`.
    """

    sectors: tuple[int, ...]
    confidence: float


def infer_patterns(
    observed: Sequence[Observed],
    unit: RadiationUnit,
    head: Head,
    point_mm: Array | None,
    rate_gy_per_min: float | None = None,
) -> tuple[list[Inferred], float]:
    """The sector states of each shot, and the calibration dose rate (found if not given).

    Parameters
    ----------
    point_mm : (3,) where the shots' doses are stated, None if they are not

    Notes
    -----
    All ``states ** sectors`` patterns of a shot are weighed by how well they give its dose rate
    at its own focus (1 %) and its dose at the point (3 %, or 0.2 % of the total): the rates of
    the patterns tell sizes and numbers of open sectors, the fall-off tells small collimators
    from large and, at an angle, which sectors are open. Patterns that give the same cannot be
    told apart and share their probability. An unknown calibration dose rate is the one that
    makes all shots together likeliest with equal open sectors.
    """
    every = _patterns(unit)
    prior = _prior(every)
    total = sum(o.dose_gy or 0.0 for o in observed)
    models = [_model(o, every, unit, head, point_mm) for o in observed]
    rate = rate_gy_per_min
    if rate is None:
        rate = _rate(observed, models, every, prior, total)
    best, found = _likeliest(observed, models, every, prior, total, rate)
    if rate_gy_per_min is None:
        # The rates of shots with all sectors alike tell the calibration more exactly.
        alike = [
            o.rate_gy_per_min / float(np.exp(model[0][n]))
            for o, model, n in zip(observed, models, best, strict=True)
            if o.rate_gy_per_min and np.ptp(every[n]) == 0
        ]
        if alike:
            rate = float(np.median(alike))
            _, found = _likeliest(observed, models, every, prior, total, rate)
    return found, rate


def _likeliest(
    observed: Sequence[Observed],
    models: Sequence[tuple[Array, Array | None]],
    every: NDArray[np.int64],
    prior: Array,
    total: float,
    calibration: float,
) -> tuple[list[int], list[Inferred]]:
    """For each shot the number of its likeliest pattern, and that with its probability."""
    numbers, found = [], []
    for shot, (rate, dose) in zip(observed, models, strict=True):
        weight = prior + _fit(shot, rate, dose, np.log(calibration), total)
        best = int(weight.argmax())
        share = float(np.exp(weight[best] - np.logaddexp.reduce(weight)))
        numbers.append(best)
        found.append(Inferred(tuple(int(s) for s in every[best]), share))
    return numbers, found


def _patterns(unit: RadiationUnit) -> NDArray[np.int64]:
    """All states (n, sectors) with at least one open."""
    states = np.array([BLOCKED, *unit.collimator_sizes_mm])
    index = np.indices((len(states),) * unit.n_sectors).reshape(unit.n_sectors, -1).T
    return states[index[index.any(axis=1)]]


def _prior(every: NDArray[np.int64]) -> Array:
    """Log probability (n,) of each pattern by its kind; alike within a kind."""
    blocked = (every == BLOCKED).any(axis=1)
    highest = every.max(axis=1, keepdims=True)
    mixed = ((every != highest) & (every != BLOCKED)).any(axis=1)
    log = np.empty(len(every))
    for is_mixed, is_blocked, kind in (
        (False, False, "uniform"),
        (False, True, "uniform, blocked"),
        (True, False, "mixed"),
        (True, True, "mixed, blocked"),
    ):
        mine = (mixed == is_mixed) & (blocked == is_blocked)
        if mine.any():
            log[mine] = np.log(_SHARE[kind] / mine.sum())
    return log


def _model(
    shot: Observed,
    every: NDArray[np.int64],
    unit: RadiationUnit,
    head: Head,
    point_mm: Array | None,
) -> tuple[Array, Array | None]:
    """Logarithms of rate at the focus and dose at the point (n,), at 1 Gy/min, of all patterns."""
    engine = TmrEngine(unit, head, 1.0)
    focus = np.array([shot.isocenter_mm])
    points = focus if point_mm is None else np.concatenate([focus, point_mm[None]])
    rates = engine.influence(points, focus, shot.gamma_angle_deg)[0].astype(np.float64)
    closed = np.zeros((unit.n_sectors, 1, len(points)))
    by_state = np.concatenate([closed, rates], axis=1)
    number = np.searchsorted([BLOCKED, *sorted(unit.collimator_sizes_mm)], every)
    order = np.concatenate([[0], 1 + np.argsort(unit.collimator_sizes_mm)])
    sums = by_state[np.arange(unit.n_sectors), order[number]].sum(axis=1)
    logs = np.log(np.maximum(sums, _LEAST_RATE))
    return logs[:, 0], None if point_mm is None else logs[:, 1] + np.log(shot.time_min)


def _fit(
    shot: Observed,
    log_rate: Array,
    log_dose: Array | None,
    log_calibration: Array | float,
    total: float,
) -> Array:
    """Log likelihood of what is stated: of patterns (n,), at a rate or at rates (m, 1)."""
    weight = np.zeros(np.broadcast_shapes(log_rate.shape, np.shape(log_calibration)))
    if shot.rate_gy_per_min:
        away = np.log(shot.rate_gy_per_min) - log_rate - log_calibration
        weight -= (away / _RATE) ** 2 / 2
    if shot.dose_gy and log_dose is not None:
        away = np.log(shot.dose_gy) - log_dose - log_calibration
        weight -= away**2 / (2 * (_DOSE**2 + (_OF_TOTAL * total / shot.dose_gy) ** 2))
    return weight


def _rate(
    observed: Sequence[Observed],
    models: Sequence[tuple[Array, Array | None]],
    every: NDArray[np.int64],
    prior: Array,
    total: float,
) -> float:
    """The calibration dose rate (Gy/min) that explains all shots best by equal open sectors."""
    highest = every.max(axis=1, keepdims=True)
    simple = np.flatnonzero(((every == highest) | (every == BLOCKED)).all(axis=1))
    rates = np.arange(np.log(_LOWEST_RATE), np.log(_HIGHEST_RATE), _RATE_STEP)
    weight = np.zeros(len(rates))
    for shot, (rate, dose) in zip(observed, models, strict=True):
        some = None if dose is None else dose[simple]
        fit = _fit(shot, rate[simple], some, rates[:, None], total) + prior[simple]
        # A shot that no simple pattern explains has one vote less, not a veto.
        weight += np.logaddexp(np.logaddexp.reduce(fit, axis=1), np.log(1e-6))
    return float(np.exp(rates[weight.argmax()]))
