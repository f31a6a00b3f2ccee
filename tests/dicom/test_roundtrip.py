"""What gkplan wrote, it reads back; everything else it refuses in one sentence."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

from gkplan.case.phantom import volume_cc
from gkplan.dicom import export_plan, read_case, read_plan
from gkplan.dicom.common import Study
from gkplan.dicom.planblock import read_rtplan
from gkplan.dicom.rtstruct import roi_numbers
from gkplan.dicom.write.rtplan import BeamDoses, rtplan_dataset
from gkplan.errors import CaseError, GkplanError
from gkplan.load import load_case
from gkplan.plan import Plan
from gkplan.shot import Shot
from tests.dicom.conftest import Exported, small_case


@pytest.fixture(scope="module")
def back(exported: Exported) -> Plan:
    return read_plan(exported.folder)


@pytest.fixture
def copy(exported: Exported, tmp_path: Path) -> Path:
    """The export again, for a test to damage."""
    return Path(shutil.copytree(exported.folder, tmp_path / "copy"))


def test_the_plan_comes_back(exported: Exported, back: Plan) -> None:
    plan = exported.plan
    assert back.shots == plan.shots
    assert back.unit_name == plan.unit_name
    assert back.calibration_dose_rate_gy_per_min == plan.calibration_dose_rate_gy_per_min
    assert back.treatment_date == plan.treatment_date
    assert back.transit is plan.transit is True
    assert back.metrics is None


def test_the_case_comes_back(exported: Exported, back: Plan) -> None:
    case, plan_case = back.case, exported.plan.case
    assert case.patient_from_leksell == plan_case.patient_from_leksell
    assert case.prescriptions == plan_case.prescriptions
    assert case.limits == plan_case.limits
    assert [(s.name, s.role) for s in case.structures] == [
        (s.name, s.role) for s in plan_case.structures
    ]
    assert (case.name, case.source, case.head.name) == (plan_case.name, plan_case.source, "small")
    assert (case.kind, case.path) == ("dicom", str(exported.folder))
    assert len(case.sha256) == 64


def test_a_folder_is_a_case_to_load(exported: Exported) -> None:
    assert load_case(str(exported.folder)).sha256 == read_case(exported.folder).sha256


# Number of the structure, and how much its volume may change: 1.5, 0.3, 0.05, 200, 2 x 0.2 cc.
_TOLERANCES = [(0, 0.01), (1, 0.015), (2, 0.02), (3, 0.005), (4, 0.02)]


@pytest.mark.parametrize(("number", "tolerance"), _TOLERANCES)
def test_contours_hold_the_volume(exported: Exported, number: int, tolerance: float) -> None:
    """Slice by slice, as planning systems count: area times spacing, holes taken out."""
    contours = dcmread(exported.folder / "rtstruct.dcm").ROIContourSequence[number + 1]
    signed = 0.0
    for contour in contours.ContourSequence:
        x, y, _ = np.array(contour.ContourData, float).reshape(-1, 3).T
        signed += np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2
    volume = volume_cc(exported.plan.case.structures[number])
    # Half a millimetre between slices: the second target is flatter than 12 mm.
    assert 0.5 * abs(signed) / 1000 == pytest.approx(volume, rel=tolerance)


@pytest.mark.parametrize(("number", "tolerance"), _TOLERANCES)
def test_structures_keep_their_volume(
    exported: Exported, back: Plan, number: int, tolerance: float
) -> None:
    before, after = exported.plan.case.structures[number], back.case.structures[number]
    assert volume_cc(after) == pytest.approx(volume_cc(before), rel=tolerance)


def test_the_head_keeps_its_place_and_densities(exported: Exported, back: Plan) -> None:
    before, after = exported.plan.case.head, back.case.head
    points = np.random.default_rng(2).uniform(55, 145, (20_000, 3))
    assert np.mean(before.contains(points) != after.contains(points)) < 2e-3
    inside = points[exported.plan.case.structures[0].solid.contains(points)]
    np.testing.assert_allclose(after.hu(inside), before.hu(inside))


def test_a_plan_read_back_can_be_exported_again(
    exported: Exported, back: Plan, tmp_path: Path
) -> None:
    again = dataclasses.replace(back, metrics=exported.plan.metrics)
    export_plan(again, exported.dose, exported.beam_doses_gy, tmp_path)
    twice = read_plan(tmp_path)
    assert twice.shots == exported.plan.shots
    assert twice.case.head.image is not None
    assert back.case.head.image is not None
    assert twice.case.head.image.grid == back.case.head.image.grid
    np.testing.assert_array_equal(twice.case.head.image.array, back.case.head.image.array)
    target = back.case.structures[0]
    assert volume_cc(twice.case.structures[0]) == pytest.approx(volume_cc(target), rel=0.01)


def test_a_case_is_planned_again_for_the_tilt_of_its_shots(
    exported: Exported, tmp_path: Path
) -> None:
    tilted = tuple(dataclasses.replace(s, gamma_angle_deg=110.0) for s in exported.plan.shots)
    plan = dataclasses.replace(exported.plan, shots=tilted)
    export_plan(plan, exported.dose, exported.beam_doses_gy, tmp_path)
    assert read_case(tmp_path).gamma_angle_deg == 110.0


def test_names_of_files_and_folders_do_not_matter(exported: Exported, tmp_path: Path) -> None:
    for number, path in enumerate(reversed(exported.files)):
        shutil.copy(path, tmp_path / f"IM{number:05d}")
    (tmp_path / "plan.json").write_text("{}")
    assert read_plan(tmp_path).shots == exported.plan.shots


def test_private_elements_survive_implicit_vr(exported: Exported, copy: Path) -> None:
    for path in copy.rglob("*.dcm"):
        dataset = dcmread(path)
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        dataset.save_as(path, implicit_vr=True, little_endian=True)
    assert read_plan(copy).shots == exported.plan.shots


_CASE = small_case()
_PLACES = st.tuples(*(st.floats(low, high) for low, high in ((20, 180), (10, 190), (-10, 210))))
_SHOTS = st.builds(
    Shot,
    isocenter_mm=_PLACES,
    sectors=st.lists(st.sampled_from((0, 4, 8, 16)), min_size=8, max_size=8).filter(any).map(tuple),
    time_min=st.floats(min_value=0, max_value=1e6, exclude_min=True),
    gamma_angle_deg=st.floats(45, 135),
    target=st.sampled_from(["target é", "second", "", "unknown \\ name"]),
)


@given(shots=st.lists(_SHOTS, min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_shots_keep_every_bit(plan: Plan, shots: list[Shot]) -> None:
    some = dataclasses.replace(plan, shots=tuple(shots))
    doses = BeamDoses((1 / 3, 1e-9, 100.0), [1.0] * len(shots))
    dataset = rtplan_dataset(some, doses, generate_uid(), roi_numbers(_CASE), Study.of("x"))
    stream = io.BytesIO()
    dataset.save_as(stream, implicit_vr=False, little_endian=True)
    stream.seek(0)
    record = read_rtplan(dcmread(stream, force=True))
    assert record.shots == some.shots
    assert str(record.shots) == str(some.shots)


@pytest.mark.parametrize("part", ["rtplan.dcm", "rtstruct.dcm", "ct/ct-0020.dcm"])
@pytest.mark.parametrize("fraction", [0.0, 0.02, 0.3, 0.7, 0.97, 0.9999])
def test_a_truncated_file_is_named(copy: Path, part: str, fraction: float) -> None:
    path = copy / part
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])
    with pytest.raises(CaseError) as caught:
        read_plan(copy)
    assert str(copy) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seed", range(12))
def test_damage_never_ends_in_another_error(copy: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    path = copy / ("rtplan.dcm", "rtstruct.dcm", "ct/ct-0030.dcm")[seed % 3]
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    places = rng.integers(132, min(len(content), 8000), 30)
    content[places] = rng.integers(0, 256, len(places))
    path.write_bytes(content.tobytes())
    with contextlib.suppress(GkplanError):
        read_plan(copy)


def test_missing_parts_are_named(exported: Exported, copy: Path) -> None:
    (copy / "ct" / "ct-0010.dcm").unlink()
    with pytest.raises(CaseError, match=r"1 of the .* slices that the structure set refers to"):
        read_plan(copy)
    shutil.rmtree(copy / "ct")
    with pytest.raises(CaseError, match=r"images of rtplan.dcm are missing"):
        read_plan(copy)
    (copy / "rtstruct.dcm").unlink()
    with pytest.raises(CaseError, match=r"RTSTRUCT of rtplan.dcm is missing"):
        read_plan(copy)
    (copy / "rtplan.dcm").unlink()
    (copy / "rtdose.dcm").unlink()
    with pytest.raises(CaseError, match="no DICOM file"):
        read_plan(copy)


def test_two_plans_are_refused_and_a_copy_of_one_is_not(exported: Exported, copy: Path) -> None:
    shutil.copy(copy / "rtplan.dcm", copy / "copy.dcm")
    assert read_plan(copy).shots == exported.plan.shots
    another = dcmread(copy / "rtplan.dcm")
    another.SOPInstanceUID = another.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    another.save_as(copy / "another.dcm")
    with pytest.raises(CaseError, match="2 RTPLAN"):
        read_plan(copy)


def test_slices_that_do_not_fit_are_named(copy: Path) -> None:
    path = copy / "ct" / "ct-0010.dcm"
    dataset = dcmread(path)
    position = dataset.ImagePositionPatient
    dataset.ImagePositionPatient = [position[0], position[1], float(position[2]) + 0.5]
    dataset.save_as(path)
    with pytest.raises(CaseError, match=r"ct-001[01].dcm: ImagePositionPatient"):
        read_plan(copy)
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
    dataset.save_as(path)
    with pytest.raises(CaseError, match=r"ct-0010.dcm: ImageOrientationPatient"):
        read_plan(copy)


@pytest.mark.parametrize("keyword", ["BeamMeterset", "IsocenterPosition"])
def test_numbers_edited_elsewhere_are_noticed(copy: Path, keyword: str) -> None:
    path = copy / "rtplan.dcm"
    dataset = dcmread(path)
    if keyword == "BeamMeterset":
        dataset.FractionGroupSequence[0].ReferencedBeamSequence[1].BeamMeterset = "0.34"
    else:
        dataset.BeamSequence[1].ControlPointSequence[0].IsocenterPosition[2] += 0.01
    dataset.save_as(path)
    with pytest.raises(CaseError, match=f"beam 2: {keyword}"):
        read_plan(copy)


def test_an_anonymised_export_says_what_is_lost(copy: Path) -> None:
    path = copy / "rtplan.dcm"
    dataset = dcmread(path)
    dataset.remove_private_tags()
    dataset.save_as(path)
    with pytest.raises(CaseError, match="private elements are gone"):
        read_plan(copy)


def test_a_folder_without_dicom_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no DICOM")
    with pytest.raises(CaseError, match="no DICOM file in or below it"):
        read_case(tmp_path)
    (tmp_path / "fake.dcm").write_text("no DICOM")
    with pytest.raises(CaseError, match=r"fake.dcm: incomplete or damaged"):
        read_case(tmp_path)


def test_foreign_dicom_needs_to_be_told_what_is_meant(exported: Exported, tmp_path: Path) -> None:
    for name in ("rtplan.dcm", "ct/ct-0001.dcm"):
        dataset = dcmread(exported.folder / name)
        dataset.remove_private_tags()
        dataset.Manufacturer = "Somebody Else"
        dataset.save_as(tmp_path / Path(name).name)
    with pytest.raises(
        CaseError, match=r"1 CT, 1 RTPLAN by Somebody Else, no plan of gk.* --target"
    ):
        read_case(tmp_path)


def test_files_are_explicit_little_endian(exported: Exported) -> None:
    for path in exported.files:
        meta = dcmread(path, stop_before_pixels=True).file_meta
        assert meta.TransferSyntaxUID == ExplicitVRLittleEndian
