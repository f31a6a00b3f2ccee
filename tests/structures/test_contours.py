"""Solids from contours: volumes and histograms of shapes that have a formula, holes, gaps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from gkplan.case.phantom import volume_cc
from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.metrics.dvh import SampledDose
from gkplan.metrics.sampling import sampled_dose
from gkplan.shot import Shot
from gkplan.solids import LevelSet
from gkplan.structures import Structure, solid_from_contours
from gkplan.structures.model import Role

AROUND = np.linspace(0.0, 2 * np.pi, 48, endpoint=False)
# Volume over the cube of the size: a radius, that of an outer ball, a height, half a height.
_FORM = {
    "sphere": 4 / 3 * np.pi,
    "shell": 4 / 3 * np.pi * (1 - 0.7**3),
    "cone": np.pi / 12,
    "cylinder": 2 * np.pi,
}


def rings(radius: Callable[[float], float], heights: Array) -> list[Array]:
    circle = np.stack([np.cos(AROUND), np.sin(AROUND)], axis=1)
    # A polygon of 48 corners with the area of the circle.
    circle *= np.sqrt(2 * np.pi / (48 * np.sin(2 * np.pi / 48)))
    return [
        np.column_stack([100 + radius(z) * circle, np.full(48, z)])
        for z in heights
        if radius(z) > 1e-3
    ]


def _ball(size: float, z: float) -> float:
    return float(np.sqrt(max(size**2 - (z - 100.0) ** 2, 0.0)))


@dataclass(frozen=True)
class Shape:
    """A shape of a stated volume, drawn slice by slice.

    A cone, as wide as high, and a cylinder begin half a slice before their first contour: a stack
    says no more of where they end. The hole of a shell has 0.7 of its radius.
    """

    name: str
    cc: float
    step_mm: float

    @property
    def size_mm(self) -> float:
        """Radius of a ball, height of a cone, half the height of a cylinder (in whole slices)."""
        size = float((1000 * self.cc / _FORM[self.name]) ** (1 / 3))
        if self.name != "cylinder":
            return size
        return max(round(2 * size / self.step_mm), 1) * self.step_mm / 2

    def outlines(self) -> list[Array]:
        size = self.size_mm
        upward = 100.0 + self.step_mm * (np.arange(200) + 0.5)
        if self.name == "cone":
            return rings(lambda z: max(1 - (z - 100.0) / size, 0.0) * size / 2, upward)
        if self.name == "cylinder":
            radius = float(np.sqrt(1000 * self.cc / (np.pi * 2 * size)))
            return rings(lambda z: radius if z < 100.0 + 2 * size else 0.0, upward)
        heights = 100.0 + self.step_mm * (np.arange(-90, 90) + 0.3)
        return rings(lambda z: _ball(size, z), heights)

    def holes(self) -> list[Array]:
        if self.name != "shell":
            return []
        heights = 100.0 + self.step_mm * (np.arange(-90, 90) + 0.3)
        return rings(lambda z: _ball(0.7 * self.size_mm, z), heights)

    def solid(self) -> LevelSet:
        return solid_from_contours([*self.outlines(), *self.holes()], self.name, self.step_mm)

    def dose(self, points_mm: Array, shots: Sequence[Shot] = ()) -> Array:
        """Falls evenly, from 200 Gy: from the middle, or from the base."""
        away = points_mm - 100.0
        if self.name in ("cone", "cylinder"):
            return np.asarray(200.0 - away[:, 2])
        return np.asarray(200.0 - np.linalg.norm(away, axis=1))

    def part_above(self, dose_gy: float) -> float:
        """Of the volume, the part that receives `dose_gy`."""
        part = (200.0 - dose_gy) / self.size_mm
        if self.name == "cylinder":
            return part / 2
        if self.name == "cone":
            return float(1 - (1 - part) ** 3)
        hollow = 0.7**3 if self.name == "shell" else 0.0
        return float((part**3 - hollow) / (1 - hollow))


SHAPES = ("sphere", "cone", "cylinder", "shell")


def judged(shape: Shape, role: Role) -> SampledDose:
    return sampled_dose(Structure(shape.name, role, shape.solid()), [], shape)


@pytest.mark.parametrize("role", ["target", "oar"])
@pytest.mark.parametrize(("cc", "step"), [(0.05, 1.0), (0.1, 1.0), (0.5, 1.0), (10.0, 1.0)])
@pytest.mark.parametrize("name", SHAPES)
def test_small_volumes_come_out_right(name: str, cc: float, step: float, role: Role) -> None:
    shape = Shape(name, cc, step)
    assert judged(shape, role).volume_cc.sum() == pytest.approx(cc, rel=0.01)
    told = volume_cc(Structure(name, role, shape.solid()))
    assert told == pytest.approx(cc, rel=0.01)


def _drawn(half_axes: Array, turn_deg: float, heights: Array) -> list[Array]:
    """Sections of an ellipsoid about (100, 100, 100), turned about the y axis."""
    a = np.deg2rad(turn_deg)
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    form = turn @ np.diag(half_axes**-2.0) @ turn.T
    lean = np.linalg.solve(form[:2, :2], form[:2, 2])
    to_ellipse = np.linalg.inv(np.linalg.cholesky(form[:2, :2]))
    circle = rings(lambda _: 1.0, np.zeros(1))[0][:, :2] - 100.0
    found = []
    for z in heights - 100.0:
        left = 1.0 - (form[2, 2] - form[2, :2] @ lean) * z**2
        if left > 1e-6:
            ring = 100.0 - lean * z + np.sqrt(left) * circle @ to_ellipse
            found.append(np.column_stack([ring, np.full(len(ring), 100.0 + z)]))
    return found


def _volume(drawn: Sequence[Array], step_mm: float | None) -> float:
    return volume_cc(Structure("drawn", "oar", solid_from_contours(drawn, "drawn", step_mm)))


@pytest.mark.parametrize("phase", [0.0, 0.2, 0.4, 0.6, 0.8])
@pytest.mark.parametrize(("cc", "step"), [(0.05, 1.0), (0.3, 1.0), (1.0, 3.0)])
@pytest.mark.parametrize(
    ("form", "turn"), [((1.0, 1.0, 1.0), 0.0), ((1.3, 0.9, 0.85), 0.0), ((1.4, 0.85, 0.84), 35.0)]
)
def test_ellipsoids_wherever_the_slices_lie(
    form: tuple[float, float, float], turn: float, cc: float, step: float, phase: float
) -> None:
    """The sum of the areas is off by up to 6 % for them."""
    size = (1000 * cc / (4 / 3 * np.pi * np.prod(form))) ** (1 / 3)
    heights = 100.0 + step * (np.arange(-12, 13) + phase)
    got = _volume(_drawn(size * np.array(form), turn, heights), step)
    assert got == pytest.approx(cc, rel=0.005)


@pytest.mark.parametrize("phase", [0.1, 0.35, 0.6, 0.85])
def test_small_shells_wherever_the_slices_lie(phase: float) -> None:
    heights = 100.0 + np.arange(-9, 10) + phase
    size = Shape("shell", 0.05, 1.0).size_mm
    drawn = [r for s in (size, 0.7 * size) for r in rings(lambda z, s=s: _ball(s, z), heights)]
    assert _volume(drawn, 1.0) == pytest.approx(0.05, rel=0.01)


def test_an_end_lies_where_the_ball_ends() -> None:
    heights = 100.0 + np.arange(-8.0, 9.0) + 0.3
    solid = solid_from_contours(rings(lambda z: _ball(4.4, z), heights), "ball", 1.0)
    t = solid.intervals(np.array([[100.0, 100.0, 0.0]]), np.array([[0.0, 0.0, 1.0]]))
    np.testing.assert_allclose(t[0, 0], [95.6, 104.4], atol=0.05)


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_cylinder_ends_half_a_spacing_on(noise: float) -> None:
    """Also if its contours are drawn a little unevenly: they do not shrink to nothing."""
    drawn = 5.0 * (1 + noise * np.random.default_rng(7).normal(size=8))
    radius = dict(zip(100.0 + 1.5 * np.arange(8), drawn, strict=True))
    solid = solid_from_contours(rings(lambda z: radius[z], np.array([*radius])), "rod", 1.5)
    rays = np.array([[100.0, 100.0, 0.0], [103.0, 102.0, 0.0]])
    t = solid.intervals(rays, np.tile([0.0, 0.0, 1.0], (2, 1)))
    np.testing.assert_allclose(t[:, 0], [[99.25, 111.25]] * 2, atol=0.002)
    wanted = 1.5 * np.pi * np.sum(drawn**2) / 1000
    got = volume_cc(Structure("rod", "oar", solid))
    assert got == pytest.approx(wanted, rel=0.004)


@pytest.mark.parametrize("missing", [2, 5])
def test_a_missing_slice_takes_nothing_off_a_ball(missing: int) -> None:
    heights = np.delete(100.0 + np.arange(-5.0, 6.0) + 0.2, missing)
    got = _volume(rings(lambda z: _ball(5.0, z), heights), 1.0)
    assert got == pytest.approx(4 / 3 * np.pi * 125 / 1000, rel=0.005)


@pytest.mark.parametrize("role", ["target", "oar"])
@pytest.mark.parametrize(("cc", "step"), [(0.05, 1.0), (0.3, 1.0), (1.0, 1.0), (10.0, 1.0)])
@pytest.mark.parametrize("name", SHAPES)
def test_points_of_a_histogram_come_out_right(
    name: str, cc: float, step: float, role: Role
) -> None:
    """Of a dose that falls evenly from the middle or the base: within 0.5 % of the volume."""
    shape = Shape(name, cc, step)
    sample = judged(shape, role)
    for part in (0.1, 0.3, 0.5) if name in ("cone", "cylinder") else (0.8, 0.9):
        dose = 200.0 - part * shape.size_mm
        got = sample.volume_cc[sample.dose_gy >= dose].sum() / sample.volume_cc.sum()
        assert got == pytest.approx(shape.part_above(dose), abs=0.005)


def test_a_hole_ends_as_an_outline_does() -> None:
    """Half-way to the slice that has none: what is cut out is what its rings alone enclose."""
    heights = 100.0 + np.arange(-7.0, 8.0)
    inner = rings(lambda _: 2.0, heights[5:8])
    solid = solid_from_contours([*rings(lambda _: 6.0, heights), *inner], "hollow", 1.0)
    alone = solid_from_contours(inner, "hole", 1.0)
    points = np.random.default_rng(4).uniform(-4.0, 4.0, (20_000, 3)) + 100.0
    hole = alone.contains(points)
    assert hole.any()
    assert np.mean(hole == solid.contains(points)) < 0.002


def test_a_hole_of_a_part_in_a_hole() -> None:
    """Three rings one in another in every slice: the innermost is inside again."""
    heights = 100.0 + np.arange(-5.0, 6.0)
    nest = [ring for r in (3.0, 9.0, 6.0) for ring in rings(lambda _, r=r: r, heights)]
    solid = solid_from_contours(nest, "nest", 1.0)
    places = np.array([[100.0 + x, 100.0, 100.4] for x in (0.0, 4.5, 7.5, 9.5)])
    assert solid.contains(places).tolist() == [True, False, True, False]


def test_contours_at_uneven_distances_keep_the_volume() -> None:
    heights = 100.0 + np.array([-7.0, -6.0, -5.0, -4.0, -2.0, 0.0, 2.0, 4.0, 5.0, 6.0, 7.0])
    solid = solid_from_contours(rings(lambda z: _ball(7.5, z), heights), "ball")
    wanted = 4 / 3 * np.pi * 7.5**3 / 1000
    assert volume_cc(Structure("ball", "oar", solid)) == pytest.approx(wanted, rel=0.004)


def test_far_planes_are_two_parts() -> None:
    heights = 100.0 + np.array([-12.0, -11.0, -10.0, 8.5, 9.5, 10.5])
    solid = solid_from_contours(rings(lambda _: 5.0, heights), "two discs")
    assert volume_cc(Structure("discs", "oar", solid)) == pytest.approx(
        2 * np.pi * 25 * 3.0 / 1000, rel=0.03
    )
    assert not solid.contains(np.array([[100.0, 100.0, 100.0]])).any()


def test_rings_without_an_inside_are_refused() -> None:
    flat = np.array([[90.0, 100.0, 100.0], [100.0, 100.0, 100.0], [110.0, 100.0, 100.0]])
    with pytest.raises(CaseError, match="enclose nothing"):
        solid_from_contours([flat], "line")
