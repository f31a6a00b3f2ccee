"""Every kind of file that we write, by our own checks beside the validators'."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, config, dcmread
from pydicom.uid import CTImageStorage, generate_uid

from gkplan.dicom.axial import read_axial, write_axial
from gkplan.dicom.common import Study
from gkplan.dicom.registration import write_registration
from gkplan.localizer import SCANNERS, Scene, load_box, pose, render
from tests.dicom.conftest import Exported
from tests.dicom.faults import Edit, faults, with_one_edited
from tests.dicom.test_validators import _lines, _program


def test_an_export_has_no_fault(exported: Exported) -> None:
    kinds = {str(dcmread(p, stop_before_pixels=True).Modality) for p in exported.files}
    assert kinds == {"RTPLAN", "RTDOSE", "RTSTRUCT", "CT"}
    assert faults(exported.files) == []


@pytest.fixture(scope="module")
def few(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The export with two contours a region and the slices that they lie on."""
    folder = tmp_path_factory.mktemp("few")
    data = dcmread(exported.files[2])
    used = set()
    for roi in data.ROIContourSequence:
        roi.ContourSequence = roi.ContourSequence[:2]
        used |= {c.ContourImageSequence[0].ReferencedSOPInstanceUID for c in roi.ContourSequence}
    study = data.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
    series = study.RTReferencedSeriesSequence[0]
    series.ContourImageSequence = [
        image for image in series.ContourImageSequence if image.ReferencedSOPInstanceUID in used
    ]
    data.save_as(folder / "rtstruct.dcm")
    slices = [path for path in exported.files[3:] if dcmread(path).SOPInstanceUID in used]
    return [*exported.files[:2], folder / "rtstruct.dcm", *slices]


def test_the_set_for_planted_faults_has_none(few: list[Path]) -> None:
    assert faults(few) == []


@pytest.fixture(scope="module", params=["ct", "mr"])
def localised(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """A Spatial Registration, and the localizer images that it is of."""
    folder = tmp_path_factory.mktemp("localised")
    images = folder / "images"
    images.mkdir()
    scene = Scene.of(load_box("box-190"), pose((3.0, -2.0, 5.0), (4.0, 9.0, -80.0)))
    scanner = dataclasses.replace(SCANNERS[request.param], slice_mm=40.0)
    write_axial(render(scene, scanner, seed=1), 1.5, Study.of("localizer"), images)
    leksell = scene.patient_from_leksell.inverse
    written = write_registration(leksell, read_axial(images), folder / "registration.dcm")
    return [written, *sorted(images.iterdir())]


def test_localizer_images_and_their_registration_have_no_fault(localised: list[Path]) -> None:
    assert len(localised) > 4
    assert faults(localised) == []
    without_one = faults([localised[0], *localised[2:]])
    assert any("object that is not there" in line for line in without_one)


def test_validators_find_no_error_in_localizer_images(localised: list[Path]) -> None:
    validator = _program("dciodvfy")
    for path in localised[:2]:
        lines = _lines(validator, str(path))
        assert not [line for line in lines if "Error" in line or "Abort" in line], lines
        assert {"SpatialRegistration", "CTImage", "MRImage"} & set(lines)
    lines = _lines(_program("dcentvfy"), *map(str, localised))
    assert not [line for line in lines if line.startswith("Error") or "Abort" in line], lines


def _set(path: str, value: Any) -> Edit:
    """Change one element: "Sequence.0.Keyword"."""

    def edit(data: Any) -> None:
        *way, last = path.split(".")
        for step in way:
            data = data[int(step)] if step.isdecimal() else data[step].value
        setattr(data, last, value)

    return edit


def _again(sequence: str) -> Edit:
    return lambda data: data[sequence].value.append(copy.deepcopy(data[sequence].value[0]))


def _shifted(data: Dataset) -> None:
    contour = data.ROIContourSequence[0].ContourSequence[0]
    contour.ContourData = [v + 0.5 if n % 3 == 2 else v for n, v in enumerate(contour.ContourData)]


_RING = "ROIContourSequence.0.ContourSequence.0"
PLANTED = [
    ("rtstruct.dcm", _again("StructureSetROISequence"), "ROINumber 1 2 times"),
    ("rtstruct.dcm", _again("ROIContourSequence"), "ReferencedROINumber 1 2 times"),
    ("rtstruct.dcm", _set("ROIContourSequence.0.ReferencedROINumber", 77), "77 points to nothing"),
    ("rtstruct.dcm", _set(f"{_RING}.NumberOfContourPoints", 5), "coordinates for 5 points"),
    ("rtstruct.dcm", _set(f"{_RING}.ContourData", [1, 2, 3, 4, 5, 6]), "closed with 2 points"),
    ("rtstruct.dcm", _set(f"{_RING}.ContourImageSequence", []), "on no image"),
    ("rtstruct.dcm", _shifted, "0.50 mm off its image"),
    ("rtstruct.dcm", _set(f"{_RING}.ContourImageSequence.0.ReferencedSOPInstanceUID", "1.2.3"),
     "object that is not there"),
    ("rtstruct.dcm", _set("StructureSetROISequence.0.ReferencedFrameOfReferenceUID", "1.2.3"),
     "ReferencedFrameOfReferenceUID of nothing"),
    ("rtplan.dcm", _set("ReferencedStructureSetSequence.0.ReferencedSOPClassUID", CTImageStorage),
     "as something else"),
    ("rtplan.dcm", _set("FractionGroupSequence.0.NumberOfBeams", 9), "NumberOfBeams 9: 3"),
    ("rtplan.dcm", _set("BeamSequence.1.BeamNumber", 1), "BeamNumber 1 2 times"),
    ("rtplan.dcm", _set("BeamSequence.1.FinalCumulativeMetersetWeight", 99), "is not the last"),
    ("rtplan.dcm", _set("BeamSequence.0.SourceAxisDistance", "1" * 20), "longer than 16"),
    ("rtplan.dcm", _set("PlanIntent", "Research"), "no CS"),
    ("rtplan.dcm", _set("RTPlanLabel", "a" * 17), "longer than 16"),
    ("rtdose.dcm", _set("DoseGridScaling", "0.12345678901234567"), "longer than 16"),
    ("rtdose.dcm", _set("ReferencedRTPlanSequence.0.ReferencedSOPInstanceUID", "1.2.3"),
     "object that is not there"),
    ("rtdose.dcm", _set("NumberOfFrames", 8), "PixelData"),
    ("rtdose.dcm", _set("StudyInstanceUID", generate_uid()), "more than one StudyInstanceUID"),
    ("ct", _set("InstanceNumber", 23), "InstanceNumber twice"),
    ("ct", _set("PatientID", "another"), "more than one PatientID"),
    ("ct", _set("SOPInstanceUID", "1.2.3"), "object that is not there"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "edit", "said"), PLANTED)
def test_a_planted_fault_is_noticed(
    name: str,
    edit: Edit,
    said: str,
    few: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(config.settings, "writing_validation_mode", config.IGNORE)
    monkeypatch.setattr(config.settings, "reading_validation_mode", config.IGNORE)
    name = few[3].name if name == "ct" else name  # slice 23 is in the set as well
    found = faults(with_one_edited(few, name, tmp_path, edit))
    assert any(said in line for line in found), found
