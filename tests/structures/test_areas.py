"""How areas go on between slices and beyond them, against shapes whose areas have a formula."""

from __future__ import annotations

import numpy as np
import pytest

from gkplan.frames import Array
from gkplan.structures.areas import End, bends, end_of
from gkplan.structures.planes import Run, opened, runs_of

UNEVEN = np.array([0.0, 1.0, 2.5, 3.0, 4.5])


def test_a_ball_has_the_same_bend_everywhere() -> None:
    areas = np.pi * (36.0 - (UNEVEN - 3.1) ** 2)
    np.testing.assert_allclose(bends(UNEVEN, areas), -np.pi)


def test_a_jump_of_the_areas_is_not_rounded() -> None:
    """Nor does the level before or behind it swing."""
    jump = bends(np.arange(6.0), np.array([1.0, 1.0, 1.0, 5.0, 5.0, 5.0]))
    np.testing.assert_array_equal(jump, 0.0)


def test_areas_between_never_fall_below_zero() -> None:
    """Through the last three the parabola has a hollow of -1.2 between the first two."""
    heights, areas = np.arange(3.0), np.array([0.01, 0.02, 10.0])
    bend = bends(heights, areas)[0]
    f = np.linspace(0.0, 1.0, 101)
    assert (0.01 + 0.01 * f + bend * f * (f - 1) > 0.0).all()


@pytest.mark.parametrize("end_mm", [0.05, 0.5, 0.999])
def test_round_and_pointed_ends_lie_where_they_are(end_mm: float) -> None:
    """Of a ball of 6 mm and of a cone, end_mm beyond the last slice, the next one 1 mm beyond."""
    ends = {
        "ball": end_of(UNEVEN, np.pi * (36.0 - (UNEVEN + end_mm - 6.0) ** 2), 1.0),
        "cone": end_of(UNEVEN, 0.8 * (UNEVEN + end_mm) ** 2, 1.0),
    }
    for end in ends.values():
        assert end.tip_mm == pytest.approx(end_mm, abs=1e-6)
        assert end.cut_mm == 1.0


@pytest.mark.parametrize(
    "areas", [[4.0, 4.0, 4.0], [5.0, 4.0, 3.0], [9.0, 4.0, 1.0], [4.0, 4.2, 4.1], [3.0, 5.0]]
)
def test_what_does_not_come_to_nothing_is_cut_off_half_way(areas: list[float]) -> None:
    """A prism, a base, an uneven prism, and two slices, that do not tell a ball from a cone."""
    assert end_of(np.arange(float(len(areas))), np.array(areas), 1.0).cut_mm == 0.5


def _volume(end: End) -> float:
    z = np.linspace(0.0, min(end.tip_mm, end.cut_mm), 2001)
    at = np.array([end.at(t) for t in z])
    return float(((at[1:] + at[:-1]) / 2 * np.diff(z)).sum())


def test_ends_do_not_jump_from_round_to_flat() -> None:
    """The slice before the last grows from that of a prism to three times the last, step by step.

    The volume of the end follows without a jump and stays near that of half a spacing until the
    end is round.
    """
    before = np.linspace(1.0, 3.0, 401)
    ends = [end_of(np.arange(3.0), np.array([1.0, b, 2 * b - 1.0]), 1.0) for b in before]
    volumes = np.array([_volume(end) for end in ends])
    assert np.abs(np.diff(volumes)).max() < 0.01
    assert 0.5 == volumes[0] > volumes[-1] == pytest.approx(0.25, abs=0.01)
    assert np.abs(volumes[before < 2.0] - 0.5).max() < 0.07


def _runs(heights: Array, has: str, even: bool = True) -> list[Run]:
    return runs_of(heights, [c == "x" for c in has], 1.0, even)


def test_pieces_and_how_far_the_next_slices_are() -> None:
    """A missing slice is bridged, one without the rings parts, and so do two missing ones."""
    heights = np.array([0.0, 1.0, 3.0, 4.0, 5.0, 8.0])
    assert _runs(heights, "xxxx.x") == [Run(0, 3, (1.0, 1.0)), Run(5, 5, (1.0, 1.0))]
    assert _runs(heights, ".xx.xx") == [
        Run(1, 2, (1.0, 1.0)), Run(4, 4, (1.0, 1.0)), Run(5, 5, (1.0, 1.0))
    ]  # fmt: skip
    assert _runs(heights, "x.xxxx")[1].reach_mm == (2.0, 1.0)
    assert _runs(np.array([0.0, 1.8, 3.0]), "xxx", even=False) == [Run(0, 2, (1.8, 1.2))]


def test_parts_do_not_meet_half_way_across_a_gap() -> None:
    """The last slices of both are 2.2 mm apart, the gap between them is of 2.3 mm."""
    heights = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 6.2, 8.5, 10.7, 11.7, 12.7, 13.7, 14.7])
    low, high = _runs(heights, "x" * 12, even=False)
    assert low.reach_mm[1] == high.reach_mm[0] == pytest.approx(1.025)
    assert low.reach_mm[1] + high.reach_mm[0] < 2.3 - 0.2


def test_a_hole_on_the_last_slice_of_its_outline_is_open_there() -> None:
    outline, hole = Run(0, 5, (1.0, 1.5)), Run(2, 5, (1.0, 1.0))
    assert opened([hole], [outline]) == [Run(2, 5, (1.0, 1.5), (False, True))]


def test_an_open_end_goes_on_as_far_as_its_reach() -> None:
    assert end_of(np.arange(3.0), np.full(3, 4.0), 1.0, is_open=True).cut_mm == 1.0
