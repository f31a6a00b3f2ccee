"""BED of a sequence of shots: closed forms, limits, symmetry, and other people's formulae."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from gkplan.errors import PlanError
from gkplan.metrics.bed import Schedule, bed_at, bed_of
from gkplan.metrics.repair import load_tissue
from tests.dose.example import ENGINE, mixed_shots

CNS = load_tissue("normal-cns")
RATIO = CNS.alpha_beta_gy
interval = st.tuples(st.floats(0.0, 10.0), st.floats(0.01, 200.0))
sequence = st.lists(interval, min_size=1, max_size=12)


def one(intervals: list[tuple[float, float]]) -> float:
    return float(bed_of(intervals, CNS)[0])


def test_the_shipped_constants() -> None:
    """Partition coefficient 0.98: p_fast = 1 / 1.98, p_slow = 0.98 / 1.98."""
    assert CNS.half_times_min == pytest.approx((11.4, 129.6))
    assert CNS.weights == pytest.approx((1 / 1.98, 0.98 / 1.98), rel=1e-12)
    assert sum(CNS.weights) == pytest.approx(1.0)
    assert "unverified" in CNS.origin["alpha_beta_gy"]


@pytest.mark.parametrize("minutes", [0.02, 1.0, 30.0, 1e3, 1e5])
def test_one_constant_exposure(minutes: float) -> None:
    expected = 12.0
    for mu, p in zip(CNS.rates_per_min, CNS.weights, strict=True):
        x = mu * minutes
        expected += p * 2.0 / x**2 * (x - 1.0 + np.exp(-x)) * 12.0**2 / RATIO
    near = 1e-9 if minutes > 0.1 else 1e-6  # the expected form itself loses digits
    assert one([(12.0, minutes)]) == pytest.approx(expected, rel=near)


def test_limits_of_short_and_long() -> None:
    acute = 12.0 * (1.0 + 12.0 / RATIO)
    assert one([(12.0, 0.0)]) == pytest.approx(acute, rel=1e-14)
    assert one([(12.0, 1e-9)]) == pytest.approx(acute, rel=1e-9)
    assert one([(12.0, 1e9)]) == pytest.approx(12.0, rel=1e-5)


def test_the_series_meets_the_closed_form() -> None:
    """Where the one ends and the other begins, the BED is smooth."""
    (fast, *_) = CNS.rates_per_min
    below, above = (one([(12.0, f * 1e-2 / fast)]) for f in (1 - 1e-9, 1 + 1e-9))
    assert below == pytest.approx(above, rel=1e-10)


def test_long_breaks_make_fractions_of_their_own() -> None:
    """n doses d far apart: n d (1 + d / (alpha/beta)), the formula of fractionated treatment."""
    course = [(4.0, 0.0), (0.0, 1e6)] * 5
    assert one(course) == pytest.approx(20.0 * (1.0 + 4.0 / RATIO), rel=1e-12)


@given(sequence)
def test_time_may_run_backwards(intervals: list[tuple[float, float]]) -> None:
    """G is a double integral over R(t) R(t') exp(-mu |t - t'|)."""
    assert one(intervals[::-1]) == pytest.approx(one(intervals), rel=1e-12, abs=1e-12)


@given(sequence, st.integers(0, 11), st.floats(0.01, 0.99))
def test_a_shot_in_two_contiguous_parts_is_the_same(
    intervals: list[tuple[float, float]], which: int, part: float
) -> None:
    n = which % len(intervals)
    dose, minutes = intervals[n]
    pieces = [(part * dose, part * minutes), ((1 - part) * dose, (1 - part) * minutes)]
    cut = [*intervals[:n], *pieces, *intervals[n + 1 :]]
    assert one(cut) == pytest.approx(one(intervals), rel=1e-12, abs=1e-12)


@given(sequence)
def test_bounds_and_time_before_and_after(intervals: list[tuple[float, float]]) -> None:
    """Between D and D (1 + D / (alpha/beta)); nothing happens before and after."""
    total, bed = sum(d for d, _ in intervals), one(intervals)
    assert total * (1 - 1e-12) <= bed <= total * (1.0 + total / RATIO) * (1 + 1e-12)
    assert one([(0.0, 50.0), *intervals, (0.0, 77.0)]) == pytest.approx(bed, rel=1e-12, abs=1e-12)


@given(sequence, st.integers(0, 11), st.floats(0.1, 100.0))
def test_a_longer_gap_spares(intervals: list[tuple[float, float]], where: int, gap: float) -> None:
    n = where % (len(intervals) + 1)
    assert one([*intervals[:n], (0.0, gap), *intervals[n:]]) <= one(intervals) * (1 + 1e-12)


def twelve() -> tuple[np.ndarray, np.ndarray, float]:
    rng = np.random.default_rng(4)
    return rng.uniform(0.05, 3.0, (12, 5)), rng.uniform(0.3, 9.0, 12), 2.5


def test_twelve_shots_against_an_integration_in_time() -> None:
    """u' = R - mu u and the quadratic effect, step by step; within 0.1 %."""
    doses, minutes, gap = twelve()
    starts = np.cumsum([0.0, *(minutes[:-1] + gap)])
    for point in range(doses.shape[1]):
        expected = doses[:, point].sum()
        for mu, p in zip(CNS.rates_per_min, CNS.weights, strict=True):
            state = np.zeros(2)
            for n in range(12):
                rate = doses[n, point] / minutes[n]

                def flow(_: float, y: np.ndarray, r: float = rate, m: float = mu) -> list[float]:
                    return [r - m * y[0], 2.0 * r * y[0]]

                end = starts[n] + minutes[n]
                state = solve_ivp(flow, (starts[n], end), state, rtol=1e-9, atol=1e-10).y[:, -1]
                state = state * [np.exp(-mu * gap), 1.0]
            expected += p * state[1] / RATIO
        intervals = [step for d, t in zip(doses[:, point], minutes, strict=True)
                     for step in ((d, t), (0.0, gap))]  # fmt: skip
        assert one(intervals) == pytest.approx(expected, rel=1e-6)


def test_twelve_shots_against_the_sum_over_pairs() -> None:
    """Millar and Canney 1993, as used for the Gamma Knife: each shot with itself and with each."""
    doses, minutes, gap = twelve()
    start = np.cumsum([0.0, *(minutes[:-1] + gap)])
    expected = doses.sum(axis=0)
    for mu, p in zip(CNS.rates_per_min, CNS.weights, strict=True):
        for j in range(12):
            rate = doses[j] / minutes[j]
            own = rate**2 * (minutes[j] - (1.0 - np.exp(-mu * minutes[j])) / mu) / mu
            expected = expected + 2.0 * p * own / RATIO
            for i in range(j):
                other = doses[i] / minutes[i]
                between = np.exp(-mu * (start[j] - start[i])) * np.expm1(mu * minutes[i])
                pair = rate * other * between * -np.expm1(-mu * minutes[j]) / mu**2
                expected = expected + 2.0 * p * pair / RATIO
    intervals = [step for d, t in zip(doses, minutes, strict=True) for step in ((d, t), (0.0, gap))]
    assert bed_of(intervals, CNS) == pytest.approx(expected, rel=1e-11)


SHOTS = mixed_shots(4)
POINTS = np.random.default_rng(2).normal((112.0, 108.0, 95.0), 8.0, (40, 3))


def test_bed_at_points_of_a_plan() -> None:
    """Each shot's own dose at its own time, gaps between, in the order of delivery."""
    dose, bed = bed_at(POINTS, SHOTS, ENGINE, CNS, Schedule(gap_min=3.0))
    assert dose == pytest.approx(ENGINE.dose(POINTS, SHOTS), rel=1e-3)
    parts = [ENGINE.dose(POINTS, [s]) for s in SHOTS]
    steps = [(parts[0], SHOTS[0].time_min)]
    for d, s in zip(parts[1:], SHOTS[1:], strict=True):
        steps += [(np.zeros(len(POINTS)), 3.0), (d, s.time_min)]
    assert bed == pytest.approx(bed_of(steps, CNS), rel=1e-12)


def test_points_in_blocks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = bed_at(POINTS, SHOTS, ENGINE, CNS)
    monkeypatch.setattr("gkplan.metrics.bed._BLOCK", 7)
    assert bed_at(POINTS, SHOTS, ENGINE, CNS) == pytest.approx(np.array(whole), rel=1e-3)


def test_sessions_far_apart_are_fractions() -> None:
    """Two sessions a month apart: twice the BED of one of them; the dose stays."""
    half = [replace(s, time_min=s.time_min / 2) for s in SHOTS]
    _, single = bed_at(POINTS, half, ENGINE, CNS)
    dose, bed = bed_at(POINTS, SHOTS, ENGINE, CNS, Schedule.equal(2, hours=24.0 * 30))
    assert bed == pytest.approx(2.0 * single, rel=1e-9)
    assert dose == pytest.approx(ENGINE.dose(POINTS, SHOTS), rel=1e-3)


def test_sessions_of_their_own_size_and_their_break() -> None:
    """The break counts from start to start, and the carry goes through it."""
    schedule = Schedule(gap_min=1.0, fractions=(0.25, 0.75), hours=1.0)
    _, bed = bed_at(POINTS, SHOTS, ENGINE, CNS, schedule)
    steps, clock = [], 0.0
    for start, fraction in ((0.0, 0.25), (60.0, 0.75)):
        for n, shot in enumerate(SHOTS):
            wait = start - clock if n == 0 else 1.0
            part = replace(shot, time_min=fraction * shot.time_min)
            steps += [(0.0, wait), (ENGINE.dose(POINTS, [part]), part.time_min)]
            clock += wait + part.time_min
    assert bed == pytest.approx(bed_of(steps, CNS), rel=1e-12)


def test_transit_is_given_in_every_session() -> None:
    moving = replace(ENGINE, transit=True)
    once, _ = bed_at(POINTS, SHOTS, moving, CNS)
    thrice, _ = bed_at(POINTS, SHOTS, moving, CNS, Schedule.equal(3))
    extra = moving.dose(POINTS, SHOTS) - ENGINE.dose(POINTS, SHOTS)
    assert thrice - once == pytest.approx(2.0 * extra, rel=0.02, abs=1e-5)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Schedule(gap_min=-1.0), "gap"),
        (lambda: Schedule(gap_min=float("nan")), "gap"),
        (lambda: Schedule(fractions=(0.5, 0.4)), "add up to 1"),
        (lambda: Schedule(fractions=(1.5, -0.5)), "positive"),
        (lambda: Schedule.equal(0), "1 to 5"),
        (lambda: Schedule.equal(6), "1 to 5"),
        (lambda: Schedule.equal(2, hours=0.0), "hours"),
        (lambda: Schedule.equal(2, hours=0.01).breaks_min(SHOTS), "more hours"),
    ],
)
def test_a_schedule_that_cannot_be(make, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(PlanError, match=words):
        make()
