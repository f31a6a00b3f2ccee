"""The independent check against closed forms, and against the lattices of the judging."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import gkplan
from gkplan.bench.plans.independent import EDGE_MM, independent_check
from gkplan.bench.plans.slabs import SlabStack
from gkplan.case import Case
from gkplan.dose.engine import Array32
from gkplan.dose.profiles import AXES, composite_profile
from gkplan.frames import Array, patient_from_leksell
from gkplan.grid import Grid
from gkplan.head import Head
from gkplan.prescription import Prescription
from gkplan.shot import Shot
from gkplan.solids import Ellipsoid
from gkplan.structures import Structure, solid_from_contours

CENTER = (101.2, 97.7, 103.4)
SHOT = Shot(CENTER, (8,) * 8, 1.0)


@dataclass(frozen=True)
class BallDose:
    """A dose that falls as r**-4 from a centre and has `dose_gy` at `radius_mm`."""

    centers: tuple[tuple[float, float, float], ...]
    radius_mm: float
    dose_gy: float
    name: str = "ball"

    def dose(self, points_mm: Array, shots: Sequence[Shot]) -> Array:
        r = np.min([np.linalg.norm(points_mm - c, axis=1) for c in self.centers], axis=0)
        return np.asarray(self.dose_gy * (self.radius_mm / np.maximum(r, 0.1)) ** 4)

    def dose_on(self, grid: Grid, shots: Sequence[Shot]) -> Array32:
        raise NotImplementedError


def balls(
    radius: float, *centers: tuple[float, float, float], isodose: tuple[float, float] = (0.4, 0.7)
) -> Case:
    names = [f"target {n}" for n in range(len(centers))]
    return Case(
        "balls", "phantom", "balls", "", "made in a test",
        Head("ball", Ellipsoid((100.0, 100.0, 100.0), (80.0,) * 3)),
        tuple(
            Structure(name, "target", Ellipsoid(c, (radius,) * 3))
            for name, c in zip(names, centers, strict=True)
        ),
        tuple(Prescription(name, 12.0, isodose) for name in names), (),
        patient_from_leksell((0.0, 0.0, 0.0)),
    )  # fmt: skip


@pytest.mark.parametrize("of_dose", [0.9, 1.0, 1.15])
def test_concentric_balls_have_the_ratio_of_their_volumes(of_dose: float) -> None:
    """With radii a of the target and b of the dose: coverage (b/a)^3 up to 1, PCI their ratio."""
    sampled, slab = independent_check(
        balls(5.0, CENTER), [SHOT], BallDose((CENTER,), 5.0 * of_dose, 12.0)
    )
    assert sampled.coverage == pytest.approx(min(of_dose**3, 1.0), abs=2e-3)
    assert sampled.paddick_index == pytest.approx(min(of_dose**3, of_dose**-3), abs=5e-3)
    assert slab is None


def test_two_targets_count_together() -> None:
    centers = (CENTER, (130.0, 97.0, 103.0))
    case = balls(4.0, *centers)
    one, _ = independent_check(case, [SHOT], BallDose(centers[:1], 4.0, 12.0))
    both, _ = independent_check(case, [SHOT], BallDose(centers, 4.0, 12.0))
    assert one.coverage == pytest.approx(0.5, abs=2e-3)
    assert one.paddick_index == pytest.approx(0.5, abs=5e-3)
    assert both.paddick_index == pytest.approx(1.0, abs=5e-3)


def test_dose_far_from_the_target_counts_against_the_plan() -> None:
    """The region looked at grows until it holds all of the dose: a far ball is found."""
    far = (150.0, 97.0, 103.0)
    seen = [Shot(far, (8,) * 8, 1.0)]
    sampled, _ = independent_check(
        balls(4.0, CENTER), seen, BallDose((CENTER, far), 4.0, 12.0), count=30_000
    )
    assert sampled.coverage == pytest.approx(1.0, abs=2e-3)
    assert sampled.paddick_index == pytest.approx(0.5, abs=5e-3)


def test_a_dose_to_the_maximum_is_refused() -> None:
    with pytest.raises(ValueError, match="coverage means nothing"):
        independent_check(
            balls(4.0, CENTER, isodose=(1.0, 1.0)), [SHOT], BallDose((CENTER,), 4.0, 12.0)
        )


@pytest.mark.parametrize("isodose", [0.2, 0.3, 0.5, 0.8])
def test_no_cell_that_is_left_out_can_have_the_dose(isodose: float) -> None:
    """From the dose to a quarter of it is farther than from a corner to the middle of a cell."""
    unit = gkplan.load_unit("perfexion")
    for size in unit.collimator_sizes_mm:
        for axis in AXES:
            offset, dose = composite_profile(unit, size, axis)
            dose, at = dose[offset >= 0.0] / dose.max(), offset[offset >= 0.0]
            fall = at[dose < isodose / 4].min() - at[dose >= isodose].max()
            assert fall > np.sqrt(3.0) / 2 * EDGE_MM


def ring(radius: float, z: float, count: int = 400) -> Array:
    angle = np.linspace(0.0, 2 * np.pi, count, endpoint=False)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), np.full(count, z)], axis=1)


def turned(points: Array) -> Array:
    """Some rigid motion."""
    a, b = np.deg2rad(25.0), np.deg2rad(-40.0)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    return np.asarray(points @ (about_x @ about_z).T + [90.0, 110.0, 95.0])


def test_slabs_are_what_they_say() -> None:
    """A tube of four slices, one missing, turned anyhow: its own formula, point by point."""
    heights = [0.0, 1.5, 3.0, 6.0]
    rings = [turned(ring(r, z)) for z in heights for r in (6.0, 2.5)]
    stack = SlabStack.of(rings, 1.5)
    rng = np.random.default_rng(3)
    points = rng.uniform([-8, -8, -3], [8, 8, 9], (20_000, 3))
    r = np.hypot(points[:, 0], points[:, 1])
    near = np.min([np.abs(points[:, 2] - z) for z in heights], axis=0)
    truth = (r < 6.0) & (r > 2.5) & (near <= 0.75)
    # The polygons lie within 0.001 mm of their circles.
    clear = np.min([np.abs(r - 6.0), np.abs(r - 2.5), np.abs(near - 0.75)], axis=0) > 0.001
    assert clear.mean() > 0.99
    assert (stack.contains(turned(points)) == truth)[clear].all()


def test_without_a_spacing_the_slices_tell_it() -> None:
    stack = SlabStack.of([ring(5.0, z) for z in (0.0, 2.0, 4.0)], None)
    assert stack.spacing_mm == pytest.approx(2.0)
    assert stack.contains(np.array([[0.0, 0.0, 4.9], [0.0, 0.0, 5.1]])).tolist() == [True, False]


def test_slabs_have_about_the_volume_of_the_solid_but_not_its_shape() -> None:
    """The solid's ends differ a little from slabs; on a cone all differs point by point."""
    rings = [ring(2.0 + 0.5 * n, 1.5 * n) for n in range(8)]
    stack, solid = SlabStack.of(rings, 1.5), solid_from_contours(rings, "cone", 1.5)
    points = np.random.default_rng(0).uniform([-6, -6, -1], [6, 6, 12], (200_000, 3))
    in_slab, in_solid = stack.contains(points), solid.contains(points)
    assert in_slab.mean() == pytest.approx(in_solid.mean(), rel=0.02)
    assert 0.005 < (in_slab ^ in_solid).sum() / in_solid.sum() < 0.15


def test_a_real_plan_is_judged_the_same_three_ways(tmp_path: Path) -> None:
    """A contoured ball and a hand-made plan: lattices, random points and slabs agree."""
    path = tmp_path / "ball.json"
    slices = np.arange(-7, 8) * 0.7
    rings = [ring(float(np.sqrt(5.4**2 - z**2)), float(z), 90).tolist() for z in slices]
    path.write_text(json.dumps({"slice_spacing_mm": 0.7, "structures": {"target": rings}}))
    case = gkplan.load_case(str(path))
    x, y, z = (float(c) for c in case.targets[0].solid.bounds.mean(axis=0))
    plan = gkplan.Plan(
        case, gkplan.load_unit("perfexion"), "perfexion", (Shot((x, y, z), (8,) * 8, 8.6),)
    )
    indices = gkplan.judge(plan).evaluation.metrics.overall
    sampled, slab = independent_check(case, plan.shots, gkplan.engine_of(plan))
    assert indices.coverage is not None
    assert 0.5 < indices.coverage < 0.995
    assert slab is not None
    for check in (sampled, slab):
        assert check.coverage == pytest.approx(indices.coverage, abs=0.01)
        assert check.paddick_index == pytest.approx(indices.paddick_index, abs=0.01)
