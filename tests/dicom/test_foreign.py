"""Images and contours of another system become a case, and its plan joins their study."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid

from gkplan.case import Case
from gkplan.case.phantom import volume_cc
from gkplan.case.selection import Selection
from gkplan.cli import main
from gkplan.dicom import export_plan, read_foreign, read_plan
from gkplan.dicom.common import short
from gkplan.dicom.read.choose import choose_structures
from gkplan.dicom.read.scan import scan
from gkplan.dicom.write.asforeign import write_as_foreign
from gkplan.errors import CaseError, CaseWarning
from gkplan.frames import patient_from_leksell
from gkplan.plan import Plan
from gkplan.planfile import read_plan as read_plan_file
from gkplan.planfile import write_plan
from gkplan.prescription import Limit, Prescription
from tests.dicom.conftest import CENTER_LPS_MM, LONG_NAME, Exported, small_case
from tests.dicom.faults import faults
from tests.dicom.test_validators import _lines, _program

LONG = short(LONG_NAME)
CHOICE = Selection(
    (Prescription("target é", 12.5), Prescription("second", 18.0)),
    ("cochlea", LONG),
    (Limit("cochlea", "mean", 4.0),),
)
PLACE = patient_from_leksell(CENTER_LPS_MM)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("foreign")
    write_as_foreign(small_case(), folder)
    return folder


@pytest.fixture(scope="module")
def case(folder: Path) -> Case:
    return read_foreign(folder, CHOICE, PLACE)


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Iterator[Path]:
    """The folder again, for a test to change."""
    yield Path(shutil.copytree(folder, tmp_path / "copy"))
    shutil.rmtree(tmp_path / "copy")


def test_nothing_in_the_folder_is_private(folder: Path) -> None:
    for path in sorted(folder.rglob("*.dcm"))[::40]:
        assert not [e for e in dcmread(path).iterall() if e.tag.is_private]


def test_the_case_is_that_of_the_phantom(case: Case) -> None:
    original = small_case()
    assert [(s.name, s.role) for s in case.structures] == [
        ("target é", "target"),
        ("second", "target"),
        ("cochlea", "oar"),
        (LONG, "oar"),
    ]
    for structure, of_phantom in zip(case.structures, original.structures, strict=False):
        assert volume_cc(structure) == pytest.approx(volume_cc(of_phantom), rel=0.02)
        middle = of_phantom.solid.bounds.mean(axis=0)
        assert np.abs(structure.solid.bounds.mean(axis=0) - middle).max() < 0.5
    points = np.random.default_rng(2).uniform(55, 145, (20_000, 3))
    assert np.mean(original.head.contains(points) != case.head.contains(points)) < 2e-3


def test_the_head_may_come_from_the_image(folder: Path) -> None:
    choice = dataclasses.replace(CHOICE, oars=(), limits=(), surface="image")
    head, original = read_foreign(folder, choice, PLACE).head, small_case().head
    points = np.random.default_rng(2).uniform(55, 145, (20_000, 3))
    assert np.mean(original.contains(points) != head.contains(points)) < 5e-3


def test_without_a_frame_the_centroid_of_the_head_is_its_middle(folder: Path) -> None:
    choice = dataclasses.replace(CHOICE, oars=(), limits=())
    with pytest.warns(CaseWarning, match=r"no stereotactic frame.*--frame-centre"):
        case = read_foreign(folder, choice)
    # The phantom's head is centred on the middle of its frame.
    at = case.patient_from_leksell([100.0, 100.0, 100.0])
    np.testing.assert_allclose(at, CENTER_LPS_MM, atol=0.2)
    assert at == pytest.approx(np.round(at, 1))
    placed = read_foreign(folder, choice, patient_from_leksell(at))
    for moved, again in zip(case.structures, placed.structures, strict=True):
        np.testing.assert_allclose(moved.solid.bounds, again.solid.bounds, atol=1e-9)


def test_the_plan_joins_the_study_of_the_images(
    exported: Exported, case: Case, folder: Path, tmp_path: Path
) -> None:
    shots = tuple(dataclasses.replace(s, target=s.target or "second") for s in exported.plan.shots)
    plan = dataclasses.replace(exported.plan, case=case, shots=shots)
    files = export_plan(plan, exported.dose, exported.beam_doses_gy, tmp_path)
    assert [f.name for f in files] == ["rtplan.dcm", "rtdose.dcm", "rtstruct.dcm"]
    images = {d.SOPInstanceUID: d for d in map(dcmread, (folder / "ct").iterdir())}
    first = next(iter(images.values()))
    for file in map(dcmread, files):
        for tag in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID", "PatientName"):
            assert file[tag].value == first[tag].value
        assert file.SeriesInstanceUID != first.SeriesInstanceUID
    structures = dcmread(files[2])
    for roi in structures.ROIContourSequence:
        for contour in roi.ContourSequence:
            (image,) = contour.ContourImageSequence
            z = float(images[image.ReferencedSOPInstanceUID].ImagePositionPatient[2])
            assert set(np.array(contour.ContourData[2::3], float)) == {z}
    assert faults([*files, *(folder / "ct").iterdir()]) == []
    # With the images beside it, the export reads back as any other.
    both = tmp_path / "both"
    shutil.copytree(folder, both)
    for file in files:
        shutil.copy(file, both)
    assert read_plan(both).shots == shots
    if shutil.which("dciodvfy"):
        for file in files:
            lines = _lines(_program("dciodvfy"), str(file))
            assert not [line for line in lines if "Error" in line or "Abort" in line], file


def test_our_own_checks_find_no_fault_in_the_folder(folder: Path) -> None:
    assert faults(folder.rglob("*.dcm")) == []


def test_the_validators_find_no_error_in_the_folder(folder: Path) -> None:
    program = _program("dciodvfy")
    paths = sorted(folder.rglob("*.dcm"))
    for path in (*paths[:2], folder / "rtstruct.dcm"):
        assert not [line for line in _lines(program, str(path)) if "Error" in line], path
    lines = _lines(_program("dcentvfy"), *map(str, paths))
    assert not [line for line in lines if line.startswith("Error") or "Abort" in line]


def test_a_plan_file_finds_the_case_again(
    exported: Exported, case: Case, folder: Path, tmp_path: Path
) -> None:
    plan = Plan(case, exported.plan.unit, "icon", exported.plan.shots)
    write_plan(plan, tmp_path / "plan.json")
    again = read_plan_file(tmp_path / "plan.json").case
    assert again.sha256 == case.sha256
    assert again.selection == dataclasses.replace(case.selection, limits=())  # type: ignore[type-var]
    assert again.limits == case.limits
    assert [s.name for s in again.structures] == [s.name for s in case.structures]
    table = json.loads((tmp_path / "plan.json").read_text())
    assert table["case"]["selection"]["series"] == case.selection.series  # type: ignore[union-attr]


def test_an_unknown_region_lists_what_is_there(folder: Path) -> None:
    choice = dataclasses.replace(CHOICE, oars=("chiasm",))
    with pytest.raises(CaseError, match=r"no ROI 'chiasm'; there are: \*Skull, target é, second"):
        read_foreign(folder, choice, PLACE)


def test_contours_of_another_frame_of_reference_are_refused(copy: Path) -> None:
    structures = dcmread(copy / "rtstruct.dcm")
    other = generate_uid()
    for item in structures.StructureSetROISequence:
        item.ReferencedFrameOfReferenceUID = other
    structures.save_as(copy / "rtstruct.dcm")
    with pytest.raises(CaseError, match=f"ReferencedFrameOfReferenceUID is {other}, but"):
        read_foreign(copy, CHOICE, PLACE)


def test_two_structure_sets_are_not_guessed_between(copy: Path) -> None:
    structures = dcmread(copy / "rtstruct.dcm")
    first = structures.SOPInstanceUID
    structures.SOPInstanceUID = structures.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    structures.StructureSetLabel = "second look"
    structures.save_as(copy / "rtstruct2.dcm")
    with pytest.raises(CaseError, match=r"2 structure sets; choose one with --structures: 1: .*2:"):
        read_foreign(copy, CHOICE, PLACE)
    inventory = scan(copy)
    assert choose_structures(inventory, "1", None).uid == first
    assert choose_structures(inventory, first, None).uid == first
    with pytest.raises(CaseError, match=r"--structures 3: .* none of this number or UID"):
        choose_structures(inventory, "3", None)


def test_a_plan_by_hand_begins_in_such_a_folder(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan.json"
    place = ",".join(f"{c:g}" for c in CENTER_LPS_MM)
    targets = ["--target", "target é", "--target", "second:18"]
    command = ["shots", "new", str(folder), "--out", str(out), *targets, "--frame-centre", place]
    assert main([*command, "--dose", "12.5", "--limit", "cochlea:mean:4"]) == 0
    plan = read_plan_file(out)
    assert [(p.target, p.dose_gy) for p in plan.case.prescriptions] == [
        ("target é", 12.5),
        ("second", 18.0),
    ]
    assert {shot.target for shot in plan.shots} == {"target é", "second"}


@pytest.mark.parametrize("command", ["pareto", "plan"])
def test_choices_need_a_target(
    command: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, str(folder), "--out", str(tmp_path / "out"), "--oar", "cochlea"]) == 2
    assert "--oar: is for a DICOM folder, with at least one --target" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
