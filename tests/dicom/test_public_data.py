"""Real files of other systems, broken references and all: read, or refused in the right words."""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path

import pydicom
import pytest

from gkplan.case.selection import Selection
from gkplan.dicom import read_foreign
from gkplan.dicom.read.listing import list_folder
from gkplan.dicom.read.scan import scan
from gkplan.errors import CaseError, CaseWarning
from gkplan.prescription import Prescription


@pytest.fixture
def public() -> Path:
    shared = os.environ.get("GKPLAN_SHARED")
    if not shared:
        pytest.skip("GKPLAN_SHARED is not set")
    return Path(shared) / "cases" / "dicom"


def meant(target: str) -> Selection:
    return Selection((Prescription(target, 15.0),))


def alone(folder: Path, to: Path, structures: str) -> Path:
    """The images of a folder with one of its structure sets."""
    for path in folder.glob("*.dcm"):
        if path.name == structures or path.name.startswith("ct"):
            shutil.copy(path, to)
    return to


def test_one_slice_of_98_is_no_head(public: Path) -> None:
    with pytest.raises(CaseError, match=r"ct\.0\.dcm: is the only slice of its series"):
        read_foreign(public / "dicompyler-core", meant("GTV"))
    (entry,) = list_folder(scan(public / "dicompyler-core")).structures
    assert entry.notes == (
        "97 of 98 images with contours are missing",
        "without contours: Areola",
    )
    assert len(entry.rois) == 10


def test_a_structure_set_of_another_frame_is_refused(public: Path, tmp_path: Path) -> None:
    folder = alone(public / "rt-utils" / "mock_data", tmp_path, "rt.dcm")
    with pytest.raises(CaseError, match=r"ReferencedFrameOfReferenceUID is .*98661397, but .*6060"):
        read_foreign(folder, meant("ROI-1"))


@pytest.mark.parametrize("name", ["invalid_reference_rt.dcm", "non_existent_reference_rt.dcm"])
def test_broken_references_are_no_reason_to_refuse_the_contours(
    public: Path, tmp_path: Path, name: str
) -> None:
    folder = alone(public / "rt-utils" / "mock_data", tmp_path, name)
    listing = list_folder(scan(folder))
    (entry,) = listing.structures
    assert [roi.contours for roi in entry.rois] == [{"CLOSED_PLANAR": 3}] * 4
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CaseWarning)  # one of the images is not there
        with pytest.raises(CaseError, match=r"no ROI 'GTV'; there are: ROI-1, ROI-2, ROI-3, RO"):
            read_foreign(folder, meant("GTV"))


def test_images_without_structures_say_so(public: Path) -> None:
    with pytest.raises(CaseError, match=r"no RTSTRUCT in or below it; there are: 3 CT"):
        read_foreign(public / "rt-utils" / "oriented_data", meant("GTV"))
    (series,) = list_folder(scan(public / "rt-utils" / "oriented_data")).series
    assert series.geometry.startswith("oblique (nearly axial), 100 x 50 x 3")


def test_the_files_of_pydicom_are_listed_whole() -> None:
    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    listing = list_folder(scan(folder))
    assert {"CT", "MR"} <= {series.modality for series in listing.series}
    assert len(listing.structures) == 1
    assert listing.plans
    assert all(": " in line for line in listing.unreadable)
