"""However the slices lie, the head in them is the same; what cannot be right is refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import RLELossless

from gkplan.dicom.read.images import read_volume
from gkplan.dicom.read.scan import Inventory, scan
from gkplan.dicom.read.stack import stack_of
from gkplan.errors import CaseError, CaseWarning
from gkplan.frames import Array, Frame, RigidTransform, patient_from_leksell
from gkplan.grid import Volume
from gkplan.head import surface_from_image
from gkplan.head.thresholds import cut_off_sides, mr_threshold
from tests.dicom.other_system import HEAD_MM, axial_series, file_bytes, in_head, uid

TO_PATIENT = patient_from_leksell((3.0, -2.0, 5.0))
POINTS = np.random.default_rng(5).uniform(-58, 58, (4000, 3))


def scanned(slices: Sequence[Dataset], folder: Path) -> Inventory:
    for number, image in enumerate(slices):
        (folder / f"{number:03d}").write_bytes(file_bytes(image))
    return scan(folder)


def volume(slices: Sequence[Dataset], folder: Path, place: RigidTransform = TO_PATIENT) -> Volume:
    (series,) = scanned(slices, folder).images
    return read_volume(stack_of(series), place.inverse, lambda _: None)


def check_head(image: Volume, place: RigidTransform = TO_PATIENT, tolerance: float = 0.35) -> None:
    """The values far from edges, and the surface within `tolerance` of a voxel's 4 mm."""
    x, y, z = (POINTS[:, n] / HEAD_MM[n] for n in range(3))
    edge = np.minimum(np.abs(np.hypot(x, y) - 1.0) * 44.0, np.abs(np.abs(z) - 1.0) * 42.0)
    far = POINTS[edge > 8.0]
    np.testing.assert_allclose(
        image.at(place.inverse(far)), np.where(in_head(far) > 0, 40.0, -1000.0), atol=1.0
    )
    surface = surface_from_image(image)
    near = POINTS[edge > tolerance * 4.0]
    inside = surface.contains(place.inverse(near))
    assert (inside == (in_head(near) > 0)).mean() > 0.998


def turned(degrees: float, axis: int) -> Array:
    a = np.deg2rad(degrees)
    u, v = [n for n in range(3) if n != axis]
    turn = np.eye(3)
    turn[u, u] = turn[v, v] = np.cos(a)
    turn[u, v], turn[v, u] = -np.sin(a), np.sin(a)
    return turn


STRAIGHT = {
    "axial": [[1, 0, 0], [0, 1, 0]],
    "axial from the feet": [[-1, 0, 0], [0, 1, 0]],
    "prone": [[-1, 0, 0], [0, -1, 0]],
    "sagittal": [[0, 1, 0], [0, 0, -1]],
    "coronal": [[1, 0, 0], [0, 0, -1]],
    "decubitus": [[0, -1, 0], [1, 0, 0]],
}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("name", STRAIGHT)
def test_straight_series_are_only_turned_over(name: str, order: int, tmp_path: Path) -> None:
    axes = np.array(STRAIGHT[name], dtype=float)
    image = volume(axial_series(axes, order), tmp_path)
    check_head(image)
    # Nothing was interpolated: all values are those of the files.
    assert set(np.unique(image.array % 1.0)) == {0.0}
    assert image.grid.spacing_mm == (4.0, 4.0, 4.0)


def test_an_oblique_series_is_interpolated(tmp_path: Path) -> None:
    axes = (turned(20.0, 0) @ turned(-15.0, 2) @ turned(8.0, 1))[:, :2].T
    image = volume(axial_series(axes), tmp_path)
    check_head(image, tolerance=0.5)


def test_a_frame_turned_in_the_images_turns_them(tmp_path: Path) -> None:
    tilt = RigidTransform(turned(7.0, 0), np.array([1.0, 2.0, 3.0]), Frame.PATIENT, Frame.PATIENT)
    place = tilt @ TO_PATIENT
    check_head(volume(axial_series(), tmp_path, place), place, tolerance=0.5)


def test_a_tilted_gantry_is_set_upright_with_a_warning(tmp_path: Path) -> None:
    slices = axial_series(shear=np.tan(np.deg2rad(12.0)))
    with pytest.warns(CaseWarning, match=r"climb at 12.0 degrees .*tilted gantry"):
        image = volume(slices, tmp_path)
    check_head(image, tolerance=0.5)


def test_a_gap_of_one_thin_slice_is_bridged_with_a_warning(tmp_path: Path) -> None:
    slices = axial_series()
    for image in slices:
        for keyword in ("ImagePositionPatient",):
            x, y, z = (float(c) for c in image[keyword].value)
            image.ImagePositionPatient = [str(x), str(y), str(z * 0.5)]
    del slices[12]
    with pytest.warns(CaseWarning, match=r"2\.00 to 4\.00 mm \(widest between 011 and 012\)"):
        image = volume(slices, tmp_path)
    # The head is half as high now, and as even as it was.
    points = POINTS * (1.0, 1.0, 0.5)
    safe = np.abs(np.hypot(points[:, 0] / 44, points[:, 1] / 52) - 1.0) > 0.2
    safe &= np.abs(np.abs(points[:, 2]) - 21.0) > 5.0
    wanted = np.where(in_head(points * (1, 1, 2)) > 0, 40.0, -1000.0)
    got = image.at(TO_PATIENT.inverse(points), outside=-1000.0)
    np.testing.assert_allclose(got[safe], wanted[safe], atol=1.0)


def edited(change: Callable[[list[Dataset]], None]) -> list[Dataset]:
    slices = axial_series()
    change(slices)
    return slices


def _move(image: Dataset, by: Sequence[float]) -> None:
    place = np.array(image.ImagePositionPatient, float) + by
    image.ImagePositionPatient = [f"{c:.4f}" for c in place]


def _two_echoes(slices: list[Dataset]) -> None:
    _move(slices[5], (0, 0, 4.0))


def _no_number(slices: list[Dataset]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        slices[3].ImagePositionPatient = ["nan", "0", "0"]


REFUSED: dict[str, tuple[Callable[[list[Dataset]], None], str]] = {
    "missing slices": (lambda s: s.__delitem__(slice(10, 12)), "12.00 mm between 009 and 010"),
    "two at one place": (_two_echoes, "00[56]: ImagePositionPatient: .*one image a position"),
    "one shifted": (lambda s: _move(s[7], (9.0, 0, 0)), "007: ImagePositionPatient: .* shifted"),
    "size": (lambda s: setattr(s[3], "Rows", 16), "00[03]: Rows, Columns: "),
    "spacing": (lambda s: setattr(s[3], "PixelSpacing", [4.0, 3.0]), "003: PixelSpacing: "),
    "turned": (
        lambda s: setattr(s[3], "ImageOrientationPatient", [0, 1, 0, 1, 0, 0]),
        "003: ImageOrientationPatient: ",
    ),
    "another frame": (
        lambda s: setattr(s[3], "FrameOfReferenceUID", "1.2.3"),
        "003: FrameOfReferenceUID: ",
    ),
    "no position": (lambda s: s[3].__delattr__("ImagePositionPatient"), "003: .*ImagePosition"),
    "not a number": (
        _no_number,
        "003: .*ImagePositionPatient: expected 3 finite numbers",
    ),
    "no rescaling": (lambda s: s[3].__delattr__("RescaleIntercept"), "003: .*RescaleIntercept"),
    "no CT numbers": (lambda s: setattr(s[3], "RescaleType", "US"), "003: .*RescaleType"),
    "frames": (lambda s: setattr(s[3], "NumberOfFrames", 2), "003: .*NumberOfFrames: .*enhanced"),
    "pixels cut off": (
        lambda s: setattr(s[3], "PixelData", s[3].PixelData[:-2]),
        "003: .*PixelData: 2176 bytes of 2178",
    ),
    "colours": (lambda s: setattr(s[3], "SamplesPerPixel", 3), "003: .*SamplesPerPixel"),
    "one slice": (lambda s: s.__delitem__(slice(1, 99)), "000: is the only slice"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_right_is_refused_with_file_and_tag(name: str, tmp_path: Path) -> None:
    change, words = REFUSED[name]
    with pytest.raises(CaseError, match=words):
        volume(edited(change), tmp_path)


def test_compressed_slices_are_read(tmp_path: Path) -> None:
    slices = axial_series()
    for image in slices:
        image.compress(RLELossless, generate_instance_uid=False)
    check_head(volume(slices, tmp_path))


def test_unused_bits_are_no_part_of_the_value(tmp_path: Path) -> None:
    slices = axial_series()
    for image in slices:
        stored = np.frombuffer(image.PixelData, "<u2") | 0x4000
        image.PixelData = stored.astype("<u2").tobytes()
    check_head(volume(slices, tmp_path))


def test_localizers_in_a_series_are_left_out(tmp_path: Path) -> None:
    slices = axial_series()
    scout = axial_series(np.array(STRAIGHT["sagittal"], float))[8]
    scout.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    scout.SOPInstanceUID = uid("scout")
    with pytest.warns(CaseWarning, match="1 localizer images are left out"):
        check_head(volume([*slices, scout], tmp_path))


def test_mr_has_a_threshold_of_its_own(tmp_path: Path) -> None:
    image = volume(axial_series(modality="MR"), tmp_path)
    assert image.quantity == "mr_signal"
    # Air is stored as 24 and the head as 1064.
    assert mr_threshold(image) == pytest.approx(544.0, abs=5.0)


def test_a_series_without_the_vertex_says_so(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    image = volume(axial_series(), whole)
    assert cut_off_sides(surface_from_image(image), image) == []
    image = volume(axial_series()[:22], cut)
    assert cut_off_sides(surface_from_image(image), image) == ["superior"]


def test_a_large_fine_series_is_averaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gkplan.dicom.read.pixels._MOST_VOXELS", 1000)
    monkeypatch.setattr("gkplan.dicom.read.pixels._FINE_MM", 5.0)
    image = volume(axial_series(), tmp_path)
    assert image.grid.spacing_mm == (8.0, 8.0, 4.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        surface = surface_from_image(image)
    edge = np.abs(np.hypot(POINTS[:, 0] / 44, POINTS[:, 1] / 52) - 1.0) * 44
    edge = np.minimum(edge, np.abs(np.abs(POINTS[:, 2]) - 42.0))
    near = POINTS[edge > 2.5]
    assert (surface.contains(TO_PATIENT.inverse(near)) == (in_head(near) > 0)).mean() > 0.995
