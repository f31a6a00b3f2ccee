"""The dose when everything moves together, and the engine against its twin on every surface."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gkplan.dose import ReferenceEngine, TmrEngine
from gkplan.frames import Array, Frame, RigidTransform, leksell_from_unit
from gkplan.head import Head, surface_from_image
from gkplan.shot import Shot
from gkplan.solids import Ellipsoid, LevelSet, Mesh, Solid
from gkplan.unit import load_unit
from tests.surfaces import MADE, head_with_nose_and_ear, image_of, made, mesh_of

UNIT = load_unit("perfexion")
SHAPE = Ellipsoid((100.3, 98.9, 101.7), (80.0, 100.0, 90.0))
SECTORS = (4, 0, 8, 16, 0, 4, 8, 16)
SHOTS = [
    Shot((112.0, 95.0, 90.0), SECTORS, 2.0),
    Shot((104.0, 102.0, 97.0), (8,) * 8, 1.0, 70.0),
    Shot((95.0, 130.0, 60.0), (0, 16, 4, 0, 8, 8, 0, 4), 1.5, 110.0),
]


def dose(surface: Solid, points: Array, shots: list[Shot]) -> Array:
    return TmrEngine(UNIT, Head("head", surface), 3.0).dose(points, shots)


def points_about(shots: list[Shot], count: int = 60) -> Array:
    rng = np.random.default_rng(2)
    centers = np.array([s.isocenter_mm for s in shots])
    spread = [centers + rng.normal(0, s, (count, 1, 3)) for s in (3.0, 10.0, 40.0)]
    return np.concatenate(spread).reshape(-1, 3)


def at(shot: Shot, place: Array, **changes: object) -> Shot:
    x, y, z = (float(c) for c in place)
    return dataclasses.replace(shot, isocenter_mm=(x, y, z), **changes)  # type: ignore[arg-type]


def moved(surface: Solid, turn: Array, shift: Array) -> Solid:
    """A mesh or a sampled surface after ``q = turn @ p + shift``."""
    if isinstance(surface, Mesh):
        return Mesh(surface.vertices_mm @ turn.T + shift, surface.faces)
    assert isinstance(surface, LevelSet)
    linear = surface.index_from_leksell[:, :3] @ turn.T
    offset = surface.index_from_leksell[:, 3] - linear @ shift
    return LevelSet(surface.values, np.column_stack([linear, offset]))


@pytest.mark.parametrize("name", MADE)
def test_the_engine_agrees_with_its_twin_on_every_surface(name: str) -> None:
    head = Head(name, made(name, SHAPE)[0])
    points = points_about(SHOTS, 10)
    slow = ReferenceEngine(UNIT, head, 3.0).dose(points, SHOTS)
    fast = TmrEngine(UNIT, head, 3.0).dose(points, SHOTS)
    assert np.abs(fast - slow).max() <= 1e-4 * slow.max()


@pytest.mark.parametrize("name", MADE)
def test_the_kind_of_surface_hardly_changes_the_dose(name: str) -> None:
    """By less than the attenuation (0.0065 /mm) over what the surface may be off."""
    points = np.array([s.isocenter_mm for s in SHOTS])
    surface, tolerance = made(name, SHAPE)
    exact = dose(SHAPE, points, SHOTS)
    assert dose(surface, points, SHOTS) == pytest.approx(exact, rel=0.0065 * tolerance + 1e-6)


MOVABLE = ("mesh", "image 2 mm", "contours 3 mm", "radii")


@pytest.fixture(scope="module")
def at_rest() -> list[tuple[Solid, Array]]:
    """Surfaces and the dose in each."""
    points = points_about(SHOTS, 20)
    surfaces = [SHAPE, *(made(name, SHAPE)[0] for name in MOVABLE)]
    return [(surface, dose(surface, points, SHOTS)) for surface in surfaces]


@settings(max_examples=10, deadline=None)
@given(st.tuples(*[st.floats(-300, 300)] * 3))
def test_a_shift_of_everything_changes_nothing(
    at_rest: list[tuple[Solid, Array]], shift: tuple[float, float, float]
) -> None:
    points = points_about(SHOTS, 20)
    x, y, z = np.array(SHAPE.center_mm) + shift
    shots = [at(s, np.array(s.isocenter_mm) + shift) for s in SHOTS]
    for before, here in at_rest:
        if before is SHAPE:
            after: Solid = dataclasses.replace(SHAPE, center_mm=(x, y, z))
        else:
            after = moved(before, np.eye(3), np.array(shift))
        there = dose(after, points + shift, shots)
        assert np.abs(here - there).max() <= 1e-4 * here.max()


@pytest.mark.parametrize("gamma", [70.0, 110.0])
def test_a_gamma_angle_is_a_turn_of_the_head_about_x(gamma: float) -> None:
    (shot, *_) = SHOTS
    place = np.array(shot.isocenter_mm)
    turn = leksell_from_unit(place, gamma).rotation
    shift = place - turn @ place
    points = points_about([shot])
    x, y, z = turn @ np.array(SHAPE.center_mm) + shift
    tilted = Ellipsoid((x, y, z), SHAPE.semi_axes_mm, (gamma - 90.0, 0.0, 0.0))
    for before, after in [
        (SHAPE, tilted),
        *(
            (made(name, SHAPE)[0], moved(made(name, SHAPE)[0], turn, shift))
            for name in ("mesh", "image 2 mm", "contours 3 mm", "radii")
        ),
    ]:
        upright = dose(before, points, [shot])
        with_head = dose(after, points @ turn.T + shift, [at(shot, place, gamma_angle_deg=gamma)])
        assert np.abs(upright - with_head).max() <= 1e-4 * upright.max()
    # And it is the head that matters: without it the depths are others.
    alone = dose(SHAPE, points @ turn.T + shift, [at(shot, place, gamma_angle_deg=gamma)])
    assert np.abs(upright - alone).max() > 1e-3 * upright.max()


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_turn_by_whole_sectors_about_z(steps: int) -> None:
    (shot, *_) = SHOTS
    place = np.array(shot.isocenter_mm)
    angle = np.deg2rad(45.0 * steps)
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0.0], [np.sin(angle), np.cos(angle), 0.0], [0, 0, 1.0]]
    )
    shift = place - turn @ place
    sectors = tuple(int(s) for s in np.roll(shot.sectors, steps))
    points = points_about([shot])
    x, y, z = turn @ np.array(SHAPE.center_mm) + shift
    turned = Ellipsoid((x, y, z), SHAPE.semi_axes_mm, (0.0, 0.0, 45.0 * steps))
    for before, after in [
        (SHAPE, turned),
        (mesh_of(SHAPE, 4), moved(mesh_of(SHAPE, 4), turn, shift)),
    ]:
        here = dose(before, points, [shot])
        there = dose(after, points @ turn.T + shift, [at(shot, place, sectors=sectors)])
        assert np.abs(here - there).max() <= 1e-4 * here.max()


def test_an_oblique_image_gives_the_dose_of_the_head_that_it_shows() -> None:
    """The same voxels, placed by a transform: head, shot and points follow."""
    head = head_with_nose_and_ear()
    scan = image_of(head, (2.0, 2.0, 2.0), parts=2)
    place = np.array([100.0, 100.0, 100.0])
    turn = leksell_from_unit(place, 110.0)
    in_unit = dataclasses.replace(scan, grid=dataclasses.replace(scan.grid, frame=Frame.UNIT))
    leksell = RigidTransform(
        turn.rotation, place - turn.rotation @ place, Frame.UNIT, Frame.LEKSELL
    )
    shot = Shot((100.0, 100.0, 100.0), SECTORS, 1.0)
    points = points_about([shot])
    upright = dose(surface_from_image(scan), points, [shot])
    tilted = surface_from_image(in_unit, leksell_from_image=leksell)
    with_head = dose(tilted, leksell(points), [dataclasses.replace(shot, gamma_angle_deg=110.0)])
    assert np.abs(upright - with_head).max() <= 1e-4 * upright.max()


@pytest.mark.parametrize("name", MADE)
def test_outside_every_surface_the_dose_is_zero(name: str) -> None:
    surface, tolerance = made(name, SHAPE)
    shallow = Shot((100.3, 98.9, 101.7 - 85.0), (16,) * 8, 1.0)
    beyond = np.array([[100.3, 98.9, 101.7 - 90.0 - max(tolerance, 0.01)]])
    assert dose(surface, beyond, [shallow])[0] == 0.0
    below = beyond + np.array([0.0, 0.0, 5.0 + tolerance])
    assert dose(surface, below, [shallow])[0] > 1.0
