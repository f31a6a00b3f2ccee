"""The frame is found where it is, and every planted fault is noticed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gkplan.errors import FrameError
from gkplan.frames import Array
from gkplan.localizer import (
    CT,
    MR,
    AxialSlices,
    Localisation,
    Scene,
    box_names,
    load_box,
    localise,
    pose,
    random_scene,
    render,
)

# Fewer slices than in life: the same code in less time.
QUICK_CT = replace(CT, slice_mm=4.0)
QUICK_MR = replace(MR, slice_mm=3.0)
BOX = load_box("box-190")
SCENE = replace(
    Scene.of(BOX, pose((5.0, -6.0, 4.0), (7.0, -20.0, 300.0))), head_mm=(93.0, 99.0, 95.0)
)


def target_errors(found: Localisation, scene: Scene) -> Array:
    """Distances (n,) between targets all over the frame space and where they are said to be."""
    steps = np.linspace(40.0, 160.0, 4)
    there = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    seen = scene.patient_from_leksell(there)
    if scene.distortion is not None:
        seen = scene.distortion.displayed(seen)
    return np.asarray(np.linalg.norm(found.leksell_from_patient(seen) - there, axis=1))


@pytest.fixture(scope="module")
def images() -> AxialSlices:
    return render(SCENE, QUICK_CT, seed=1)


@pytest.fixture(scope="module")
def found(images: AxialSlices) -> Localisation:
    return localise(images)


def test_ct_is_registered_within_a_tenth_of_a_millimetre(found: Localisation) -> None:
    errors = target_errors(found, SCENE)
    assert errors.mean() < 0.05
    assert errors.max() < 0.1
    assert found.box == BOX
    assert found.notes == ()


def test_errors_of_slices_add_up_to_those_of_all(found: Localisation) -> None:
    assert sum(s.n_rods for s in found.slices) == found.n_used
    mean = sum(s.n_rods * s.mean_mm for s in found.slices) / found.n_used
    assert found.mean_mm == pytest.approx(mean)
    assert found.max_mm == max(s.max_mm for s in found.slices)
    assert sum(rod.n_seen for rod in found.rods) == found.n_used + found.n_left_out


def test_mr_with_distortion_and_the_other_box() -> None:
    rng = np.random.default_rng(3)
    scene = random_scene(load_box("box-192"), QUICK_MR, rng)
    assert scene.distortion is not None
    found = localise(render(scene, QUICK_MR, seed=3))
    errors = target_errors(found, scene)
    assert found.box.name == "box-192"
    assert errors.mean() < 0.3
    assert errors.max() < 0.6


def test_missing_slices_and_a_saturated_patch_do_not_matter(images: AxialSlices) -> None:
    kept = np.random.default_rng(2).random(len(images.z_mm)) > 0.3
    pixels = images.pixels[kept].copy()
    x, y = images.axes
    # A bright thing that moves through the slices beside the left plate.
    for k, image in enumerate(pixels):
        image[60 + k : 64 + k, np.searchsorted(x, 85.0) : np.searchsorted(x, 89.0)] = 3000.0
    assert len(y) > 110
    found = localise(replace(images, pixels=pixels, z_mm=images.z_mm[kept]))
    assert target_errors(found, SCENE).max() < 0.1


def test_moving_the_images_moves_the_frame(images: AxialSlices, found: Localisation) -> None:
    shift = np.array([11.0, -7.0, 250.0])
    x, y = images.origin_mm
    moved = replace(
        images, origin_mm=(x + shift[0], y + shift[1]), z_mm=np.asarray(images.z_mm + shift[2])
    )
    again = localise(moved).leksell_from_patient
    points = np.random.default_rng(1).uniform(-50, 50, (5, 3)) + np.array([7.0, -20.0, 300.0])
    np.testing.assert_allclose(again(points + shift), found.leksell_from_patient(points), atol=1e-3)


def test_a_removed_rod_is_named_and_the_rest_suffices() -> None:
    found = localise(render(SCENE.without("left plate, diagonal rod"), QUICK_CT, seed=1))
    assert target_errors(found, SCENE).max() < 0.15
    (note,) = found.notes
    assert note.startswith("left plate, diagonal rod: missing, seen in 0 of ")


def test_a_broken_rod_is_named_and_its_ends_are_used() -> None:
    name = "anterior plate, diagonal rod"
    found = localise(render(SCENE.broken(name, 50.0, 110.0), QUICK_CT, seed=1))
    assert target_errors(found, SCENE).max() < 0.15
    (note,) = found.notes
    assert note.startswith(f"{name}: broken, seen in ")
    (rod,) = (r for r in found.rods if r.name == name)
    assert 0 < rod.n_seen < rod.n_expected


@pytest.mark.parametrize(
    ("plate", "shift"), [("right", (0.0, 0.0, 5.0)), ("anterior", (0.0, -5.0, 0.0))]
)
def test_a_displaced_plate_is_refused(plate: str, shift: tuple[float, float, float]) -> None:
    with pytest.raises(FrameError, match=rf"rods are not where the box.*{plate} plate"):
        localise(render(SCENE.displaced(plate, shift), QUICK_CT, seed=1))


def test_another_box_than_named_is_refused(images: AxialSlices) -> None:
    with pytest.raises(FrameError, match="the box is box-190, not box-192"):
        localise(images, "box-192")
    with pytest.raises(FrameError, match="there are: box-190, box-192"):
        localise(images, "box-200")


@pytest.mark.parametrize("axis", [0, 2], ids=["slices", "columns"])
def test_mirrored_images_are_refused(images: AxialSlices, axis: int) -> None:
    with pytest.raises(FrameError, match="the images are mirrored"):
        localise(replace(images, pixels=np.flip(images.pixels, axis)))


def test_images_upside_down_are_refused(images: AxialSlices) -> None:
    with pytest.raises(FrameError, match=r"turned by 17\d degrees against the patient's axes"):
        localise(replace(images, pixels=np.flip(images.pixels, (0, 2))))


def test_images_without_a_box_are_refused() -> None:
    nothing = AxialSlices(
        np.random.default_rng(1).normal(size=(30, 100, 100)).astype(np.float32),
        np.arange(30.0),
        (0.0, 0.0),
        (1.0, 1.0),
        "CT",
    )
    with pytest.raises(FrameError, match="no indicator box"):
        localise(nothing)
    with pytest.raises(FrameError, match="no indicator box"):
        localise(replace(nothing, pixels=nothing.pixels[:1], z_mm=nothing.z_mm[:1]))


def test_a_stretched_image_exceeds_the_limits(images: AxialSlices) -> None:
    wide = replace(images, spacing_mm=(1.03, 1.0))
    with pytest.raises(FrameError, match=r"fiducial error|rods are not where"):
        localise(wide)


@pytest.mark.parametrize("name", box_names())
def test_rods_form_three_letters_n(name: str) -> None:
    box = load_box(name)
    assert len(box.rods) == 9
    assert (box.directions[:, 2] > 0).all()
    ends = box.starts + box.directions * box.lengths[:, None]
    for plate in range(0, 9, 3):
        first, diagonal, last = range(plate, plate + 3)
        # The diagonal leads from the one rod's start to the other's end.
        np.testing.assert_allclose(box.starts[diagonal], box.starts[first])
        np.testing.assert_allclose(ends[diagonal], ends[last])
        assert box.lengths[first] == pytest.approx(120.0)
    assert "github" in box.source or "vtkFrameFinder" in box.source


def test_distortion_is_undone_by_its_inverse() -> None:
    scene = random_scene(BOX, MR, np.random.default_rng(5))
    assert scene.distortion is not None
    points = scene.patient_from_leksell(np.random.default_rng(6).uniform(0, 200, (100, 3)))
    shown = scene.distortion.displayed(points)
    np.testing.assert_allclose(scene.distortion.true(shown), points, atol=1e-6)
    assert np.linalg.norm(shown - points, axis=1).max() > 0.1
