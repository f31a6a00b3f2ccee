"""Contours of other systems: holes, keyholes, points, copies, odd references, small volumes."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import generate_uid

from gkplan.case import Case
from gkplan.case.phantom import volume_cc
from gkplan.case.selection import Selection
from gkplan.dicom import read_foreign
from gkplan.dicom.read.listing import list_folder
from gkplan.dicom.read.rois import read_rois, rings_of
from gkplan.dicom.read.scan import scan
from gkplan.errors import CaseError, CaseWarning
from gkplan.frames import patient_from_leksell
from gkplan.prescription import Prescription
from gkplan.structures import solid_from_contours
from tests.dicom.other_system import (
    BALL_AT_MM,
    BALL_MM,
    axial_series,
    ball_contours,
    contour,
    file_bytes,
    ring,
    skull_contours,
    structure_set,
)

PLACE = patient_from_leksell((0.0, 0.0, 0.0))
CHOICE = Selection((Prescription("GTV", 15.0),))
BALL_CC = 4 / 3 * np.pi * BALL_MM**3 / 1000


@pytest.fixture(scope="module")
def slices() -> list[Dataset]:
    return axial_series()


@pytest.fixture(scope="module")
def image_bytes(slices: list[Dataset]) -> list[bytes]:
    return [file_bytes(image) for image in slices]


@pytest.fixture
def folder(image_bytes: list[bytes], tmp_path: Path) -> Path:
    """The images alone."""
    for number, content in enumerate(image_bytes):
        (tmp_path / f"{number:03d}").write_bytes(content)
    return tmp_path


def case_of(
    folder: Path,
    slices: Sequence[Dataset],
    gtv: list[Dataset],
    change: Callable[[Dataset], None] = lambda _: None,
    choice: Selection = CHOICE,
) -> Case:
    made = structure_set(slices, {"Outer": skull_contours(slices), "GTV": gtv, "Nothing": []})
    change(made)
    (folder / "rs.dcm").write_bytes(file_bytes(made))
    return read_foreign(folder, choice, PLACE)


def test_volume_and_place_of_a_ball(folder: Path, slices: list[Dataset]) -> None:
    case = case_of(folder, slices, ball_contours(slices))
    (target,) = case.targets
    assert volume_cc(target) == pytest.approx(BALL_CC, rel=0.01)
    x, y, z = BALL_AT_MM
    middle = target.solid.bounds.mean(axis=0)
    np.testing.assert_allclose(middle, [100 + x, 100 - y, 100 - z], atol=0.3)


def _square(half: float, z: float) -> list[str]:
    x, y = half * np.array([1, -1, -1, 1]), half * np.array([1, 1, -1, -1])
    return [f"{c:.3f}" for p in zip(x, y, [z] * 4, strict=True) for c in p]


def _keyhole(outer: float, inner: float, z: float) -> list[str]:
    """A square with a square hole as one ring: in along a seam, around, and out again."""
    x = [outer, -outer, -outer, outer, outer, inner, inner, -inner, -inner, inner, inner, outer]
    y = [outer, outer, -outer, -outer, 0.0, 0.0, -inner, -inner, inner, inner, 0.0, 0.0]
    return [f"{c:.3f}" for p in zip(x, y, [z] * len(x), strict=True) for c in p]


@pytest.mark.parametrize("how", ["two rings", "keyhole"])
def test_holes_are_left_out(how: str, folder: Path, slices: list[Dataset]) -> None:
    gtv = []
    for z in range(-20, 24, 4):
        if how == "keyhole":
            gtv.append(contour(_keyhole(20.0, 10.0, z)))
        else:
            gtv += [contour(_square(20.0, z)), contour(_square(10.0, z))]
    (target,) = case_of(folder, slices, gtv).targets
    assert volume_cc(target) == pytest.approx((40**2 - 20**2) * 44 / 1000, rel=0.01)
    assert not target.solid.contains(np.array([[100.0, 100.0, 100.0]])).any()


def test_islands_on_one_slice_count_together(folder: Path, slices: list[Dataset]) -> None:
    gtv = []
    for z in range(-8, 12, 4):
        gtv += [contour(ring((x, 0.0, z), (6.0, 6.0))) for x in (-20.0, 20.0)]
    (target,) = case_of(folder, slices, gtv).targets
    assert volume_cc(target) == pytest.approx(2 * np.pi * 36 * 20 / 1000, rel=0.01)


def test_oblique_contours_enclose_the_same_ball(folder: Path, slices: list[Dataset]) -> None:
    c, s = np.cos(0.4), np.sin(0.4)
    turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    gtv = []
    for height in np.arange(-8.0, 9.0, 2.0):
        size = np.sqrt(BALL_MM**2 - height**2)
        points = np.array(ring((0.0, 0.0, height), (size, size)), float).reshape(-1, 3)
        gtv.append(contour([f"{v:.4f}" for v in (points @ turn.T + BALL_AT_MM).ravel()]))
    (target,) = case_of(folder, slices, gtv).targets
    assert volume_cc(target) == pytest.approx(BALL_CC, rel=0.01)


def test_what_is_no_region_is_told_and_left_out(folder: Path, slices: list[Dataset]) -> None:
    point, line, short = (contour(["1.0", "2.0", "3.0"] * n) for n in (1, 2, 2))
    point.ContourGeometricType, line.ContourGeometricType = "POINT", "OPEN_PLANAR"
    gtv = ball_contours(slices)
    words = r"left out: 1 copies of a contour, 1 POINT contours, 1 OPEN_PLANAR contours, 1 contours"
    with pytest.warns(CaseWarning, match=words):
        case = case_of(folder, slices, [gtv[0], *gtv, point, line, short])
    assert volume_cc(case.targets[0]) == pytest.approx(BALL_CC, rel=0.01)
    with pytest.raises(CaseError, match=r"ROI 'GTV' is empty: it has 1 POINT contours"):
        case_of(folder, slices, [point])
    choice = Selection((Prescription("Nothing", 15.0),))
    with pytest.raises(CaseError, match=r"ROI 'Nothing' is empty: it has no contours"):
        case_of(folder, slices, gtv, choice=choice)


def _without_frame(made: Dataset) -> None:
    for item in made.StructureSetROISequence:
        del item.ReferencedFrameOfReferenceUID


def _wrong_class(made: Dataset) -> None:
    for contour_item in made.ROIContourSequence[1].ContourSequence:
        for image in contour_item.ContourImageSequence:
            image.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"


def _no_image_references(made: Dataset) -> None:
    for contour_item in made.ROIContourSequence[1].ContourSequence:
        del contour_item.ContourImageSequence
    del made.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence


def _no_counts(made: Dataset) -> None:
    for contour_item in made.ROIContourSequence[1].ContourSequence:
        del contour_item.NumberOfContourPoints


@pytest.mark.parametrize("change", [_without_frame, _wrong_class, _no_image_references, _no_counts])
def test_odd_structure_sets_are_read_all_the_same(
    change: Callable[[Dataset], None], folder: Path, slices: list[Dataset]
) -> None:
    case = case_of(folder, slices, ball_contours(slices), change)
    assert volume_cc(case.targets[0]) == pytest.approx(BALL_CC, rel=0.01)


def _infinite(made: Dataset) -> None:
    made.ROIContourSequence[1].ContourSequence[0].ContourData[4] = "1e400"


def _far(made: Dataset) -> None:
    made.ROIContourSequence[1].ContourSequence[0].ContourData[4] = "99999"


def _wrong_count(made: Dataset) -> None:
    made.ROIContourSequence[1].ContourSequence[0].NumberOfContourPoints = 47


def _same_name(made: Dataset) -> None:
    made.StructureSetROISequence[2].ROIName = "GTV"


def _same_number(made: Dataset) -> None:
    made.StructureSetROISequence[2].ROINumber = 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_infinite, "ROI 'GTV', contour 1: ContourData: a coordinate is not a finite number"),
        (_far, "ROI 'GTV', contour 1: ContourData: a coordinate is beyond"),
        (_wrong_count, "ROI 'GTV', contour 1: ContourData: 144 numbers for 47 points"),
        (_same_name, r"2 ROIs are called 'GTV' \(ROINumber 2, 3\)"),
        (_same_number, "ROINumber: 2 regions have number 2"),
    ],
)
def test_damaged_contours_are_refused(
    change: Callable[[Dataset], None], words: str, folder: Path, slices: list[Dataset]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        made = structure_set(
            slices, {"Outer": skull_contours(slices), "GTV": ball_contours(slices), "Nothing": []}
        )
        change(made)
        (folder / "rs.dcm").write_bytes(file_bytes(made))
    with pytest.raises(CaseError, match=words):
        read_foreign(folder, CHOICE, PLACE)


def test_two_series_that_both_could_be_meant_are_not_guessed_between(
    folder: Path, slices: list[Dataset], image_bytes: list[bytes]
) -> None:
    other = axial_series(modality="MR")
    for number, image in enumerate(other):
        image.SOPInstanceUID = generate_uid(entropy_srcs=["MR", str(number)])
        (folder / f"mr{number:03d}").write_bytes(file_bytes(image))
    with pytest.raises(CaseError, match=r"2 image series fit .* --series: 1: 33 CT .*; 2: 33 MR"):
        case_of(folder, slices, ball_contours(slices), _no_image_references)
    choice = dataclasses.replace(CHOICE, series="2", surface="image")
    with pytest.warns(CaseWarning, match=r"at least the signal 544 .*--threshold"):
        case = case_of(folder, slices, ball_contours(slices), _no_image_references, choice)
    assert case.head.image is not None
    assert case.head.image.quantity == "mr_signal"
    # With its reference, the structure set itself says which images are meant.
    assert case_of(folder, slices, ball_contours(slices)).head.image.quantity == "hu"  # type: ignore[union-attr]


def test_slices_that_were_drawn_on_and_are_gone_are_told(
    folder: Path, slices: list[Dataset]
) -> None:
    for number in range(27, 33):
        (folder / f"{number:03d}").unlink()
    with pytest.warns(CaseWarning) as told:
        case_of(folder, slices, ball_contours(slices))
    words = " ".join(str(w.message) for w in told)
    assert "drawn on 0" not in words
    assert "superior" in words


def test_the_listing_says_what_refers_to_what(folder: Path, slices: list[Dataset]) -> None:
    case_of(folder, slices, ball_contours(slices), _wrong_class)
    (folder / "notes.txt").write_text("not DICOM")
    (folder / "broken.dcm").write_bytes(b"not DICOM either")
    (folder / "again").write_bytes((folder / "003").read_bytes())
    listing = list_folder(scan(folder))
    (series,) = listing.series
    assert series.geometry == "axial, 33 x 33 x 33, 4 x 4 x 4 mm"
    (entry,) = listing.structures
    assert entry.refers_to == ("series 1",)
    assert entry.notes == (
        "5 images are referred to by a wrong ReferencedSOPClassUID",
        "without contours: Nothing",
    )
    assert [(roi.name, roi.contours) for roi in entry.rois] == [
        ("Outer", {"CLOSED_PLANAR": 21}),
        ("GTV", {"CLOSED_PLANAR": 5}),
        ("Nothing", {}),
    ]
    assert (listing.copies, listing.strays, len(listing.unreadable)) == (1, 1, 1)


def test_planes_farther_apart_than_any_head_are_refused(
    folder: Path, slices: list[Dataset]
) -> None:
    gtv = [*ball_contours(slices), contour(ring((0.0, 0.0, 9000.0), (5.0, 5.0)))]
    made = structure_set(slices, {"GTV": gtv})
    (folder / "rs.dcm").write_bytes(file_bytes(made))
    (file,) = scan(folder).structures
    (roi,) = read_rois(file)
    with pytest.raises(CaseError, match="larger than a head"):
        solid_from_contours(rings_of(roi, file), "GTV", 0.5)
