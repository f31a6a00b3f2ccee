"""Biologically effective dose where the dose rate changes from shot to shot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from gkplan.dose.engine import DoseEngine
from gkplan.errors import PlanError
from gkplan.frames import Array
from gkplan.metrics.repair import TissueRepair
from gkplan.shot import Shot

# Minutes from one shot to the next while couch and sectors move: a choice (seconds, as they are on
# a Perfexion); no published figure was found. Older units need minutes.
DEFAULT_GAP_MIN = 0.1
DEFAULT_HOURS = 24.0
MOST_SESSIONS = 5
_BLOCK = 50_000  # points whose doses from every shot are held at a time


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the shots of a plan are given.

    Parameters
    ----------
    gap_min : from the end of a shot to the start of the next
    fractions : part of every shot's time that each session gives, 1 in all
    hours : from the START of a session to the start of the next

    Raises
    ------
    PlanError
        For a negative gap, more than five sessions, or fractions that do not add up to 1.

    Examples
    --------
    >>> Schedule.equal(2, hours=48.0).fractions
    (0.5, 0.5)
    """

    gap_min: float = DEFAULT_GAP_MIN
    fractions: tuple[float, ...] = (1.0,)
    hours: float = DEFAULT_HOURS

    def __post_init__(self) -> None:
        if not 0.0 <= self.gap_min <= 60.0:
            raise PlanError(f"gap between shots: expected 0 to 60 minutes, got {self.gap_min:g}")
        if not 1 <= len(self.fractions) <= MOST_SESSIONS:
            raise PlanError(f"sessions: expected 1 to {MOST_SESSIONS}, got {len(self.fractions)}")
        if not min(self.fractions) > 0.0 or not np.isclose(sum(self.fractions), 1.0, atol=1e-9):
            raise PlanError(
                f"fractions of the sessions: expected positive numbers that add up to 1, "
                f"got {list(self.fractions)}"
            )
        if not 0.0 < self.hours <= 24.0 * 365.0:
            raise PlanError(f"hours between sessions: expected 0 to a year, got {self.hours:g}")

    @classmethod
    def equal(
        cls, sessions: int, hours: float = DEFAULT_HOURS, gap_min: float = DEFAULT_GAP_MIN
    ) -> Schedule:
        """Sessions that each give the same part of every shot's time."""
        return cls(gap_min, (1.0 / sessions,) * sessions if sessions > 0 else (), hours)

    def session_min(self, shots: Sequence[Shot], number: int) -> float:
        """How long session `number` (from 0) takes, gaps included."""
        beam_on = self.fractions[number] * sum(shot.time_min for shot in shots)
        return beam_on + self.gap_min * (len(shots) - 1)

    def breaks_min(self, shots: Sequence[Shot]) -> list[float]:
        """Minutes from the end of each session but the last to the start of the next.

        Raises
        ------
        PlanError
            If a session is longer than the time to the next.
        """
        lasts = [self.session_min(shots, n) for n in range(len(self.fractions) - 1)]
        if lasts and max(lasts) > 60.0 * self.hours:
            raise PlanError(
                f"hours between sessions: {self.hours:g} h are less than the "
                f"{max(lasts) / 60.0:.2f} h that a session takes; give more hours"
            )
        return [60.0 * self.hours - minutes for minutes in lasts]


def bed_of(intervals: Iterable[tuple[ArrayLike, float]], tissue: TissueRepair) -> Array:
    """BED (Gy) of doses that follow each other.

    Parameters
    ----------
    intervals : (dose, minutes) in the order of time; the dose (n,) in Gy is given at a constant
        rate over the minutes (0 minutes: at once); a dose of 0 is a gap

    Returns
    -------
    (n,) Gy

    Notes
    -----
    ``BED = D + (1 / (alpha/beta)) sum_k p_k G_k D^2`` with the factor of Lea and Catcheside for
    the component of repair k, mu = ln 2 / half-time,

    ``G D^2 = 2 int R(t) u(t) dt``, ``u' = R - mu u``, ``u(0) = 0``:

    u is the dose whose damage is not yet repaired. Over an interval of T minutes with the dose d,
    ``x = mu T``,

    ``int R u dt = d u phi1(x) + d^2 phi2(x)``, and u becomes ``u exp(-x) + d phi1(x)``, with
    ``phi1(x) = (1 - exp(-x)) / x`` and ``phi2(x) = (x - 1 + exp(-x)) / x^2``.

    One interval gives ``G = 2 phi2(mu T)``, the known form. Several components as in Millar and
    Canney 1993 (doi 10.1080/09553009314551431).
    """
    total: Array = np.zeros(1)
    pairs: Array = np.zeros(1)
    unrepaired: list[Array] = [np.zeros(1) for _ in tissue.rates_per_min]
    for given, minutes in intervals:
        dose = np.asarray(given, dtype=np.float64)
        total = total + dose
        for k, (rate, weight) in enumerate(zip(tissue.rates_per_min, tissue.weights, strict=True)):
            left, x = unrepaired[k], rate * minutes
            pairs = pairs + 2.0 * weight * dose * (left * _phi1(x) + dose * _phi2(x))
            unrepaired[k] = left * np.exp(-x) + dose * _phi1(x)
    return total + pairs / tissue.alpha_beta_gy


def bed_at(
    points_mm: Array,
    shots: Sequence[Shot],
    engine: DoseEngine,
    tissue: TissueRepair,
    schedule: Schedule | None = None,
) -> tuple[Array, Array]:
    """Physical dose (n,) and BED (n,), both Gy, at Leksell points (n, 3).

    Notes
    -----
    Dose that a shot gives in transit (if `engine` counts it) is taken as given evenly over the
    shot's time; each session has its own transit. Memory: one block of points at a time.
    """
    schedule = schedule or Schedule()
    schedule.breaks_min(shots)
    points = np.asarray(points_mm, dtype=np.float64)
    dose, bed = np.empty(len(points)), np.empty(len(points))
    for first in range(0, len(points), _BLOCK):
        part = slice(first, first + _BLOCK)
        doses = {
            fraction: [engine.dose(points[part], [s]) for s in _part_of(shots, fraction)]
            for fraction in set(schedule.fractions)
        }
        dose[part] = sum(sum(doses[fraction]) for fraction in schedule.fractions)
        bed[part] = bed_of(_course(doses, shots, schedule), tissue)
    return dose, bed


def _part_of(shots: Sequence[Shot], fraction: float) -> list[Shot]:
    return [replace(shot, time_min=fraction * shot.time_min) for shot in shots]


def _course(
    doses: dict[float, list[Array]], shots: Sequence[Shot], schedule: Schedule
) -> Iterator[tuple[ArrayLike, float]]:
    """All shots of all sessions and what lies between, as `bed_of` takes them."""
    pauses = [*schedule.breaks_min(shots), 0.0]
    for fraction, pause in zip(schedule.fractions, pauses, strict=True):
        for number, (shot, dose) in enumerate(zip(shots, doses[fraction], strict=True)):
            if number > 0:
                yield 0.0, schedule.gap_min
            yield dose, fraction * shot.time_min
        yield 0.0, pause


def _phi1(x: float) -> float:
    """``(1 - exp(-x)) / x``, 1 at 0."""
    return float(-np.expm1(-x) / x) if x > 0.0 else 1.0


def _phi2(x: float) -> float:
    """``(x - 1 + exp(-x)) / x^2``, 1/2 at 0; by its series where the form loses digits."""
    if x < 1e-2:
        return 0.5 - x / 6.0 * (1.0 - x / 4.0 * (1.0 - x / 5.0 * (1.0 - x / 6.0 * (1.0 - x / 7.0))))
    return float((x + np.expm1(-x)) / (x * x))
