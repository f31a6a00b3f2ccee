"""RT Dose of any form comes onto the Leksell grid where it belongs."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from gkplan.dicom.read.beams import read_beams
from gkplan.dicom.read.dosegrid import read_dose
from gkplan.dicom.read.folder import reading
from gkplan.errors import CaseError
from gkplan.frames import Array, patient_from_leksell
from gkplan.localizer import pose
from tests.dicom.conftest import CENTER_LPS_MM, Exported

TO_LEKSELL = patient_from_leksell(CENTER_LPS_MM).inverse


@pytest.fixture
def dataset(exported: Exported) -> Dataset:
    return dcmread(exported.folder / "rtdose.dcm")


def saved(dataset: Dataset, tmp_path: Path) -> Path:
    path = tmp_path / "dose.dcm"
    dataset.save_as(path)
    return path


def test_our_dose_comes_back_within_half_a_step(exported: Exported, dataset: Dataset) -> None:
    again = read_dose(exported.folder / "rtdose.dcm").in_leksell(TO_LEKSELL)
    grid = exported.dose.grid
    assert again.grid.shape == grid.shape
    np.testing.assert_allclose(again.grid.origin_mm, grid.origin_mm, atol=1e-5)
    np.testing.assert_allclose(again.grid.spacing_mm, grid.spacing_mm, atol=1e-6)
    step = float(dataset.DoseGridScaling)
    difference = np.asarray(again.array, float) - np.asarray(exported.dose.array, float)
    assert np.abs(difference).max() <= 0.5000001 * step


# Which of the patient's axes i, j and k run along, and which way.
_ORIENTATIONS = [
    ((1, 0, 0), (0, 1, 0)),
    ((-1, 0, 0), (0, -1, 0)),
    ((0, 1, 0), (0, 0, -1)),
    ((1, 0, 0), (0, 0, -1)),
    ((0, 0, 1), (1, 0, 0)),
]


@pytest.mark.parametrize(("row", "column"), _ORIENTATIONS)
@pytest.mark.parametrize(("bits", "signed"), [(8, 0), (16, 0), (16, 1), (32, 0), (32, 1)])
def test_any_orientation_and_width(
    dataset: Dataset,
    tmp_path: Path,
    row: tuple[int, int, int],
    column: tuple[int, int, int],
    bits: int,
    signed: int,
) -> None:
    rng = np.random.default_rng(bits)
    values = rng.integers(0, 100, (4, 5, 6))
    normal = np.cross(row, column)
    origin, spacing = np.array([-20.0, 7.5, 33.0]), (1.5, 2.0, 2.5)
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = values.shape
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, signed
    dataset.PixelSpacing = [spacing[1], spacing[0]]
    dataset.ImagePositionPatient = origin.tolist()
    dataset.ImageOrientationPatient = [*row, *column]
    dataset.GridFrameOffsetVector = (spacing[2] * np.arange(4)).tolist()
    dataset.DoseGridScaling = "0.25"
    dataset.PixelData = values.astype(f"<{'i' if signed else 'u'}{bits // 8}").tobytes()
    volume = read_dose(saved(dataset, tmp_path)).in_leksell(TO_LEKSELL)
    assert sorted(volume.grid.spacing_mm) == sorted(spacing)
    k, j, i = np.indices(values.shape).reshape(3, -1)
    points = origin + np.outer(i * spacing[0], row) + np.outer(j * spacing[1], column)
    points = points + np.outer(k * spacing[2], normal)
    index = volume.grid.fractional_index(TO_LEKSELL(points))
    np.testing.assert_allclose(index, np.rint(index), atol=1e-5)
    seen = volume.array[tuple(np.rint(index).astype(int).T)]
    np.testing.assert_allclose(seen, 0.25 * values.ravel(), atol=1e-12)


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("descending", [False, True])
def test_relative_and_absolute_offsets_either_way(
    exported: Exported, dataset: Dataset, tmp_path: Path, absolute: bool, descending: bool
) -> None:
    plain = read_dose(exported.folder / "rtdose.dcm").in_leksell(TO_LEKSELL)
    x, y, z = (float(v) for v in dataset.ImagePositionPatient)
    offsets = np.array(dataset.GridFrameOffsetVector, float)
    heights, frames = z + offsets, dataset.pixel_array
    if descending:
        heights, frames = heights[::-1], frames[::-1]
    dataset.PixelData = np.ascontiguousarray(frames).tobytes()
    dataset.ImagePositionPatient = [x, y, round(float(heights[0]), 6)]
    vector = heights if absolute else heights - heights[0]
    dataset.GridFrameOffsetVector = np.round(vector, 6).tolist()
    again = read_dose(saved(dataset, tmp_path)).in_leksell(TO_LEKSELL)
    np.testing.assert_allclose(again.grid.origin_mm, plain.grid.origin_mm, atol=1e-4)
    np.testing.assert_array_equal(again.array, plain.array)


def test_a_turned_frame_is_interpolated(dataset: Dataset, tmp_path: Path) -> None:
    """A dose linear in space is the same whichever way the grid lies."""
    slope = np.array([0.3, -0.2, 0.5])

    def linear(points: Array) -> Array:
        return np.asarray(20.0 + (points - np.array([12.0, -7.0, 0.0])) @ slope)

    image = read_dose(saved(dataset, tmp_path))
    k, j, i = np.indices(image.dose_gy.shape)
    index = np.stack([i, j, k], axis=-1) * np.array(image.spacing_mm)
    image.dose_gy[...] = linear(image.origin_mm + index @ image.axes.T)
    to_leksell = pose((7.0, -5.0, 12.0), (3.0, 4.0, 5.0)).inverse
    volume = image.in_leksell(to_leksell)
    known = np.isfinite(np.asarray(volume.array, float)).ravel()
    assert 0.3 < known.mean() < 1.0
    points = to_leksell.inverse(volume.grid.points())[known]
    np.testing.assert_allclose(np.asarray(volume.array).ravel()[known], linear(points), atol=1e-6)


@pytest.mark.parametrize(
    ("keyword", "value", "message"),
    [
        ("DoseUnits", "RELATIVE", "DoseUnits: expected GY"),
        ("DoseSummationType", "BEAM", "DoseSummationType: expected PLAN"),
        ("DoseGridScaling", "0", "DoseGridScaling: expected a positive number"),
        ("GridFrameOffsetVector", [0.0, 2.0, 3.0], "GridFrameOffsetVector: expected 9"),
        ("GridFrameOffsetVector", [0, 2, 4, 6, 8, 10, 12, 15, 16], "expected even distances"),
        ("GridFrameOffsetVector", [5, 7, 9, 11, 13, 15, 17, 19, 21], "begins with 5"),
        ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0], "not at right angles"),
        ("PixelData", b"\0\0", "PixelData|pixel data|bytes"),
        ("Rows", 60000, "Rows|bytes"),
    ],
)
def test_what_cannot_be_right_is_named(
    dataset: Dataset, tmp_path: Path, keyword: str, value: object, message: str
) -> None:
    setattr(dataset, keyword, value)
    with pytest.raises(CaseError, match=rf"dose\.dcm: .*({message})"):
        read_dose(saved(dataset, tmp_path))


@pytest.mark.parametrize("seed", range(6))
def test_damage_ends_in_one_sentence(exported: Exported, tmp_path: Path, seed: int) -> None:
    """Changed and lost bytes, 20 files a seed."""
    rng = np.random.default_rng(seed)
    for number in range(20):
        name = ("rtdose.dcm", "rtplan.dcm")[number % 2]
        content = bytearray((exported.folder / name).read_bytes())
        for _ in range(int(rng.integers(1, 12))):
            place = int(rng.integers(128, min(len(content), 6000)))
            content[place] = int(rng.integers(0, 256))
        if rng.random() < 0.3:
            content = content[: int(rng.integers(100, len(content)))]
        path = tmp_path / name
        path.write_bytes(content)
        with contextlib.suppress(CaseError):
            if number % 2 == 0:
                volume = read_dose(path).in_leksell(TO_LEKSELL)
                assert np.isfinite(volume.grid.origin_mm).all()
            else:
                with reading(path):
                    read_beams(dcmread(path))
