"""Gamma: closed forms, a slow twin, and pymedphys where it is installed."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gkplan.frames import Array, Frame
from gkplan.grid import Grid, Volume
from gkplan.metrics.gamma import (
    ONE_PERCENT_HALF_MM,
    TWO_PERCENT_1_MM,
    GammaCriterion,
    gamma_index,
)


def volume(function, spacing: float = 1.0, shift: tuple[float, float, float] = (0, 0, 0)):  # type: ignore[no-untyped-def]
    """A function of points on a grid over the box from -8 to 8 mm, displaced by `shift`."""
    low = np.array([-8.0, -7.0, -6.0]) + shift
    grid = Grid.around([low, low + np.array([16.0, 14.0, 12.0])], spacing, Frame.LEKSELL)
    return Volume(function(grid.points()).reshape(grid.shape), grid, "dose_gy")


def blob(points: Array, center: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Array:
    """Something like a small shot: 20 Gy, a few mm wide."""
    return np.asarray(20.0 * np.exp(-np.sum(((points - center) / (4.0, 3.5, 3.0)) ** 2, axis=1)))


def slow_gamma(
    reference: Volume, evaluated: Volume, criterion: GammaCriterion
) -> tuple[Array, Array]:
    """The definition at some voxels: their numbers, and gamma, by ever finer lattices."""
    norm = float(reference.array.max())
    dose = np.asarray(reference.array, float).ravel()
    judged = np.flatnonzero(dose >= criterion.cutoff_percent / 100 * norm)
    some = np.random.default_rng(1).choice(judged, 40, replace=False)
    steps = np.arange(-10, 11) / 10.0
    around = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    gamma = []
    for index in some:
        point, best = reference.grid.points()[index], np.zeros(3)
        scale = criterion.dose_percent / 100 * (dose[index] if criterion.local else norm)
        reach = criterion.max_gamma
        for _ in range(7):
            offsets = best + reach * around
            there = evaluated.at(point + offsets * criterion.distance_mm, outside=np.nan)
            value = np.sum(offsets**2, axis=1) + ((there - dose[index]) / scale) ** 2
            best, reach = offsets[np.nanargmin(value)], reach / 4
        gamma.append(min(np.sqrt(np.nanmin(value)), criterion.max_gamma))
    return some, np.array(gamma)


@pytest.mark.parametrize("local", [False, True])
def test_same_doses_agree_everywhere(local: bool) -> None:
    dose = volume(blob)
    result = gamma_index(dose, dose, GammaCriterion(1.0, 0.5, local))
    assert result.judged.max() == 0.0
    assert result.pass_rate == 1.0
    # The cut-off alone decides what is judged.
    assert len(result.judged) == (dose.array >= 0.1 * dose.array.max()).sum()


def test_a_flat_dose_is_judged_by_the_dose_alone() -> None:
    flat = volume(lambda p: np.full(len(p), 10.0))
    more = Volume(np.asarray(flat.array) * 1.013, flat.grid, "dose_gy")
    np.testing.assert_allclose(gamma_index(flat, more, TWO_PERCENT_1_MM).gamma, 0.65, rtol=1e-5)


@given(
    slope=st.floats(0.2, 5.0),
    shift=st.floats(-0.8, 0.8),
    percent=st.floats(1.0, 5.0),
    distance=st.floats(0.5, 2.0),
)
@settings(max_examples=25, deadline=None)
def test_a_shifted_slope_has_the_closed_form(
    slope: float, shift: float, percent: float, distance: float
) -> None:
    """gamma = g d / sqrt(dD^2 + (g DTA)^2) for a dose g x that is shifted by d."""
    first = volume(lambda p: 50.0 + slope * p[:, 0])
    second = volume(lambda p: 50.0 + slope * (p[:, 0] - shift))
    criterion = GammaCriterion(percent, distance, max_gamma=3.0)
    gamma = gamma_index(first, second, criterion, normalisation_gy=50.0).gamma
    exact = abs(slope * shift) / np.hypot(percent / 100 * 50.0, slope * distance)
    inner = gamma[:, :, 3:-3]
    np.testing.assert_allclose(inner, min(exact, 3.0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "criterion",
    [
        TWO_PERCENT_1_MM,
        ONE_PERCENT_HALF_MM,
        GammaCriterion(2.0, 1.0, local=True, cutoff_percent=20.0, max_gamma=1.5),
    ],
)
def test_the_kernel_is_the_definition(criterion: GammaCriterion) -> None:
    reference = volume(blob, 2.0)
    evaluated = volume(lambda p: 1.01 * blob(p, (0.4, -0.3, 0.2)), 1.3, (0.3, -0.2, 0.1))
    fast = gamma_index(reference, evaluated, criterion).gamma
    some, slow = slow_gamma(reference, evaluated, criterion)
    np.testing.assert_allclose(fast.ravel()[some], slow, atol=0.02)
    assert np.ptp(slow) > 0.3


def test_narrower_criteria_pass_less() -> None:
    reference, evaluated = volume(blob), volume(lambda p: blob(p, (0.6, 0.0, 0.0)))
    wide = gamma_index(reference, evaluated, TWO_PERCENT_1_MM)
    narrow = gamma_index(reference, evaluated, ONE_PERCENT_HALF_MM)
    assert narrow.pass_rate < wide.pass_rate == 1.0
    assert (narrow.judged >= wide.judged - 1e-3).all()


def test_a_voxel_with_nothing_to_compare_is_not_judged() -> None:
    reference = volume(blob)
    away = volume(blob, shift=(40.0, 0.0, 0.0))
    result = gamma_index(reference, away, TWO_PERCENT_1_MM)
    assert len(result.judged) == 0
    assert result.pass_rate == 0.0


def test_nonsense_is_refused() -> None:
    dose = volume(blob)
    patient = Volume(
        dose.array, Grid(dose.grid.shape, (1, 1, 1), (0, 0, 0), Frame.PATIENT), "dose_gy"
    )
    with pytest.raises(ValueError, match="different frames"):
        gamma_index(dose, patient, TWO_PERCENT_1_MM)
    with pytest.raises(ValueError, match="positive numbers"):
        GammaCriterion(2.0, 0.0)
    nothing = Volume(np.zeros(dose.grid.shape), dose.grid, "dose_gy")
    with pytest.raises(ValueError, match="normalisation dose"):
        gamma_index(nothing, dose, TWO_PERCENT_1_MM)


@pytest.mark.parametrize("criterion", [TWO_PERCENT_1_MM, ONE_PERCENT_HALF_MM])
def test_pymedphys_agrees(criterion: GammaCriterion) -> None:
    if importlib.util.find_spec("pymedphys") is None:
        pytest.skip("pymedphys is not installed")
    import pymedphys

    reference = volume(blob, 1.0)
    evaluated = volume(lambda p: 1.008 * blob(p, (0.5, -0.2, 0.3)), 0.8)
    ours = gamma_index(reference, evaluated, criterion)
    theirs = pymedphys.gamma(
        reference.grid.axes()[::-1],
        np.asarray(reference.array),
        evaluated.grid.axes()[::-1],
        np.asarray(evaluated.array),
        criterion.dose_percent,
        criterion.distance_mm,
        lower_percent_dose_cutoff=criterion.cutoff_percent,
        interp_fraction=20,
        max_gamma=criterion.max_gamma,
    )
    both = np.isfinite(theirs) & np.isfinite(ours.gamma)
    assert both.sum() >= 0.95 * len(ours.judged)
    # It looks at nodes of a twentieth of the distance, so that its gamma is a little too large.
    difference = (ours.gamma - theirs)[both]
    assert difference.max() < 0.02
    assert difference.min() > -0.15
    assert abs(difference.mean()) < 0.03
