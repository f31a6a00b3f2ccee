"""The tables of profiles: what the kernels look up is the profile."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gkplan.dose.tables import Split, _packed
from gkplan.frames import Array
from gkplan.kernels.lookup import (
    CELLS,
    FARTHEST_MM,
    ROW,
    SCALE,
    SHIFT,
    cell_of,
    interpolated,
    row_of,
)
from gkplan.unit.model import OffAxisProfile
from tests.dose.example import UNIT

PROFILES = [p for c in UNIT.collimators for p in c.profiles]
TABLE = _packed(PROFILES)


def looked_up(number: int, square_mm2: float) -> float:
    bits = np.float32(np.float32(square_mm2) + np.float32(SHIFT)).view(np.int32)
    return float(interpolated(TABLE[row_of(number) + cell_of(bits)], bits)) / SCALE


@settings(deadline=None)
@given(st.integers(0, len(PROFILES) - 1), st.floats(0.0, FARTHEST_MM))
def test_a_table_gives_its_profile(number: int, off_axis_mm: float) -> None:
    assert looked_up(number, off_axis_mm**2) == pytest.approx(
        float(PROFILES[number](off_axis_mm)), abs=1e-4
    )


@settings(deadline=None)
@given(st.integers(0, len(PROFILES) - 1))
def test_squares_rounded_to_below_zero_are_on_the_axis(number: int) -> None:
    below = -0.9 * SHIFT / (2 * CELLS)
    for square in (below, -1e-3, -1e-6):
        assert looked_up(number, square) == pytest.approx(1.0, abs=1e-4)


def test_core_and_tail_are_the_profile() -> None:
    r = np.linspace(0.0, 80.0, 500)
    for profile in PROFILES:
        split = Split.of(profile, 1e-4)
        np.testing.assert_allclose(split.core(r) + split.tail(r), profile(r), atol=1e-12)


@pytest.mark.parametrize(("half", "edge"), [(0.5, 0.3), (1.0, 0.05), (30.0, 0.05), (0.2, 0.05)])
def test_any_profile_that_a_unit_may_have_can_be_packed(half: float, edge: float) -> None:
    profile = OffAxisProfile((half,), (edge,), (1.0,))
    assert len(_packed([profile])) == ROW
    split = Split.of(profile, 1e-4)
    assert len(_packed([split.core, split.tail])) == 2 * ROW


def test_what_is_no_profile_is_not_packed() -> None:
    def cliff(r: Array) -> Array:
        return np.where(r < 1.0, 0.0, 1.5)

    with pytest.raises(ValueError, match="not what tables can hold"):
        _packed([cliff])
