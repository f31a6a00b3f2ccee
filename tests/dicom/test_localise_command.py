"""gkplan phantom-localizer and gkplan localise, with the files that they write and read."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid

from gkplan.cli import main
from gkplan.dicom.axial import read_axial, write_axial
from gkplan.dicom.common import Study
from gkplan.dicom.registration import read_registration
from gkplan.disclaimer import DISCLAIMER
from gkplan.errors import CaseError
from gkplan.frames import Frame, RigidTransform
from gkplan.localizer import MR, AxialSlices, Scene, load_box, pose, render
from tests.dicom.test_validators import _lines, _program

SCENE = Scene.of(load_box("box-190"), pose((3.0, -2.0, 5.0), (4.0, 9.0, -80.0)))


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mr")
    images = render(SCENE, replace(MR, slice_mm=5.0), seed=1)
    write_axial(images, 1.5, Study.of("localizer"), folder)
    return folder


@pytest.fixture(scope="module")
def out(series: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("localised") / "out"
    assert main(["localise", str(series), "--out", str(out)]) == 0
    return out


def test_the_transform_is_written_twice_alike(series: Path, out: Path) -> None:
    table = json.loads((out / "localisation.json").read_text())
    assert table["disclaimer"] == DISCLAIMER
    assert table["box"]["name"] == "box-190"
    matrix = np.array(table["leksell_from_patient"])
    uid = str(read_axial(series).header.FrameOfReferenceUID)
    registration = read_registration(out / "registration.dcm")
    again = registration.leksell_from_patient(uid)
    np.testing.assert_allclose(again.matrix, matrix, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        again(SCENE.patient_from_leksell([[100.0, 100.0, 100.0]])), [[100.0] * 3], atol=0.2
    )
    assert len(table["slices"]) > 20
    with pytest.raises(CaseError, match=r"not about the frame of reference 1\.2\.3"):
        registration.leksell_from_patient("1.2.3")


def test_the_registration_belongs_to_the_study_of_the_images(series: Path, out: Path) -> None:
    image = read_axial(series).header
    written = dcmread(out / "registration.dcm")
    assert written.StudyInstanceUID == image.StudyInstanceUID
    assert written.PatientID == image.PatientID
    assert written.FrameOfReferenceUID != image.FrameOfReferenceUID
    (referenced,) = written.ReferencedSeriesSequence
    assert referenced.SeriesInstanceUID == image.SeriesInstanceUID
    assert len(referenced.ReferencedInstanceSequence) == len(list(series.iterdir()))


def test_validators_find_no_error(series: Path, out: Path) -> None:
    program = _program("dciodvfy")
    image = sorted(series.iterdir())[0]
    for path, kind in ((out / "registration.dcm", "SpatialRegistration"), (image, "MRImage")):
        lines = _lines(program, str(path))
        assert not [line for line in lines if "Error" in line or "Abort" in line], lines
        assert kind in lines
    every = [str(out / "registration.dcm"), *map(str, series.iterdir())]
    lines = _lines(_program("dcentvfy"), *every)
    assert not [line for line in lines if line.startswith("Error") or "Abort" in line], lines


def test_images_come_back_from_any_axial_orientation(series: Path, tmp_path: Path) -> None:
    plain = read_axial(series).slices
    for path in series.iterdir():
        dataset = dcmread(path)
        x, y, z = (float(v) for v in dataset.ImagePositionPatient)
        dy, dx = (float(v) for v in dataset.PixelSpacing)
        turned = np.ascontiguousarray(dataset.pixel_array[::-1, ::-1])
        dataset.ImageOrientationPatient = [-1, 0, 0, 0, -1, 0]
        dataset.ImagePositionPatient = [
            round(x + dx * (turned.shape[1] - 1), 6),
            round(y + dy * (turned.shape[0] - 1), 6),
            z,
        ]
        dataset.PixelData = turned.tobytes()
        dataset.save_as(tmp_path / path.name)
    again = read_axial(tmp_path).slices
    np.testing.assert_array_equal(again.pixels, plain.pixels)
    np.testing.assert_allclose(again.origin_mm, plain.origin_mm, atol=1e-5)


@pytest.mark.parametrize(
    ("keyword", "value", "message"),
    [
        ("ImageOrientationPatient", [1, 0, 0, 0, 0, -1], "mr-0002.dcm: .*expected axial slices"),
        ("ImagePositionPatient", [0, 0, 0], "mr-0002.dcm: .*differ from"),
        ("SeriesInstanceUID", "1.2.826.0.1.3680043.8.498.1", "holds 2 series"),
        ("PixelSpacing", None, "mr-0002.dcm: .*PixelSpacing"),
    ],
)
def test_a_slice_that_does_not_fit_is_named(
    series: Path, tmp_path: Path, keyword: str, value: object, message: str
) -> None:
    for path in sorted(series.iterdir())[:3]:
        shutil.copy(path, tmp_path)
    path = tmp_path / "mr-0002.dcm"
    dataset = dcmread(path)
    if value is None:
        delattr(dataset, keyword)
    else:
        setattr(dataset, keyword, value)
    dataset.save_as(path)
    with pytest.raises(CaseError, match=message):
        read_axial(tmp_path)


def test_the_same_slice_twice_is_named(series: Path, tmp_path: Path) -> None:
    for path in sorted(series.iterdir())[:3]:
        shutil.copy(path, tmp_path)
    again = dcmread(tmp_path / "mr-0002.dcm")
    again.save_as(tmp_path / "copy.dcm")
    assert len(read_axial(tmp_path).uids) == 3
    again.SOPInstanceUID = again.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    again.save_as(tmp_path / "twice.dcm")
    with pytest.raises(CaseError, match=r"twice.dcm: ImagePositionPatient: lies at z"):
        read_axial(tmp_path)


def test_another_object_is_no_registration(series: Path) -> None:
    with pytest.raises(CaseError, match="expected a Spatial Registration, got MR Image"):
        read_registration(series / "mr-0001.dcm")


def test_a_matrix_that_stretches_is_refused(out: Path, tmp_path: Path) -> None:
    dataset = dcmread(out / "registration.dcm")
    matrix = dataset.RegistrationSequence[0].MatrixRegistrationSequence[0].MatrixSequence[0]
    matrix.FrameOfReferenceTransformationMatrix[0] = 1.2
    dataset.save_as(tmp_path / "stretched.dcm")
    with pytest.raises(CaseError, match=r"stretched.dcm: .*not a proper rotation"):
        read_registration(tmp_path / "stretched.dcm")


def test_the_command_refuses_in_one_sentence(
    series: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    for args in (
        ["localise", str(tmp_path / "empty")],
        ["localise", str(series), "--box", "nobox"],
        ["localise", str(series), "--box", "box-192"],
        ["localise", str(series), "--limit-mean", "0.01"],
        ["localise", str(series), "--limit-max", "-1"],
        ["phantom-localizer", "--out", str(tmp_path / "new"), "--modality", "pet"],
        ["phantom-localizer", "--out", str(tmp_path / "new"), "--tilt", "1,2"],
        ["phantom-localizer", "--out", str(tmp_path / "new"), "--missing", "no rod"],
    ):
        assert main(args) == 2, args
        lines = [s for s in capsys.readouterr().err.splitlines() if s.startswith("gkplan: ")]
        assert len(lines) == 1, args
    assert not (tmp_path / "new").exists()


def test_slices_keep_their_values(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(-1000, 3000, (3, 7, 5)).astype(np.float32)
    images = AxialSlices(pixels, np.array([0.0, 1.0, 4.5]), (-3.25, 10.5), (0.5, 0.75), "CT")
    write_axial(images, 1.0, Study.of("x"), tmp_path)
    again = read_axial(tmp_path).slices
    np.testing.assert_array_equal(again.pixels, pixels)
    np.testing.assert_allclose(again.z_mm, images.z_mm)
    assert (again.origin_mm, again.spacing_mm) == (images.origin_mm, images.spacing_mm)


def test_a_rigid_transform_survives_its_decimal_strings(out: Path) -> None:
    registration = read_registration(out / "registration.dcm")
    for matrix in registration.matrices.values():
        RigidTransform.from_matrix(matrix, Frame.PATIENT, Frame.LEKSELL)
