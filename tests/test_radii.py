"""Skulls from measured radii: what is reproduced, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gkplan.errors import CaseError
from gkplan.frames import LEKSELL_CENTER_MM
from gkplan.load import load_case
from gkplan.solids import Ellipsoid, LevelSet, default_directions, solid_from_radii
from gkplan.solids.intervals import length_ahead
from tests.surfaces import directions, radii_of

CENTER = np.array(LEKSELL_CENTER_MM)


def test_the_default_directions_are_24_over_the_upper_half() -> None:
    toward = default_directions()
    assert toward.shape == (24, 3)
    assert np.linalg.norm(toward, axis=1) == pytest.approx(np.ones(24))
    assert (toward[:, 2] <= 0.0).all()  # Leksell z points down
    assert toward[0] == pytest.approx([1.0, 0.0, 0.0])
    assert toward[2] == pytest.approx([0.0, 1.0, 0.0], abs=1e-12)


@settings(max_examples=8, deadline=None)
@given(st.floats(55, 110))
def test_a_sphere_comes_back(radius: float) -> None:
    skull = solid_from_radii(np.full(24, radius))
    length = length_ahead(skull.intervals(CENTER, directions(500)))
    assert np.abs(length - radius).max() < 0.02


@settings(max_examples=8, deadline=None)
@given(st.tuples(*[st.floats(80, 100)] * 3))
def test_an_ellipsoid_about_the_center_comes_back(axes: tuple[float, float, float]) -> None:
    shape = Ellipsoid(LEKSELL_CENTER_MM, axes)
    toward = directions(500)
    error = length_ahead(radii_of(shape, CENTER).intervals(CENTER, toward))
    assert np.abs(error - length_ahead(shape.intervals(CENTER, toward))).max() < 0.02


def test_an_ellipsoid_off_the_center_comes_back_where_it_was_measured() -> None:
    shape = Ellipsoid((100.0, 90.0, 110.0), (78.0, 95.0, 85.0))
    skull = radii_of(shape, CENTER)
    toward = directions(3000)
    error = np.abs(
        length_ahead(skull.intervals(CENTER, toward))
        - length_ahead(shape.intervals(CENTER, toward))
    )
    up = -np.rad2deg(np.arcsin(toward[:, 2]))
    assert error[up > 0.0].max() < 0.1
    assert error[up > -20.0].max() < 0.3
    assert error.max() < 1.0


def test_the_surface_goes_through_every_measured_point_and_stays_near_them() -> None:
    radii = 85.0 + np.random.default_rng(5).normal(scale=3.0, size=24)
    skull = solid_from_radii(radii)
    back = length_ahead(skull.intervals(CENTER, default_directions()))
    assert np.abs(back - radii).max() < 0.1
    everywhere = length_ahead(skull.intervals(CENTER, directions(2000)))
    assert everywhere.min() > 0.69 * radii.min()
    assert everywhere.max() < 1.31 * radii.max()


@pytest.mark.parametrize(
    ("radii", "toward", "complaint"),
    [
        (np.full(23, 80.0), None, "direction"),
        (np.full(5, 80.0), np.eye(5, 3), "at least 8"),
        (np.append(np.full(23, 80.0), 800.0), None, "number 24 is 800"),
        (np.append(np.full(23, 80.0), np.nan), None, "number 24 is nan"),
        (np.full(9, 80.0), np.zeros((9, 3)), "zero"),
        (np.full(9, 80.0), np.repeat(np.eye(3), 3, axis=0), "are the same"),
        (np.full(8, 80.0), default_directions()[:8], "one plane"),
    ],
)
def test_what_tells_no_surface_is_refused(radii, toward, complaint: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=complaint):
        solid_from_radii(radii, toward)


def test_a_phantom_whose_head_is_radii(tmp_path: Path) -> None:
    file = tmp_path / "radii.toml"
    text = """
schema = "gkplan-phantom/1"
title = "a skull of 24 radii"
source = "test"
surface = "skull"
[[tissue]]
name = "skull"
density_g_cm3 = 1.0
hu = 0
shape.radii = { radii_mm = [%s] }
"""
    file.write_text(text % ", ".join(["81.5"] * 24))
    head = load_case(str(file)).head
    assert isinstance(head.surface, LevelSet)
    assert head.contains(np.array([[100.0, 181.0, 100.0], [100.0, 182.0, 100.0]])).tolist() == [
        True,
        False,
    ]
    file.write_text(text % "80.0, 81.0")
    with pytest.raises(CaseError, match=r"radii\.toml: .*shape\.radii: .*at least 8 radii"):
        load_case(str(file))
