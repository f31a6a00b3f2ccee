"""Radiological depth: exact paths, the twin, what must stay as it is, and bad heads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gkplan.case import Case
from gkplan.cli import main
from gkplan.dose import PlanDose, ReferenceEngine, TmrEngine
from gkplan.dose.densities import Densities, densities_of
from gkplan.dose.reference import water_ahead
from gkplan.errors import CaseError, PlanError
from gkplan.frames import Frame, RigidTransform
from gkplan.grid import Grid, Volume
from gkplan.head import Head, Tissue, surface_distances
from gkplan.load import load_case
from gkplan.plan import Plan
from gkplan.planfile import read_plan, write_plan
from gkplan.shot import Shot
from gkplan.solids import Ellipsoid
from tests.dose.example import UNIT, mixed_shots

# Bone, air and cells are near on all sides here.
PETROUS = (125.0, 84.0, 138.0)
CENTER = (100.0, 100.0, 100.0)


@pytest.fixture(scope="module")
def case() -> Case:
    return load_case("vestibular-schwannoma")


@pytest.fixture(scope="module")
def engine(case: Case) -> TmrEngine:
    return TmrEngine(UNIT, case.head, 3.0, depth="radiological")


def sphere(density: float, radius: float = 80.0) -> Head:
    ball = Ellipsoid(CENTER, (radius,) * 3)
    return Head("sphere", ball, (Tissue("all", ball, density, 0.0),))


def rays(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(count, 3))
    directions[:3] = np.eye(3)
    directions[3] = (-1.0, 0.0, 0.0)
    return (
        rng.normal(6.0, 4.0, (count, 3)),
        directions / np.linalg.norm(directions, axis=1)[:, None],
    )


def test_paths_through_random_voxels_are_those_between_their_borders() -> None:
    rng = np.random.default_rng(1)
    values = rng.uniform(0.0, 2.0, (9, 11, 7)).astype(np.float32)
    values[rng.random(values.shape) < 0.4] = 0.0
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    for affine in (np.eye(3), np.diag([0.5, 1.0, 2.0]), 0.7 * turn):
        matter = Densities(values, np.column_stack([affine, [0.3, -0.2, 0.1]]))
        origins, directions = rays(40, 2)
        got = matter.ahead(origins, directions, 40.0, 40)
        along = 40.0 - 2.0 * np.arange(40)
        for number in range(40):
            wanted = water_ahead(matter, origins[number], directions[number], along)
            np.testing.assert_allclose(got[number], wanted, atol=1e-4)


def test_a_ray_adds_up_slabs() -> None:
    """Bone of 6 mm, 20 mm of air, water elsewhere, from the outside to behind the box."""
    values = np.ones((100, 3, 3), dtype=np.float32)
    values[10:16], values[40:60] = 1.85, 0.0012
    affine = np.column_stack([np.eye(3)[::-1], [-0.5, 1.0, 1.0]])
    matter = Densities(values, affine)
    # Toward the source is -z: it enters at z = 0.
    got = matter.ahead(np.array([[0.0, 0.0, 80.0]]), np.array([[0.0, 0.0, -1.0]]), 90.0, 70)[0]
    z = 80.0 - (90.0 - 2.0 * np.arange(70))
    bone = np.clip(z - 10.0, 0.0, 6.0)
    air = np.clip(z - 40.0, 0.0, 20.0)
    wanted = np.maximum(z, 0.0) + 0.85 * bone - (1.0 - 0.0012) * air
    np.testing.assert_allclose(got, wanted, atol=1e-4)


def test_a_head_of_water_has_the_geometric_depth() -> None:
    """Within half a voxel of depth, along every beam and so in the dose."""
    head = sphere(1.0)
    shots = mixed_shots(3)
    rng = np.random.default_rng(3)
    points = rng.normal((112.0, 108.0, 95.0), 20.0, (600, 3))
    deep, plain = (
        TmrEngine(UNIT, head, 3.0, depth=depth) for depth in ("radiological", "geometric")
    )
    beams = plain.beams(shots)
    ahead = densities_of(head).ahead(beams.focus_mm, beams.directions, 0.0, 1)[:, 0]
    apart = ahead - surface_distances(head.surface, beams.focus_mm, beams.directions)
    assert np.abs(apart).max() < 0.5 * np.sqrt(3)
    assert abs(apart.mean()) < 0.1
    half = 0.5 * max(float(c.attenuation_per_mm.max()) for c in UNIT.collimators)
    expected = plain.dose(points, shots)
    assert np.abs(deep.dose(points, shots) - expected).max() <= half * expected.max()


def test_a_denser_sphere_attenuates_as_a_larger_one() -> None:
    """At the centre only the depth matters: 80 mm of a density of 1.05 are 84 mm of water."""
    shot = [Shot(CENTER, (8,) * 8, 1.0)]
    at = np.array([CENTER])
    # 1.04 is brain: its electrons, as its mass, beside water's.
    electrons = float(densities_of(sphere(1.04)).values.max())
    assert electrons == pytest.approx(1.04 * 0.5516 / 0.5551, rel=0.002)
    dense = TmrEngine(UNIT, sphere(1.04), 3.0, depth="radiological").dose(at, shot)[0]
    larger = TmrEngine(UNIT, sphere(1.0, 80.0 * electrons), 3.0).dose(at, shot)[0]
    assert dense == pytest.approx(larger, rel=1e-3)


def test_kernels_agree_with_the_twin_in_bone_and_air(case: Case, engine: TmrEngine) -> None:
    shots = [
        Shot(PETROUS, (4, 8, 16, 4, 8, 16, 8, 8), 2.0),
        Shot((105.0, 160.0, 110.0), (8,) * 8, 1),
    ]
    rng = np.random.default_rng(4)
    points = np.concatenate([np.array(PETROUS) + rng.normal(0, s, (50, 3)) for s in (3, 8, 40)])
    slow = ReferenceEngine(UNIT, case.head, 3.0, depth="radiological").dose(points, shots)
    peak = slow.max()
    assert np.abs(engine.dose(points, shots) - slow).max() <= 5e-4 * peak
    water = TmrEngine(UNIT, case.head, 3.0).dose(points, shots)
    assert np.abs(water - slow).max() > 0.03 * peak

    grid = Grid.around([np.array(PETROUS) - 12.0, np.array(PETROUS) + 12.0], 1.5, Frame.LEKSELL)
    chosen = rng.choice(grid.size, 60, replace=False)
    there = ReferenceEngine(UNIT, case.head, 3.0, depth="radiological").dose(
        grid.points()[chosen], shots
    )
    assert np.abs(engine.dose_on(grid, shots).ravel()[chosen] - there).max() <= 1.5e-3 * peak
    # One shot longer: only that is computed, with its densities.
    later = [replace(shots[0], time_min=3.0), shots[1]]
    changed = PlanDose.of(engine, grid, shots).with_shots(later).dose_gy
    np.testing.assert_allclose(changed, engine.dose_on(grid, later), atol=1e-4 * peak)


def test_sectors_of_the_influence_add_up_to_the_dose(engine: TmrEngine) -> None:
    rng = np.random.default_rng(5)
    points = rng.normal(PETROUS, 8.0, (300, 3))
    points = points[engine.head.contains(points)]
    rates = engine.influence(points, np.array([PETROUS]))[0].sum(axis=0)
    water = replace(engine, depth="geometric").influence(points, np.array([PETROUS]))[0].sum(axis=0)
    for size, rate in zip(UNIT.collimator_sizes_mm, rates, strict=True):
        dose = engine.dose(points, [Shot(PETROUS, (size,) * 8, 1.0)])
        assert np.abs(rate - dose).max() <= 6e-3 * dose.max()
    assert np.abs(water - rates).max() > 0.03 * rates.max()


def test_every_isocentre_has_its_own_depths(case: Case, engine: TmrEngine) -> None:
    rng = np.random.default_rng(6)
    points = rng.normal(PETROUS, 8.0, (60, 3))
    isocenters = np.array(PETROUS) + np.array([[0, 0, 0], [14, 0, 3], [-9, 12, -8], [2, -15, 6]])
    rates = engine.influence(points, isocenters)
    twin = ReferenceEngine(UNIT, case.head, 3.0, depth="radiological")
    for number, place in enumerate(isocenters):
        x, y, z = (float(c) for c in place)
        peak = twin.dose(place[None], [Shot((x, y, z), (8,) * 8, 1.0)])[0]
        for sector in (0, 3):
            state = [0] * 8
            state[sector] = 8
            alone = twin.dose(points[:40], [Shot((x, y, z), tuple(state), 1.0)])
            assert np.abs(rates[number, sector, 1, :40] - alone).max() <= 2.5e-3 * peak


def test_the_densities_move_with_the_head(case: Case, engine: TmrEngine) -> None:
    """A shift of the head is the opposite shift of the isocentres; a turn is not nothing."""
    shift = np.array([2.0, -1.0, 0.5])
    shot = Shot(PETROUS, (8,) * 8, 1.0)
    back = replace(shot, isocenter_mm=tuple(float(c) for c in np.array(PETROUS) - shift))
    points = np.random.default_rng(6).normal(PETROUS, 6.0, (200, 3))
    motion = RigidTransform(np.eye(3), shift, Frame.LEKSELL, Frame.LEKSELL)
    moved = engine.after(motion).dose(motion(points), [shot])
    expected = engine.dose(points, [back])
    np.testing.assert_allclose(moved, expected, atol=5e-4 * expected.max())


def test_the_depth_of_a_plan_is_kept(case: Case, tmp_path: Path) -> None:
    plan = Plan(case, UNIT, "perfexion", (Shot(PETROUS, (8,) * 8, 9.0),), depth="radiological")
    write_plan(plan, tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json").depth == "radiological"
    text = (tmp_path / "plan.json").read_text().replace('"radiological"', '"magic"')
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(PlanError, match=r"depth: expected geometric or radiological, got 'magic'"):
        read_plan(tmp_path / "plan.json")


def test_heads_without_densities_are_refused() -> None:
    ball = Ellipsoid(CENTER, (80.0,) * 3)
    with pytest.raises(CaseError, match=r"neither tissues nor an image.*--depth geometric"):
        TmrEngine(UNIT, Head("bare", ball), 3.0, depth="radiological")
    grid = Grid.around(ball.bounds, 8.0, Frame.LEKSELL)
    scan = Volume(np.full(grid.shape, 300, dtype=np.int16), grid, "mr_signal")
    with pytest.raises(CaseError, match=r"mr_signal, not CT numbers.*--depth geometric"):
        TmrEngine(UNIT, Head("mr", ball, image=scan), 3.0, depth="radiological")
    with pytest.raises(CaseError, match="negative or missing"):
        TmrEngine(UNIT, sphere(-1.0), 3.0, depth="radiological")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--depth", "deep"], "--depth: expected geometric or radiological, got 'deep'"),
        (["--engine", "magic"], "expected one of tmr, tmr-radiological, montecarlo"),
        (["--engine", "tmr-radiological", "--depth", "geometric"], "expected one of the two"),
        (["--engine", "montecarlo", "--depth", "radiological"], "--depth is for tmr"),
    ],
)
def test_options_that_cannot_be_are_one_sentence(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "plan.json", *options]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
