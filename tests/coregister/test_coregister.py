"""Co-registration finds a known rigid offset between a CT and an MR of a head, or refuses."""

from __future__ import annotations

import dataclasses
import functools
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial.transform import Rotation

from gkplan.cli import main
from gkplan.coregister import coregister, in_words
from gkplan.coregister.likeness import Pair, Picture
from gkplan.coregister.model import Coregistration
from gkplan.dicom.axial import write_axial
from gkplan.dicom.common import Study
from gkplan.dicom.registration import read_frame, read_registration
from gkplan.disclaimer import DISCLAIMER
from gkplan.errors import CaseError
from gkplan.frames import Array, Frame, RigidTransform, patient_from_leksell
from gkplan.grid import Grid, Volume
from gkplan.kernels.mutual import joint_histogram
from gkplan.load import load_case
from gkplan.localizer import AxialSlices
from gkplan.solids import Ellipsoid
from tests.dicom.test_validators import _lines, _program

HEAD = load_case("vestibular-schwannoma").head
TO_PATIENT = patient_from_leksell()
# From the patient's place in the CT to that in the MR.
OFFSET = RigidTransform(
    Rotation.from_euler("xyz", (5.0, -4.0, 8.0), degrees=True).as_matrix(),
    np.array([9.0, -14.0, 22.0]),
    Frame.PATIENT,
    Frame.PATIENT,
)
# Signal of an MR that has nothing of the order of CT numbers: bone and air are dark, fluid is not.
_HU = [-1000, -500, 0, 20, 35, 60, 200, 1000]
_SIGNAL = [0, 0, 250, 300, 700, 900, 300, 30]
BOX = np.array([[-85.0, -110.0, -70.0], [85.0, 110.0, 105.0]])


# Without them the phantom's head is the same on both sides.
LESIONS = ((Ellipsoid((132.0, 140.0, 70.0), (14.0, 16.0, 12.0)), 12.0),
           (Ellipsoid((60.0, 80.0, 55.0), (9.0, 9.0, 9.0)), 60.0))  # fmt: skip


def hu_at(patient_mm: Array) -> Array:
    points = TO_PATIENT.inverse(patient_mm)
    values = HEAD.hu(points)
    for lesion, value in LESIONS:
        values[lesion.contains(points)] = value
    return values


@functools.cache
def painted() -> Volume:
    """CT numbers as they are, on voxels of 1.25 mm: those of 1.5 mm and more tell too little."""
    grid = Grid.around(BOX, 1.25, Frame.PATIENT)
    return Volume(hu_at(grid.points()).reshape(grid.shape), grid, "hu")


def ct() -> Volume:
    truth = painted()
    noise = np.random.default_rng(1).normal(0.0, 15.0, truth.grid.shape)
    seen = gaussian_filter(truth.array.astype(np.float64), 0.4) + noise
    return Volume(seen.astype(np.float32), truth.grid, "hu")


def mr(stretch: float = 1.0, mirror: bool = False) -> Volume:
    corners = np.array([[x, y, z] for x in BOX[:, 0] for y in BOX[:, 1] for z in BOX[:, 2]])
    there = OFFSET(corners)
    bounds = np.array([there.min(axis=0), there.max(axis=0)])
    grid = Grid.around(bounds, 1.25, Frame.PATIENT)
    places = OFFSET.inverse(grid.points()) * np.array([-1.0 if mirror else 1.0, stretch, 1.0])
    truth = painted()
    shown = gaussian_filter(np.interp(truth.array, _HU, _SIGNAL), 0.4)
    index = truth.grid.fractional_index(places).T
    signal = map_coordinates(shown, index, order=1).reshape(grid.shape)
    signal += np.random.default_rng(2).normal(0.0, 20.0, grid.shape)
    return Volume(np.maximum(signal, 0.0).astype(np.float32), grid, "mr_signal")


def coarse(spacing_mm: float) -> Volume:
    """A ball."""
    grid = Grid.around(BOX, spacing_mm, Frame.PATIENT)
    inside = np.linalg.norm(grid.points(), axis=1) < 60.0
    return Volume(np.where(inside, 40.0, -1000.0).reshape(grid.shape), grid, "hu")


def inside_head() -> Array:
    """Points (n, 3) in the head and the box, LPS mm of the CT."""
    points = np.random.default_rng(3).uniform(*BOX, (3000, 3))
    return points[HEAD.contains(TO_PATIENT.inverse(points))]


def check_against_truth(found: RigidTransform) -> None:
    points = inside_head()
    error = np.linalg.norm(found(OFFSET(points)) - points, axis=1)
    assert error.max() < 0.5
    turn = Rotation.from_matrix((found @ OFFSET).rotation).magnitude()
    assert np.rad2deg(turn) < 0.5


def folder_of(volume: Volume, modality: str, folder: Path, patient: str = "P1") -> Path:
    grid = volume.grid
    x, y, _ = grid.origin_mm
    dx, dy, dz = grid.spacing_mm
    slices = AxialSlices(np.asarray(volume.array), grid.axes()[2], (x, y), (dx, dy), modality)
    folder.mkdir()
    write_axial(slices, dz, Study.of(patient), folder)
    return folder


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ct, mr, and reg.dcm between them by the command, which leads to Leksell."""
    place = tmp_path_factory.mktemp("register")
    folder_of(ct(), "CT", place / "ct")
    folder_of(mr(), "MR", place / "mr")
    matrix = TO_PATIENT.inverse.matrix.tolist()
    (place / "localisation.json").write_text(f'{{"leksell_from_patient": {matrix}}}')
    args = ["register", str(place / "ct"), str(place / "mr"), "--out", str(place / "reg.dcm")]
    assert main([*args, "--frame", str(place / "localisation.json")]) == 0
    return place


def frame_of(folder: Path) -> str:
    return str(dcmread(next(folder.iterdir())).FrameOfReferenceUID)


def test_the_command_finds_a_known_offset(registered: Path) -> None:
    """Figure: 0.5 mm and 0.5 degrees anywhere in the head; through files, rounded to 16 bits."""
    leksell_from_mr = read_frame(registered / "reg.dcm", frame_of(registered / "mr"))
    check_against_truth(TO_PATIENT @ leksell_from_mr)
    leksell_from_ct = read_frame(registered / "reg.dcm", frame_of(registered / "ct"))
    np.testing.assert_allclose(leksell_from_ct.matrix, TO_PATIENT.inverse.matrix, atol=1e-9)


def test_the_file_names_both_series_and_is_valid(registered: Path) -> None:
    dataset = dcmread(registered / "reg.dcm")
    fixed, moving = (dcmread(next((registered / n).iterdir())) for n in ("ct", "mr"))
    assert dataset.StudyInstanceUID == fixed.StudyInstanceUID
    assert dataset.SeriesDescription == DISCLAIMER
    (here,) = dataset.ReferencedSeriesSequence
    assert here.SeriesInstanceUID == fixed.SeriesInstanceUID
    (elsewhere,) = dataset.StudiesContainingOtherReferencedInstancesSequence
    assert elsewhere.StudyInstanceUID == moving.StudyInstanceUID
    assert not list(registered.glob(".*"))
    lines = _lines(_program("dciodvfy"), str(registered / "reg.dcm"))
    assert not [line for line in lines if "Error" in line or "Abort" in line], lines
    assert "SpatialRegistration" in lines


def test_the_command_refuses_in_one_sentence(
    registered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fixed, moving, out = registered / "ct", registered / "mr", tmp_path / "reg.dcm"
    other = folder_of(coarse(20.0), "CT", tmp_path / "other", "P2")
    (tmp_path / "empty").mkdir()
    capsys.readouterr()
    for args, message in (
        ([fixed, fixed, "--out", out], "nothing to register"),
        ([fixed, other, "--out", out], "expected images of one patient"),
        ([registered, moving, "--out", out], "choose one with --fixed-series"),
        ([fixed, moving, "--moving-series", "7", "--out", out], "--moving-series 7"),
        ([fixed, tmp_path / "empty", "--out", out], "no CT or MR images"),
        ([fixed, moving, "--out", tmp_path], "is a folder"),
        ([fixed, moving, "--out", tmp_path / "no" / "reg.dcm"], "does not exist"),
        ([fixed, moving, "--out", registered / "reg.dcm"], "--overwrite replaces it"),
        ([fixed, moving, "--out", out, "--limit", "9"], "at most 2 mm"),
    ):
        assert main(["register", *map(str, args)]) == 2, args
        error = capsys.readouterr().err
        lines = [s for s in error.splitlines() if s.startswith("gkplan: ")]
        assert len(lines) == 1, error
        assert message in lines[0]
    assert not out.exists()


def test_without_a_frame_it_leads_to_the_fixed_images(tmp_path: Path) -> None:
    from gkplan.dicom.coregistration import find_series, write_coregistration

    def quiet(_: str) -> None:
        pass

    fixed = find_series(
        folder_of(coarse(20.0), "CT", tmp_path / "a"), None, "--fixed-series", quiet
    )
    moving = find_series(
        folder_of(coarse(25.0), "CT", tmp_path / "b"), None, "--moving-series", quiet
    )
    write_coregistration(fixed, moving, OFFSET, tmp_path / "reg.dcm")
    again = read_registration(tmp_path / "reg.dcm")
    assert again.frame_uid == fixed.frame_uid
    np.testing.assert_allclose(again.matrices[moving.frame_uid], OFFSET.matrix, atol=1e-12)
    np.testing.assert_array_equal(again.matrices[fixed.frame_uid], np.eye(4))
    with pytest.raises(CaseError, match="does not say where the Leksell frame is"):
        again.leksell_from_patient(moving.frame_uid)


def test_another_head_is_refused() -> None:
    """A twentieth longer: each half of it fits elsewhere."""
    with pytest.raises(CaseError, match=r"a second search .* are both of one head"):
        coregister(ct(), mr(stretch=0.95))


def test_a_mirrored_head_is_refused() -> None:
    with pytest.raises(CaseError, match="left and right are exchanged in one of the two"):
        coregister(ct(), mr(mirror=True))


def test_coarse_voxels_are_refused_at_once() -> None:
    with pytest.raises(CaseError, match="voxels of 20 mm are too coarse"):
        coregister(coarse(20.0), coarse(3.0))


def test_an_empty_image_is_refused() -> None:
    grid = Grid.around(np.array([[-60.0] * 3, [60.0] * 3]), 2.5, Frame.PATIENT)
    empty = Volume(np.zeros(grid.shape, dtype=np.float32), grid, "mr_signal")
    with pytest.raises(CaseError, match="empty"):
        coregister(empty, empty)


def test_ctrl_c_stops_within_a_search(
    registered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    whole = Pair.likeness

    def pressed(self: Pair, matrix: Array) -> float:
        seen.append(matrix)
        if len(seen) == 200:
            os.kill(os.getpid(), signal.SIGINT)
        return whole(self, matrix)

    monkeypatch.setattr(Pair, "likeness", pressed)
    folders = [str(registered / name) for name in ("ct", "mr")]
    assert main(["register", *folders, "--out", str(tmp_path / "reg.dcm")]) == 130
    assert len(seen) <= 201
    assert not list(tmp_path.iterdir())


def test_the_histogram_is_that_of_its_definition() -> None:
    """Against numpy and scipy, point by point."""
    rng = np.random.default_rng(4)
    image = rng.uniform(0, 7, (6, 7, 8)).astype(np.float32)
    points, bins = rng.uniform(-1, 8, (300, 3)), rng.integers(0, 8, 300)
    to_index = np.column_stack([np.eye(3)[::-1] + rng.normal(0, 0.1, (3, 3)), rng.normal(size=3)])
    index = points @ to_index[:, :3].T + to_index[:, 3]
    expected = np.zeros((8, 8))
    for place, row in zip(index, bins, strict=True):
        if (place >= 0).all() and (place < np.array(image.shape) - 1).all():
            value = map_coordinates(image.astype(np.float64), place[:, None], order=1)[0]
            expected[row, int(value)] += 1 - value % 1
            expected[row, int(value) + 1] += value % 1
    assert expected.sum() > 30
    np.testing.assert_allclose(
        joint_histogram(points, bins, image, to_index, 8), expected, atol=1e-5
    )


def test_likeness_of_an_image_with_itself_and_with_another() -> None:
    itself = Picture.of(ct()).reduced(5.0)
    points = itself.head_points()
    nodes = Pair(points, np.rint(itself.at(points)).astype(np.int64), itself)
    rounded = dataclasses.replace(nodes, other=Picture(np.rint(itself.values), itself.grid))
    assert rounded.likeness(np.eye(4)) == pytest.approx(1.0, abs=1e-6)
    away = np.eye(4)
    away[0, 3] = 1000.0
    assert rounded.likeness(away) == 0.0
    shift = np.eye(4)
    shift[0, 3] = 5.0
    assert rounded.likeness(shift) < 0.6


def test_the_words_say_where_the_head_goes() -> None:
    turn = Rotation.from_rotvec([0.0, 0.0, 3.0], degrees=True).as_matrix()
    center = np.array([10.0, 20.0, 30.0])
    goal = center + np.array([1.5, -2.0, 4.0])
    move = RigidTransform(turn, goal - turn @ center, Frame.PATIENT, Frame.PATIENT)
    words = in_words(Coregistration(move, center, 0.2, 0.1, 1.0, {"upper half": 0.1}, 0.99))
    assert "1.50 mm to the left, 2.00 mm to the front, 4.00 mm to the head" in words
    assert "turns by 3.00 degrees (+0.00 about left, +0.00 about back, +3.00 about head)" in words


def test_another_library_has_its_best_fit_there_too(registered: Path) -> None:
    """SimpleITK's own mutual information (Mattes) falls from our result in every direction."""
    itk = pytest.importorskip("SimpleITK")
    images = []
    for volume in (ct(), mr()):
        small = Picture.of(volume).reduced(3.0)
        image = itk.GetImageFromArray(small.values)
        image.SetOrigin(small.grid.origin_mm)
        image.SetSpacing(small.grid.spacing_mm)
        images.append(image)
    method = itk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(40)
    method.SetInterpolator(itk.sitkLinear)
    leksell_from_mr = read_frame(registered / "reg.dcm", frame_of(registered / "mr"))
    moving_from_fixed = (TO_PATIENT @ leksell_from_mr).inverse
    misfit = []
    for shift in np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3)]):
        affine = itk.AffineTransform(3)
        affine.SetMatrix(moving_from_fixed.rotation.ravel().tolist())
        affine.SetTranslation((moving_from_fixed(np.zeros(3)) + shift).tolist())
        method.SetInitialTransform(affine, False)
        misfit.append(method.MetricEvaluate(*images))
    assert np.argmin(misfit) == 0
