"""Co-registration finds a known rigid offset between a CT and an MR of a head, or refuses."""

from __future__ import annotations

import functools
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial.transform import Rotation

from gkplan.cli import main
from gkplan.coregister import coregister, in_words, search
from gkplan.coregister.model import Coregistration
from gkplan.coregister.pictures import Head
from gkplan.coregister.search import Pair
from gkplan.dicom.axial import write_axial
from gkplan.dicom.common import Study
from gkplan.dicom.registration import read_frame, read_registration
from gkplan.disclaimer import DISCLAIMER
from gkplan.errors import CaseError
from gkplan.frames import Array, Frame, RigidTransform, patient_from_leksell
from gkplan.grid import Grid, Volume
from gkplan.load import load_case
from gkplan.localizer import AxialSlices
from gkplan.solids import Ellipsoid
from tests.dicom.test_validators import _lines, _program

itk: Any = pytest.importorskip("SimpleITK")
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
    """CT numbers as they are."""
    grid = Grid.around(BOX, 1.5, Frame.PATIENT)
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
    grid = Grid.around(bounds, 1.5, Frame.PATIENT)
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
    registered: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In the first of them, which would take about this many steps more."""
    seen = []
    whole = search._stoppable

    def pressed(itk: Any, method: Any, fixed: Any, moving: Any) -> Any:
        def step() -> None:
            seen.append(method.GetOptimizerIteration())
            if len(seen) == 2:
                os.kill(os.getpid(), signal.SIGINT)
            if len(seen) > 2:
                time.sleep(0.2)

        method.AddCommand(itk.sitkIterationEvent, step)
        return whole(itk, method, fixed, moving)

    monkeypatch.setattr(search, "_stoppable", pressed)
    folders = [str(registered / name) for name in ("ct", "mr")]
    assert main(["register", *folders, "--out", str(tmp_path / "reg.dcm")]) == 130
    assert 2 <= len(seen) <= 5
    assert not list(tmp_path.iterdir())
    assert "Traceback" not in capsys.readouterr().err


def test_without_the_library_one_sentence_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    out = tmp_path / "reg.dcm"
    assert main(["register", str(tmp_path), str(tmp_path), "--out", str(out)]) == 2
    assert "pip install 'gkplan[register]'" in capsys.readouterr().err


@pytest.fixture(scope="module")
def pair() -> Pair:
    one, other = Head.of(ct(), 1.5), Head.of(mr(), 1.5)
    return Pair(one, other, one.box)


def test_likeness_is_greatest_where_the_heads_lie_on_each_other(pair: Pair) -> None:
    likeness = [pair.fit(OFFSET.matrix, 4.0).likeness]
    for turn in np.eye(3) * np.deg2rad(4.0):
        nudge = search.moved(pair.fixed.center, np.zeros(3), turn)
        likeness.append(pair.fit(OFFSET.matrix @ nudge, 4.0).likeness)
    for shift in np.concatenate([np.eye(3), -np.eye(3)]) * 4.0:
        nudge = search.moved(pair.fixed.center, shift, np.zeros(3))
        likeness.append(pair.fit(OFFSET.matrix @ nudge, 4.0).likeness)
    assert np.argmax(likeness) == 0
    assert pair.fit(search.moved(np.zeros(3), np.full(3, 1000.0), np.zeros(3)), 4.0).likeness == 0.0


@pytest.mark.parametrize("thorough", [False, True])
def test_it_is_the_same_for_any_number_of_threads_and_place(pair: Pair, thorough: bool) -> None:
    """Exactly; and where the scanner puts its origin does not matter."""
    start = OFFSET.matrix @ search.moved(pair.fixed.center, np.full(3, 4.0), np.full(3, 0.05))
    process = itk.ProcessObject
    before = process.GetGlobalDefaultNumberOfThreads()
    found = []
    try:
        for threads in (1, 3):
            process.SetGlobalDefaultNumberOfThreads(threads)
            found.append(pair.improved(start, 6.0, 2.0, thorough=thorough))
    finally:
        process.SetGlobalDefaultNumberOfThreads(before)
    np.testing.assert_array_equal(found[0].matrix, found[1].matrix)
    assert found[0].likeness == found[1].likeness
    away = np.array([400.0, -300.0, 900.0])
    there = search.moved(np.zeros(3), away, np.zeros(3))
    far = Pair(displaced(pair.fixed, away), displaced(pair.moving, away), pair.box + away)
    begun = there @ start @ np.linalg.inv(there)
    back = np.linalg.inv(there) @ far.improved(begun, 6.0, 2.0, thorough=thorough).matrix @ there
    np.testing.assert_allclose(back, found[0].matrix, atol=1e-3)


def displaced(head: Head, away: Array) -> Head:
    pictures = {}
    for mm, picture in head.pictures.items():
        pictures[mm] = itk.Image(picture)
        pictures[mm].SetOrigin((np.array(picture.GetOrigin()) + away).tolist())
    return Head(pictures, head.points + away, head.box + away, head.bounds + away)


def test_the_words_say_where_the_head_goes() -> None:
    turn = Rotation.from_rotvec([0.0, 0.0, 3.0], degrees=True).as_matrix()
    center = np.array([10.0, 20.0, 30.0])
    goal = center + np.array([1.5, -2.0, 4.0])
    move = RigidTransform(turn, goal - turn @ center, Frame.PATIENT, Frame.PATIENT)
    words = in_words(Coregistration(move, center, 0.2, 0.1, 1.0, {"upper half": 0.1}, 0.99))
    assert "1.50 mm to the left, 2.00 mm to the front, 4.00 mm to the head" in words
    assert "turns by 3.00 degrees (+0.00 about left, +0.00 about back, +3.00 about head)" in words
