"""What the files say, checked against the plan and against each other."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from gkplan.dicom import export_plan
from gkplan.dicom.common import short
from gkplan.dicom.write.rtplan import beam_names
from gkplan.dicom.write.trace import trace
from gkplan.disclaimer import DISCLAIMER
from gkplan.errors import OutputError, PlanError
from gkplan.frames import Frame, RigidTransform
from gkplan.grid import Grid, Volume
from gkplan.plan import Plan
from gkplan.solids import HalfSpace, Intersection
from tests.dicom.conftest import CENTER_LPS_MM, LONG_NAME, Exported, sphere

_VENDOR = re.compile(r"elekta|leksell gamma|gammaplan|perfexion|pfx|icon|esprit|lgk", re.IGNORECASE)


@pytest.fixture(scope="module")
def parts(exported: Exported) -> dict[str, Dataset]:
    names = ("rtplan", "rtdose", "rtstruct")
    return {name: dcmread(exported.folder / f"{name}.dcm") for name in names}


@pytest.fixture(scope="module")
def slices(exported: Exported) -> list[Dataset]:
    return [dcmread(path) for path in sorted((exported.folder / "ct").iterdir())]


def test_all_files_are_in_the_folder(exported: Exported) -> None:
    found = sorted(path for path in exported.folder.rglob("*") if path.is_file())
    assert sorted(exported.files) == found
    names = [path.name for path in exported.files]
    assert names[:4] == ["rtplan.dcm", "rtdose.dcm", "rtstruct.dcm", "ct-0001.dcm"]


def test_beam_doses_add_up_to_the_maximum(exported: Exported, parts: dict[str, Dataset]) -> None:
    (group,) = parts["rtplan"].FractionGroupSequence
    beams = group.ReferencedBeamSequence
    assert sum(float(b.BeamDose) for b in beams) == pytest.approx(sum(exported.beam_doses_gy))
    assert [float(b.BeamMeterset) for b in beams] == pytest.approx(
        [s.time_min for s in exported.plan.shots]
    )


def test_isocentre_and_maximum_are_in_lps(exported: Exported, parts: dict[str, Dataset]) -> None:
    start = parts["rtplan"].BeamSequence[0].ControlPointSequence[0]
    cx, cy, cz = CENTER_LPS_MM
    # 10.1 mm left, 5 mm posterior and 4 mm inferior of the centre of the frame.
    expected = [cx + 10.1, cy + 5.0, cz - 4.0]
    np.testing.assert_allclose(np.array(start.IsocenterPosition, float), expected, atol=1e-5)
    beam = parts["rtplan"].FractionGroupSequence[0].ReferencedBeamSequence[0]
    at = np.array(beam.BeamDoseSpecificationPoint, float)
    np.testing.assert_allclose(at, [cx + 10.0, cy + 5.0, cz - 4.0], atol=1e-5)


def test_beams_are_named_by_target_and_shot(parts: dict[str, Dataset]) -> None:
    beams = parts["rtplan"].BeamSequence
    assert [beam.BeamName for beam in beams] == ["A1", "B1", "A2"]
    setups = {s.PatientSetupNumber: s for s in parts["rtplan"].PatientSetupSequence}
    pitch = [
        setups[b.ReferencedPatientSetupNumber].FixationDeviceSequence[0].FixationDevicePitchAngle
        for b in beams
    ]
    assert pitch == pytest.approx([90.0, 70.1, 90.0])


def test_many_targets_go_on_with_two_letters(plan: Plan) -> None:
    shots = tuple(dataclasses.replace(plan.shots[0], target=f"t{n}") for n in range(26))
    names = beam_names(dataclasses.replace(plan, shots=shots))
    # The case's own two targets take A and B.
    assert names[0] == "C1"
    assert names[-2:] == ["AA1", "AB1"]


def test_dose_is_within_half_a_step(exported: Exported, parts: dict[str, Dataset]) -> None:
    dose = parts["rtdose"]
    stored = dose.pixel_array * float(dose.DoseGridScaling)
    # LPS y and z run against Leksell's.
    expected = np.asarray(exported.dose.array, float)[::-1, ::-1, :]
    assert np.abs(stored - expected).max() <= float(dose.DoseGridScaling) * 0.5000001
    assert dose.pixel_array.max() == 65535


def test_dose_voxels_lie_where_the_grid_says(exported: Exported, parts: dict[str, Dataset]) -> None:
    dose = parts["rtdose"]
    offsets = np.array(dose.GridFrameOffsetVector, float)
    assert offsets[0] == 0
    assert (np.diff(offsets) > 0).all()
    k, j, i = 2, 7, 5
    dy, dx = (float(v) for v in dose.PixelSpacing)
    x, y, z = (float(v) for v in dose.ImagePositionPatient)
    lps = np.array([x + i * dx, y + j * dy, z + offsets[k]])
    leksell = exported.plan.case.patient_from_leksell.inverse(lps)
    value = dose.pixel_array[k, j, i] * float(dose.DoseGridScaling)
    assert exported.dose.at(leksell[None])[0] == pytest.approx(value, abs=1e-3)


def test_ct_shows_the_head_where_it_is(exported: Exported, slices: list[Dataset]) -> None:
    case = exported.plan.case
    heights = [float(s.ImagePositionPatient[2]) for s in slices]
    assert np.diff(heights) == pytest.approx(0.5)
    rng = np.random.default_rng(1)
    for image in slices[5::20]:
        dy, dx = (float(v) for v in image.PixelSpacing)
        x, y, z = (float(v) for v in image.ImagePositionPatient)
        for j, i in rng.integers(0, image.pixel_array.shape, (200, 2)):
            leksell = case.patient_from_leksell.inverse([x + i * dx, y + j * dy, z])
            assert image.pixel_array[j, i] == case.head.hu(leksell[None])[0]


def test_contours_are_consistent(parts: dict[str, Dataset], slices: list[Dataset]) -> None:
    structures = parts["rtstruct"]
    height = {s.SOPInstanceUID: float(s.ImagePositionPatient[2]) for s in slices}
    numbers = [item.ROINumber for item in structures.StructureSetROISequence]
    assert len(set(numbers)) == len(numbers) == 6
    assert [i.ReferencedROINumber for i in structures.ROIContourSequence] == numbers
    assert [i.ReferencedROINumber for i in structures.RTROIObservationsSequence] == numbers
    for roi in structures.ROIContourSequence:
        assert roi.ContourSequence
        for contour in roi.ContourSequence:
            points = np.array(contour.ContourData, float).reshape(-1, 3)
            assert len(points) == contour.NumberOfContourPoints >= 3
            assert contour.ContourGeometricType == "CLOSED_PLANAR"
            (image,) = contour.ContourImageSequence
            assert set(points[:, 2]) == {height[image.ReferencedSOPInstanceUID]}


def test_regions_have_their_types(parts: dict[str, Dataset]) -> None:
    items = parts["rtstruct"].StructureSetROISequence
    kinds = [o.RTROIInterpretedType for o in parts["rtstruct"].RTROIObservationsSequence]
    assert [item.ROIName for item in items][:3] == ["*Skull", "target é", "second"]
    assert items[4].ROIName == short(LONG_NAME)
    assert kinds == ["EXTERNAL", "PTV", "PTV", "ORGAN", "ORGAN", "ORGAN"]


def test_references_resolve(parts: dict[str, Dataset], slices: list[Dataset]) -> None:
    plan, dose, structures = parts["rtplan"], parts["rtdose"], parts["rtstruct"]
    everything = [plan, dose, structures, *slices]
    assert len({d.StudyInstanceUID for d in everything}) == 1
    assert len({d.FrameOfReferenceUID for d in everything}) == 1
    assert len({d.SeriesInstanceUID for d in everything}) == 4
    assert len({d.SOPInstanceUID for d in everything}) == len(everything)
    (of_dose,) = dose.ReferencedRTPlanSequence
    assert of_dose.ReferencedSOPInstanceUID == plan.SOPInstanceUID
    (of_plan,) = plan.ReferencedStructureSetSequence
    assert of_plan.ReferencedSOPInstanceUID == structures.SOPInstanceUID
    (frame,) = structures.ReferencedFrameOfReferenceSequence
    series = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
    images = [i.ReferencedSOPInstanceUID for i in series.ContourImageSequence]
    assert images == [s.SOPInstanceUID for s in slices]
    rois = {item.ROINumber for item in structures.StructureSetROISequence}
    assert {r.ReferencedROINumber for r in plan.DoseReferenceSequence} <= rois
    beams = [b.ReferencedBeamNumber for b in plan.FractionGroupSequence[0].ReferencedBeamSequence]
    assert beams == [b.BeamNumber for b in plan.BeamSequence]


def test_texts_and_numbers_have_legal_lengths(exported: Exported) -> None:
    longest = {"DS": 16, "SH": 16, "LO": 64, "CS": 16, "PN": 64}
    for path in exported.files[:4]:
        for element in dcmread(path).iterall():
            if element.VR in longest and element.value is not None:
                values = element.value if element.VM > 1 else [element.value]
                assert all(len(str(v)) <= longest[element.VR] for v in values), element


def test_nothing_passes_for_a_vendor_or_for_clinical(exported: Exported) -> None:
    for path in exported.files[:4]:
        dataset = dcmread(path)
        # The unit's name, which reading back needs, is in our private block alone.
        public = [e for e in dataset.iterall() if not e.tag.is_private and e.VR != "SQ"]
        assert not [e for e in public if e.keyword != "PixelData" and _VENDOR.search(str(e.value))]
        assert dataset.Manufacturer == dataset.ManufacturerModelName == "gkplan"
        assert dataset.StudyDescription == DISCLAIMER
        assert str(dataset.file_meta.ImplementationVersionName).startswith("GKPLAN_")
    plan = dcmread(exported.files[0])
    assert (plan.PlanIntent, plan.ApprovalStatus) == ("RESEARCH", "UNAPPROVED")
    assert plan.RTPlanDescription.startswith(DISCLAIMER)
    assert "Dose: tmr, geometric depth" in plan.RTPlanDescription
    assert plan.BeamSequence[0].TreatmentMachineName == "gkplan-192"


def test_contours_enclose_the_right_area() -> None:
    ball = sphere(100.0, 100.0, 100.0, 0.3)
    radius = ball.semi_axes_mm[0]
    limits = np.array([[0.0] * 3, [200.0] * 3])
    heights = np.array([98.0, 100.0, 103.0, 150.0])
    for z, rings in zip(heights, trace(ball, heights, limits), strict=True):
        exact = max(np.pi * (radius**2 - (z - 100.0) ** 2), 0.0)
        area = 0.0
        for x, y, _ in (ring.T for ring in rings):
            area += abs(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2
        assert area == pytest.approx(exact, rel=3e-3)


def test_contours_close_at_the_limits() -> None:
    slab = Intersection((HalfSpace((0, 0, 100), (0, 0, 1)), HalfSpace((0, 0, 90), (0, 0, -1))))
    limits = np.array([[10.0, 20.0, 0.0], [50.0, 40.0, 200.0]])
    ((ring,), nothing) = trace(slab, np.array([95.0, 105.0]), limits)
    assert nothing == []
    assert np.ptp(ring[:, :2], axis=0) == pytest.approx([40.0, 20.0], abs=4.0)


def _dose(plan: Plan) -> Volume:
    return Volume(
        np.ones((1, 1, 1)), Grid((1, 1, 1), (1, 1, 1), (0, 0, 0), Frame.LEKSELL), "dose_gy"
    )


def test_a_plan_without_metrics_is_refused(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="evaluate it"):
        export_plan(dataclasses.replace(plan, metrics=None), _dose(plan), [1] * 3, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_tilted_frame_is_refused(plan: Plan, tmp_path: Path) -> None:
    c, s = np.cos(0.1), np.sin(0.1)
    turn = np.diag([1.0, -1.0, -1.0]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    tilted = RigidTransform(turn, np.zeros(3), Frame.LEKSELL, Frame.PATIENT)
    case = dataclasses.replace(plan.case, patient_from_leksell=tilted)
    with pytest.raises(PlanError, match="rotated"):
        export_plan(dataclasses.replace(plan, case=case), _dose(plan), [1] * 3, tmp_path)


def test_a_structure_thinner_than_a_slice_is_named(plan: Plan, tmp_path: Path) -> None:
    thin = dataclasses.replace(plan.case.structures[2], solid=sphere(110.0, 95.0, 104.4, 1e-6))
    case = dataclasses.replace(plan.case, structures=(*plan.case.structures[:2], thin), limits=())
    with pytest.raises(PlanError, match="'cochlea': lies between two slices"):
        export_plan(dataclasses.replace(plan, case=case), _dose(plan), [1] * 3, tmp_path)


def test_misuse_is_refused(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="beam_doses_gy: 2 numbers for 3 shots"):
        export_plan(plan, _dose(plan), [1.0, 2.0], tmp_path)
    grid = Grid((1, 1, 1), (1, 1, 1), (0, 0, 0), Frame.PATIENT)
    with pytest.raises(ValueError, match="leksell"):
        export_plan(plan, Volume(np.ones((1, 1, 1)), grid, "dose_gy"), [1] * 3, tmp_path)


def test_only_an_existing_empty_folder_is_written(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(OutputError, match="empty folder"):
            export_plan(plan, _dose(plan), [1] * 3, folder)
