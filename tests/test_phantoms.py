"""The phantoms that ship: volumes, distances, anatomy; and what a broken file is told."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from gkplan.case import Case, phantom_names
from gkplan.case.phantom import phantom_path, phantom_title, read_site, stated_volumes, volume_cc
from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.head import surface_distances
from gkplan.load import load_case
from gkplan.solids import Capsule, Ellipsoid, Solid, Union, sample_about
from gkplan.unit import load_unit

NAMES = (
    "avm",
    "cavity",
    "glomus",
    "head",
    "meningioma",
    "metastasis-large",
    "metastasis-small",
    "pituitary",
    "six-metastases",
    "sphere-160",
    "sphere-160-pmma",
    "sphere-160-solid-water",
    "thalamotomy",
    "trigeminal",
    "vestibular-schwannoma",
)
SPHERES = {"sphere-160": 1.0, "sphere-160-pmma": 1.19, "sphere-160-solid-water": 1.03}
PLANNED = tuple(name for name in NAMES if name != "head" and name not in SPHERES)
FUNCTIONAL = ("thalamotomy", "trigeminal")
EVEN = np.random.default_rng(7).normal(size=(20_000, 3))
EVEN /= np.linalg.norm(EVEN, axis=1, keepdims=True)


def points_in(solid: Solid, count: int = 20_000) -> Array:
    return sample_about(solid, count, coarsest_mm=2.0)[0]


def points_on(ellipsoid: Solid) -> Array:
    """Points of an ellipsoid's surface."""
    assert isinstance(ellipsoid, Ellipsoid)
    center = np.array(ellipsoid.center_mm)
    t = ellipsoid.intervals(center, EVEN)[:, 0, 1]
    return np.asarray(center + t[:, None] * EVEN)


def distance_to(capsule: Solid, points: Array) -> Array:
    """Signed distance of points from the surface of a capsule."""
    assert isinstance(capsule, Capsule)
    start, along = np.array(capsule.start_mm), np.subtract(capsule.end_mm, capsule.start_mm)
    t = np.clip((points - start) @ along / (along @ along), 0.0, 1.0)
    return np.asarray(
        np.linalg.norm(points - start - t[:, None] * along, axis=1) - capsule.radius_mm
    )


def gap_mm(case: Case, one: str, other: str) -> float:
    """Least distance of two structures, good to about the spacing of their points."""
    a, b = (points_in(case.structure(name).solid, 60_000) for name in (one, other))
    near = b[np.linalg.norm(b - a.mean(axis=0), axis=1) < 40.0]
    return float(np.min(cKDTree(near).query(a)[0]))


def parts_of(solid: Solid) -> tuple[Solid, ...]:
    assert isinstance(solid, Union)
    return solid.parts


def test_the_phantoms_that_ship() -> None:
    assert phantom_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_phantom_loads_and_says_where_it_is_from(name: str) -> None:
    case = load_case(name)
    assert (case.name, case.kind, case.path) == (name, "phantom", name)
    assert len(case.source) > 20
    assert "\n" not in case.source
    assert phantom_title(name)
    assert len(case.sha256) == 64


@pytest.mark.parametrize("name", NAMES)
def test_stated_volumes(name: str) -> None:
    case = load_case(name)
    stated = stated_volumes(phantom_path(name))
    assert set(stated) >= {target.name for target in case.targets}
    for structure, volume in stated.items():
        assert volume_cc(case.structure(structure), 50_000) == pytest.approx(volume, rel=0.02)


@pytest.mark.parametrize("name", PLANNED)
def test_targets_are_in_the_head_and_in_reach(name: str) -> None:
    case, unit = load_case(name), load_unit("perfexion")
    assert case.head.name == "head"
    assert case.targets
    for target in case.targets:
        points = points_in(target.solid)
        assert case.head.contains(points).all()
        assert unit.reaches(points).all()
        assert unit.reaches(target.solid.bounds).all()


@pytest.mark.parametrize("name", PLANNED)
def test_no_target_overlaps_an_organ_or_another_target(name: str) -> None:
    case = load_case(name)
    for target in case.targets:
        points = points_in(target.solid)
        for other in case.structures:
            if other is not target:
                assert not other.solid.contains(points).any(), (target.name, other.name)


@pytest.mark.parametrize("name", PLANNED)
def test_every_target_has_a_dose_and_there_are_limits(name: str) -> None:
    case = load_case(name)
    assert {p.target for p in case.prescriptions} == {t.name for t in case.targets}
    assert "brainstem" in {limit.structure for limit in case.limits}
    for prescription in case.prescriptions:
        assert prescription.is_maximum == (name in FUNCTIONAL)
        assert prescription.isodose in ((0.4, 0.7), (1.0, 1.0))


@pytest.mark.parametrize(("name", "density"), SPHERES.items())
def test_spheres(name: str, density: float) -> None:
    head = load_case(name).head
    assert head.surface.analytic_volume_cc == pytest.approx(2144.66, abs=0.01)
    assert head.bounds.tolist() == [[20.0] * 3, [180.0] * 3]
    assert [t.density_g_cm3 for t in head.tissues] == [density]
    center = np.array([100.0, 100.0, 100.0])
    assert surface_distances(head.surface, center, EVEN[:50]) == pytest.approx(80.0)


def test_the_sphere_of_water_has_the_ct_number_of_water() -> None:
    points = np.array([[100.0, 100.0, 100.0], [100.0, 100.0, 19.0]])
    assert load_case("sphere-160").head.hu(points).tolist() == [0.0, -1000.0]


def test_volumes_of_the_head() -> None:
    head = load_case("head")
    assert 1100 < volume_cc(head.structure("brain"), 60_000) < 1500
    assert 20 < volume_cc(head.structure("brainstem"), 60_000) < 30
    assert volume_cc(head.structure("cochlea-left")) == volume_cc(head.structure("cochlea-right"))


def test_the_head_is_symmetric() -> None:
    case = load_case("head")
    low, high = case.head.bounds
    points = np.random.default_rng(1).uniform(low, high, size=(60_000, 3))
    mirrored = points * [-1.0, 1.0, 1.0] + [200.0, 0.0, 0.0]
    assert np.array_equal(case.head.hu(points), case.head.hu(mirrored))
    left, right = (case.structure(f"cochlea-{side}").solid for side in ("left", "right"))
    assert np.array_equal(left.contains(points), right.contains(mirrored))
    for name in ("brain", "brainstem", "optic-apparatus"):
        solid = case.structure(name).solid
        assert np.array_equal(solid.contains(points), solid.contains(mirrored))


def test_the_head_looks_like_a_head() -> None:
    """Nose in front, vertex above, brain in a closed skull, air where there is air."""
    head = load_case("head").head
    probe = {
        (100.0, 207.0, 158.0): 40.0,  # tip of the nose
        (100.0, 207.0, 120.0): -1000.0,  # before the forehead
        (100.0, 98.0, 13.0): 40.0,  # scalp at the vertex
        (100.0, 98.0, 19.0): 1000.0,  # vault
        (130.0, 98.0, 60.0): 35.0,  # brain
        (100.0, 104.0, 99.0): 5.0,  # third ventricle
        (100.0, 86.0, 129.0): 35.0,  # pons
        (127.0, 153.0, 158.0): -1000.0,  # left maxillary sinus
        (140.0, 91.0, 140.0): 1500.0,  # left petrous bone
        (100.0, 80.0, 246.0): -1000.0,  # below the cut
    }
    assert head.hu(np.array(list(probe))).tolist() == list(probe.values())
    toward_forehead = np.array([[0.0, 1.0, 0.0]])
    assert surface_distances(head.surface, np.array([100.0, 98.0, 91.0]), toward_forehead)[
        0
    ] == pytest.approx(95.0)


def test_skull_is_closed_and_of_natural_thickness() -> None:
    """From the middle of the brain, every way up crosses 6 to 8 mm of bone, then 4 to 7 of skin."""
    head = load_case("head").head
    middle = np.array([100.0, 98.0, 80.0])
    for way in EVEN[EVEN[:, 2] < 0.0][:40]:
        hu = head.hu(middle + np.arange(0.0, 120.0, 0.1)[:, None] * way)
        assert 6.0 < 0.1 * np.sum(hu == 1000.0) < 8.0
        assert 4.0 < 0.1 * np.sum(hu == 40.0) < 7.0


def test_nothing_is_painted_outside_the_head() -> None:
    head = load_case("head").head
    low, high = head.bounds
    points = np.random.default_rng(2).uniform(low - 10, high + 30, size=(150_000, 3))
    outside = ~head.contains(points)
    assert (head.hu(points)[outside] == -1000.0).all()


def test_the_brain_is_in_reach_and_in_the_skull() -> None:
    head, unit = load_case("head"), load_unit("perfexion")
    for name in ("brain", "brainstem"):
        points = points_in(head.structure(name).solid)
        assert unit.reaches(points).all()
        assert head.head.contains(points).all()
        assert (head.head.hu(points) < 100.0).mean() > 0.999


def test_sites_are_on_the_left_and_have_room() -> None:
    """A contour file may bring a target of 31 x 28 x 22 mm to the site of a schwannoma."""
    head = load_case("head").head
    site = np.array(read_site("head", "vestibular-schwannoma"))
    assert site[0] == 125.0
    corners = np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, -1).T * [15.5, 14.0, 11.0]
    assert head.contains(site + corners).all()
    for name in ("trigeminal", "pituitary", "frontal", "parietal", "thalamus", "cerebellum"):
        point = np.array(read_site("head", name))
        assert point[0] >= 100.0
        assert head.contains(point[None]).all()


def test_metastases_lie_apart_and_deep() -> None:
    case, head = load_case("six-metastases"), load_case("head")
    assert [t.name for t in case.targets] == [f"met-{n}" for n in range(1, 7)]
    solids = [t.solid for t in (*case.targets, *load_case("metastasis-small").targets)]
    brain, stem = (head.structure(name).solid for name in ("brain", "brainstem"))
    for solid in solids:
        assert isinstance(solid, Ellipsoid)
        assert 2 * max(solid.semi_axes_mm) <= 20.0
        around = (points_on(solid)[:60, None] + 8.0 * EVEN[None, :60]).reshape(-1, 3)
        assert (brain.contains(around) | stem.contains(around)).all()
    for one, other in combinations([t.solid for t in case.targets], 2):
        apart = cKDTree(points_in(one, 2000)).query(points_in(other, 2000))[0]
        assert np.min(apart) > 25.0
    assert {p.dose_gy for p in case.prescriptions} == {24.0}


def test_adenoma_lies_3_mm_under_the_chiasm() -> None:
    case = load_case("pituitary")
    surface = points_on(case.structure("target").solid)
    parts = parts_of(case.structure("optic-apparatus").solid)
    gaps = [float(distance_to(part, surface).min()) for part in parts]
    assert min(gaps) == pytest.approx(3.0, abs=0.05)
    assert gaps.index(min(gaps)) == 0  # the chiasm, not a nerve or a tract
    assert gap_mm(case, "target", "brainstem") > 5.0


def test_schwannoma_lies_between_brainstem_and_cochlea() -> None:
    case = load_case("vestibular-schwannoma")
    assert 1.0 < gap_mm(case, "target", "brainstem") < 2.0
    assert 4.0 < gap_mm(case, "target", "cochlea-left") < 6.0
    brainstem, target, cochlea = (
        points_in(case.structure(name).solid, 3000).mean(axis=0)[0]
        for name in ("brainstem", "target", "cochlea-left")
    )
    assert brainstem < target < cochlea
    assert {(limit.structure, limit.kind, limit.dose_gy) for limit in case.limits} == {
        ("cochlea-left", "mean", 4.0),
        ("brainstem", "d0_035cc", 15.0),
        ("optic-apparatus", "d0_035cc", 8.0),
    }


def test_trigeminal_aim() -> None:
    case = load_case("trigeminal")
    prescription = case.prescription("trigeminal-nerve-left")
    assert prescription.is_maximum
    assert (prescription.dose_gy, prescription.collimator_mm) == (80.0, 4)
    aim = points_in(case.targets[0].solid).mean(axis=0)
    assert aim == pytest.approx(read_site("head", "trigeminal"), abs=0.05)
    stem = points_in(case.structure("brainstem").solid, 200_000)
    assert 5.5 < np.linalg.norm(stem - aim, axis=1).min() < 7.0


def test_another_head_replaces_the_one_that_is_named() -> None:
    case = load_case("sphere-160", head="head")
    assert case.head.name == "head"


GOOD = """\
schema = "gkplan-phantom/1"
title = "a ball"
source = "test"
surface = "water"

[[tissue]]
name = "water"
density_g_cm3 = 1.0
hu = 0
shape.ellipsoid = { center_mm = [100, 100, 100], semi_axes_mm = [80, 80, 80] }

[[structure]]
name = "target"
role = "target"
shape.ellipsoid = { center_mm = [100, 100, 100], semi_axes_mm = [5, 5, 5] }

[[prescription]]
target = "target"
dose_gy = 20
isodose = 0.5
"""


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "ball.toml"
    path.write_text(GOOD)
    case = load_case(str(path))
    assert case.name == "ball"
    assert case.prescriptions[0].isodose == (0.5, 0.5)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('title = "a ball"', 'title = "a ball', ["line 2"]),
        ("semi_axes_mm = [5, 5, 5]", "radius = 5", ["[[structure]] 1.shape.ellipsoid", "semi_ax"]),
        (
            "semi_axes_mm = [5, 5, 5]",
            "semi_axes_mm = [5, 5, 5], radius = 5",
            ["[[structure]] 1.shape.ellipsoid", "unknown key radius"],
        ),
        ("hu = 0\n", "", ["[[tissue]] 1", "missing hu"]),
        ('source = "test"\n', "", ["top level", "missing source"]),
        ('role = "target"', 'role = "tumour"', ["[[structure]] 1.role", "'target' or 'oar'"]),
        ("semi_axes_mm = [5, 5, 5]", "semi_axes_mm = [5, nan, 5]", ["semi_axes_mm", "finite"]),
        ("dose_gy = 20", "dose_gy = nan", ["[[prescription]] 1.dose_gy", "finite"]),
        ("dose_gy = 20", "dose_gy = -20", ["dose_gy", "positive"]),
        ("dose_gy = 20", "max_dose_gy = 80\ndose_gy = 20", ["either dose_gy or max_dose_gy"]),
        ("isodose = 0.5", "isodose = 50", ["isodose", "fraction"]),
        ("isodose = 0.5", "isodose = [0.4, 0.5, 0.6]", ["isodose", "[lowest, highest]"]),
        ("[100, 100, 100], semi_axes_mm = [5", "[100, 100, 30], semi_axes_mm = [55", ["outside"]),
        ("shape.ellipsoid = { center", "shape.cube = { center", ["unknown shape 'cube'"]),
        ('surface = "water"', 'surface = "skin"', ["surface", "water", "skin"]),
        ('surface = "water"', 'head = "nobody"', ["unknown head 'nobody'", "head, meningioma"]),
        ('surface = "water"', 'head = "trigeminal"', ["'trigeminal' is no head itself"]),
        ('title = "a ball"', 'title = "a"\ngamma_angle_deg = 20', ["gamma_angle_deg", "45 to 135"]),
        ('title = "a ball"', 'title = "a"\ngamma_angle_deg = "up"', ["gamma_angle_deg", "finite"]),
        ("phantom/1", "phantom/9", ["schema", "gkplan-phantom/1"]),
        ('target = "target"\n', 'target = "tumour"\n', ["no structure 'tumour'", "target"]),
    ],
)
def test_a_broken_file_is_told_what_is_wrong(
    tmp_path: Path, old: str, new: str, said: list[str]
) -> None:
    assert old in GOOD
    path = tmp_path / "broken.toml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(CaseError) as caught:
        load_case(str(path))
    message = str(caught.value)
    for part in said:
        assert part in message
    if "head" not in new:
        assert message.startswith(str(path))


def test_an_unknown_phantom_lists_the_known_ones() -> None:
    with pytest.raises(CaseError, match="unknown case 'heart'") as caught:
        load_case("heart")
    for name in NAMES:
        assert name in str(caught.value)


def test_an_unknown_site_lists_the_known_ones() -> None:
    with pytest.raises(CaseError, match=r"no site 'liver'.*vestibular-schwannoma"):
        read_site("head", "liver")
