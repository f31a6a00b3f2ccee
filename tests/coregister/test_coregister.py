"""Co-registration finds a known rigid offset between a CT and an MR of a head, or refuses."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from scipy.spatial.transform import Rotation

from gkplan.cli import main
from gkplan.coregister import coregister, in_words
from gkplan.coregister.model import Coregistration
from gkplan.dicom.axial import write_axial
from gkplan.dicom.common import Study
from gkplan.dicom.registration import read_frame, read_registration
from gkplan.disclaimer import DISCLAIMER
from gkplan.errors import CaseError
from gkplan.frames import Array, Frame, RigidTransform, patient_from_leksell
from gkplan.grid import Grid, Volume
from gkplan.load import load_case
from gkplan.localizer import AxialSlices
from tests.dicom.test_validators import _lines, _program

pytest.importorskip("SimpleITK", reason="needs SimpleITK (gkplan[registration])")

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


def ct(spacing_mm: float = 2.5) -> Volume:
    grid = Grid.around(BOX, spacing_mm, Frame.PATIENT)
    hu = HEAD.hu(TO_PATIENT.inverse(grid.points())).reshape(grid.shape)
    noise = np.random.default_rng(1).normal(0.0, 15.0, grid.shape)
    return Volume((hu + noise).astype(np.float32), grid, "hu")


def mr(offset: RigidTransform = OFFSET, spacing_mm: float = 2.2) -> Volume:
    corners = np.array([[x, y, z] for x in BOX[:, 0] for y in BOX[:, 1] for z in BOX[:, 2]])
    there = offset(corners)
    bounds = np.array([there.min(axis=0), there.max(axis=0)])
    grid = Grid.around(bounds, spacing_mm, Frame.PATIENT)
    hu = HEAD.hu(TO_PATIENT.inverse(offset.inverse(grid.points()))).reshape(grid.shape)
    noise = np.random.default_rng(2).normal(0.0, 20.0, grid.shape)
    signal = np.interp(hu, _HU, _SIGNAL) + noise
    return Volume(np.maximum(signal, 0.0).astype(np.float32), grid, "mr_signal")


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
    other = folder_of(ct(20.0), "CT", tmp_path / "other", "P2")
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

    fixed = find_series(folder_of(ct(20.0), "CT", tmp_path / "a"), None, "--fixed-series", quiet)
    moving = find_series(folder_of(ct(25.0), "CT", tmp_path / "b"), None, "--moving-series", quiet)
    write_coregistration(fixed, moving, OFFSET, tmp_path / "reg.dcm")
    again = read_registration(tmp_path / "reg.dcm")
    assert again.frame_uid == fixed.frame_uid
    np.testing.assert_allclose(again.matrices[moving.frame_uid], OFFSET.matrix, atol=1e-12)
    np.testing.assert_array_equal(again.matrices[fixed.frame_uid], np.eye(4))
    with pytest.raises(CaseError, match="does not say where the Leksell frame is"):
        again.leksell_from_patient(moving.frame_uid)


def test_noise_is_not_registered() -> None:
    """Two searches that end in different places say that nothing is known."""
    rng = np.random.default_rng(5)
    grid = Grid.around(np.array([[-60.0] * 3, [60.0] * 3]), 4.0, Frame.PATIENT)
    one, other = (
        Volume(rng.normal(500.0, 100.0, grid.shape).astype(np.float32), grid, "mr_signal")
        for _ in range(2)
    )
    with pytest.raises(CaseError, match="co-registration: "):
        coregister(one, other)


def test_an_empty_image_is_refused() -> None:
    grid = Grid.around(np.array([[-60.0] * 3, [60.0] * 3]), 10.0, Frame.PATIENT)
    empty = Volume(np.zeros(grid.shape, dtype=np.float32), grid, "mr_signal")
    with pytest.raises(CaseError, match="empty"), warnings.catch_warnings():
        coregister(ct(10.0), empty)


def test_an_interrupt_in_the_middle_of_the_search_gets_out() -> None:
    steps = []

    def report(text: str) -> None:
        steps.append(text)
        if "step" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        coregister(ct(6.0), mr(spacing_mm=6.0), report)
    assert "step 0" in steps[-1]


def test_the_words_say_where_the_head_goes() -> None:
    turn = Rotation.from_rotvec([0.0, 0.0, 3.0], degrees=True).as_matrix()
    center = np.array([10.0, 20.0, 30.0])
    goal = center + np.array([1.5, -2.0, 4.0])
    move = RigidTransform(turn, goal - turn @ center, Frame.PATIENT, Frame.PATIENT)
    words = in_words(Coregistration(move, center, 1.0, 0.1, 1.0, 0.0))
    assert "1.50 mm to the left, 2.00 mm to the front, 4.00 mm to the head" in words
    assert "turns by 3.00 degrees (+0.00 about left, +0.00 about back, +3.00 about head)" in words
