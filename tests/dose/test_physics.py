"""The dose as physics: calibration, superposition, decay, symmetry, kernel against twin."""

from __future__ import annotations

import datetime
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gkplan.dose import ReferenceEngine, TmrEngine
from gkplan.frames import leksell_from_unit
from gkplan.head import Head
from gkplan.shot import Shot
from gkplan.solids import Ellipsoid
from gkplan.unit import RadiationUnit, load_unit

CENTER = (100.0, 100.0, 100.0)
UNIT = load_unit("perfexion")
SPHERE = Head("sphere", Ellipsoid(CENTER, (80.0, 80.0, 80.0)))
ENGINE = TmrEngine(UNIT, SPHERE, 3.0)


def rate(sectors: tuple[int, ...], at: tuple[float, float, float] = CENTER) -> float:
    return float(ENGINE.dose(np.array([at]), [Shot(CENTER, sectors, 1.0)])[0])


def test_the_centre_of_the_sphere_has_the_calibration_dose_rate() -> None:
    assert rate((16,) * 8) == pytest.approx(3.0, rel=1e-3)


@pytest.mark.parametrize(("size", "factor"), [(4, 0.814), (8, 0.900)])
def test_output_factors(size: int, factor: float) -> None:
    assert rate((size,) * 8) / 3.0 == pytest.approx(factor, rel=1e-3)


def test_half_the_rate_after_one_half_life() -> None:
    cal = UNIT.calibration
    later = cal.date + datetime.timedelta(days=cal.half_life_days)
    assert cal.dose_rate_on(later) == pytest.approx(cal.dose_rate_gy_per_min / 2, rel=1e-3)


@pytest.mark.parametrize("size", [4, 8, 16])
def test_single_sectors_add_up(size: int) -> None:
    place = (103.0, 98.0, 101.0)
    single = sum(rate(tuple(size if s == k else 0 for s in range(8)), place) for k in range(8))
    assert single == pytest.approx(rate((size,) * 8, place), rel=1e-6)


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.sampled_from([0, 4, 8, 16]), min_size=8, max_size=8).filter(any),
    st.sampled_from([70.0, 90.0, 110.0]),
    st.tuples(*[st.floats(-25, 25)] * 3),
    st.tuples(*[st.floats(60, 95)] * 3),
)
def test_kernel_agrees_with_the_reference(
    sectors: list[int],
    gamma: float,
    offset: tuple[float, float, float],
    axes: tuple[float, float, float],
) -> None:
    head = Head("ellipsoid", Ellipsoid(CENTER, axes, (10.0, 20.0, 30.0)))
    place = tuple(100.0 + o for o in offset)
    shot = Shot((place[0], place[1], place[2]), tuple(sectors), 2.0, gamma)
    rng = np.random.default_rng(1)
    points = np.concatenate([np.array(place) + rng.normal(0, s, (60, 3)) for s in (3, 8, 40)])
    slow = ReferenceEngine(UNIT, head, 3.0).dose(points, [shot])
    fast = TmrEngine(UNIT, head, 3.0).dose(points, [shot])
    assert np.abs(fast - slow).max() <= 1e-4 * slow.max()


def aimed(aim_mm: float) -> RadiationUnit:
    """The unit with every beam of 8 mm aimed beside the focus, along its axis."""
    collimators = tuple(
        replace(c, aim_mm=np.full(UNIT.n_sources, aim_mm)) if c.size_mm == 8 else c
        for c in UNIT.collimators
    )
    return replace(UNIT, collimators=collimators)


@pytest.mark.parametrize("gamma", [70.0, 90.0, 110.0])
def test_beams_that_aim_superior_move_the_dose_superior(gamma: float) -> None:
    """By that much, in the frame of the unit; the kernel and its twin agree about it."""
    turn = leksell_from_unit((0.0, 0.0, 0.0), gamma)
    superior = turn.rotate(np.array([[0.0, 0.0, -1.0]]))[0]
    axis = np.array(CENTER) + np.arange(-9.0, 9.01, 0.05)[:, None] * superior
    shot, engines = Shot(CENTER, (8,) * 8, 1.0, gamma), (TmrEngine, ReferenceEngine)
    for engine in engines:
        straight, moved = (
            np.asarray(engine(aimed(aim), SPHERE, 3.0).dose(axis, [shot])) for aim in (0.0, 0.5)
        )
        # Depth and magnification stay those of the focus: about 0.5 % of tilt is left.
        assert np.abs(moved[10:] - straight[:-10]).max() < 0.012 * straight.max()
    fast, slow = (e(aimed(0.5), SPHERE, 3.0).dose(axis, [shot]) for e in engines)
    assert np.abs(fast - slow).max() <= 1e-4 * slow.max()


def test_dose_outside_the_head_is_zero() -> None:
    assert rate((16,) * 8, (100.0, 100.0, 185.0)) == 0.0


def test_a_turn_by_one_sector_changes_nothing() -> None:
    angle = np.deg2rad(45.0)
    a = rate((8,) * 8, (106.0, 100.0, 101.0))
    b = rate((8,) * 8, (100.0 + 6 * np.cos(angle), 100.0 + 6 * np.sin(angle), 101.0))
    assert a == pytest.approx(b, rel=1e-4)


def test_depth_is_counted_to_the_real_surface() -> None:
    """Two heads that differ by a shell of 10 mm differ by its attenuation at the focus."""
    small = Head("small", Ellipsoid(CENTER, (70.0, 70.0, 70.0)))
    shot = Shot(CENTER, (16,) * 8, 1.0)
    shallow = TmrEngine(UNIT, small, 3.0).dose(np.array([CENTER]), [shot])[0]
    # The composite beam's effective attenuation: 0.0055 to 0.0066 /mm is what is plausible.
    attenuation = np.log(shallow / 3.0) / 10.0
    own = UNIT.collimator(16).attenuation_per_mm
    assert attenuation == pytest.approx(own.mean(), rel=1e-2)
    assert 0.0055 <= attenuation <= 0.0066
