"""The baselines of the planner: whole shots in balls, and grassfire isocentres."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.errors import CaseError
from gkplan.frames import patient_from_leksell
from gkplan.head import Head
from gkplan.metrics.evaluate import evaluate
from gkplan.planner.aim import AIMS
from gkplan.planner.baselines.balls import ShotShape, packed_balls
from gkplan.planner.baselines.fixed import plan_at
from gkplan.planner.baselines.grassfire import MOST, grassfire_isocenters, grassfire_points
from gkplan.planner.baselines.packing import COVERAGE, pack_shots
from gkplan.prescription import Prescription
from gkplan.shot import minimum_time
from gkplan.solids import Capsule, Ellipsoid, Solid
from gkplan.structures import Structure
from gkplan.unit import load_unit

UNIT = load_unit("perfexion")
HEAD = Head("ball", Ellipsoid((100.0, 100.0, 100.0), (80.0, 80.0, 80.0)))
CENTER = (104.3, 96.2, 101.9)
SHAPES = {size: ShotShape.of(UNIT, size) for size in UNIT.collimator_sizes_mm}


def ball(radius: float, center: tuple[float, float, float] = CENTER) -> Ellipsoid:
    return Ellipsoid(center, (radius,) * 3)


def case_of(solid: Solid, isodose: tuple[float, float] = (0.4, 0.7)) -> Case:
    return Case(
        "made", "phantom", "made", "", "made in a test", HEAD,
        (Structure("target", "target", solid),), (Prescription("target", 12.0, isodose),), (),
        patient_from_leksell((0.0, 0.0, 0.0)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("size", "x", "z"), [(4, 6.14, 5.05), (8, 11.04, 9.79), (16, 21.73, 17.37)]
)
def test_the_half_isodose_is_that_of_the_published_profiles(size: int, x: float, z: float) -> None:
    """Full widths at half maximum of GammaPlan's profiles (noahbice/GK-profiles)."""
    half = SHAPES[size].half_mm
    assert 2 * half[0] == pytest.approx(x, abs=0.3)
    assert 2 * half[1] == pytest.approx(x, abs=0.3)
    assert 2 * half[2] == pytest.approx(z, abs=0.3)


@pytest.mark.parametrize("size", [4, 8])
def test_a_ball_that_one_shot_covers_gets_that_shot(size: int) -> None:
    solid = ball(min(SHAPES[size].half_mm))
    ((place, chosen),) = packed_balls(solid, list(SHAPES.values()), UNIT, 90.0)
    assert chosen == size
    assert np.linalg.norm(np.array(place) - CENTER) < 0.5


@pytest.mark.parametrize("size", [4, 8, 16])
def test_the_first_shot_in_a_ball_of_its_volume_is_in_the_middle(size: int) -> None:
    solid = ball(float(np.prod(SHAPES[size].half_mm)) ** (1 / 3))
    place, chosen = packed_balls(solid, list(SHAPES.values()), UNIT, 90.0)[0]
    assert chosen == size
    assert np.linalg.norm(np.array(place) - CENTER) < 0.5


def test_a_long_target_gets_its_shots_along_it() -> None:
    solid = Capsule((90.0, 100.0, 100.0), (115.0, 100.0, 100.0), 4.5)
    packed = packed_balls(solid, list(SHAPES.values()), UNIT, 90.0)
    large = np.array([place for place, size in packed if size == 8])
    assert len(large) >= 3
    assert np.ptp(large[:, 0]) > 15.0
    assert np.abs(large[:, 1:] - 100.0).max() < 2.0
    assert solid.contains(np.array([place for place, _ in packed])).all()


def test_a_tilted_shape_follows_the_frame() -> None:
    """An ellipsoid of a shot's own proportions, turned with the frame, is one shot again."""
    a, b, c = SHAPES[8].half_mm
    for gamma in (70.0, 110.0):
        solid = Ellipsoid(CENTER, (a, b, c), (gamma - 90.0, 0.0, 0.0))
        packed = packed_balls(solid, list(SHAPES.values()), UNIT, gamma)
        assert [size for _, size in packed] == [8]


@pytest.mark.parametrize("transit", [False, True])
def test_packed_shots_cover_as_wanted(transit: bool) -> None:
    case = case_of(Ellipsoid(CENTER, (8.0, 6.0, 5.0), (0.0, 20.0, 30.0)))
    engine = TmrEngine(UNIT, HEAD, 3.0, transit)
    made = pack_shots(case, engine)
    shots = made.shots
    assert set(made.seconds) == {"kernels", "programme", "scaling"}
    indices = evaluate(case, shots, engine).metrics.overall
    assert indices.coverage == pytest.approx(COVERAGE, abs=2e-3)
    assert indices.selectivity is not None
    assert indices.selectivity > 0.6
    assert all(s.time_min >= minimum_time(s.sectors, UNIT) for s in shots)
    assert all(len(set(s.sectors)) == 1 for s in shots)


def test_packing_refuses_a_maximum_and_a_target_out_of_reach() -> None:
    engine = TmrEngine(UNIT, HEAD, 3.0)
    with pytest.raises(CaseError, match="volume"):
        pack_shots(case_of(ball(3.0), (1.0, 1.0)), engine)
    far = case_of(ball(2.0, (500.0, 100.0, 100.0)))
    with pytest.raises(CaseError, match="reach"):
        pack_shots(far, engine)
    with pytest.raises(CaseError, match="reach"):
        grassfire_isocenters(far, UNIT)


@settings(max_examples=15, deadline=None)
@given(
    axes=st.tuples(*[st.floats(2.0, 12.0)] * 3),
    turn=st.tuples(*[st.floats(-90.0, 90.0)] * 3),
    count=st.integers(1, 12),
)
def test_grassfire_points_lie_inside_and_apart(
    axes: tuple[float, float, float], turn: tuple[float, float, float], count: int
) -> None:
    solid = Ellipsoid(CENTER, axes, turn)
    points = grassfire_points(solid, count)
    assert 1 <= len(points) <= count
    assert solid.contains(points).all()
    apart = np.linalg.norm(points[:, None] - points, axis=-1) + 1e3 * np.eye(len(points))
    assert apart.min() > 0.95 * (np.prod(axes) / count) ** (1 / 3)


def test_a_ball_burns_to_its_middle_first() -> None:
    points = grassfire_points(ball(7.0), 8)
    assert np.linalg.norm(points[0] - CENTER) < 0.3
    # The next ones share the shell that is left: none is near the middle.
    assert np.linalg.norm(points[1:] - CENTER, axis=1).min() > 3.0


def test_larger_targets_get_more_isocentres_up_to_a_limit() -> None:
    counts = [len(grassfire_isocenters(case_of(ball(r)), UNIT)) for r in (1.0, 3.0, 9.0, 14.0)]
    assert counts == sorted(counts)
    assert counts[0] < counts[1] < MOST
    assert counts[2:] == [MOST, MOST]


def test_a_plan_at_grassfire_isocentres_stays_there() -> None:
    case = case_of(Ellipsoid(CENTER, (5.0, 4.0, 4.0)))
    engine = TmrEngine(UNIT, HEAD, 3.0, transit=True)
    isocenters = grassfire_isocenters(case, UNIT)
    made = plan_at(case, engine, AIMS["balanced"], isocenters, lambda _: None)
    shots = made.shots
    assert made.certificate is not None
    assert 0.0 <= made.certificate.gap < 2e-3
    assert {s.isocenter_mm for s in shots} <= {tuple(p) for p in isocenters.tolist()}
    indices = evaluate(case, shots, engine).metrics.overall
    assert indices.coverage is not None
    assert indices.coverage > 0.98
    assert indices.paddick_index is not None
    assert indices.paddick_index > 0.8
