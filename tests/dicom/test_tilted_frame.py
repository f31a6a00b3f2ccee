"""A frame that is tilted in the user's own images: planned on, exported, read back, checked."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from scipy.spatial.transform import Rotation

from gkplan.case import Case
from gkplan.case.phantom import volume_cc
from gkplan.case.selection import Selection
from gkplan.cli import main
from gkplan.dicom import export_plan, read_foreign, read_plan
from gkplan.dicom.geometry import in_patient_axes, reach_of_tilted
from gkplan.dicom.read.dosegrid import read_dose
from gkplan.dicom.read.place import frame_in
from gkplan.dicom.registration import read_frame
from gkplan.dicom.write.asforeign import write_as_foreign
from gkplan.dose import TmrEngine
from gkplan.errors import CaseError
from gkplan.frames import Frame, RigidTransform
from gkplan.grid import Grid, Volume
from gkplan.plan import Plan
from gkplan.prescription import Prescription
from gkplan.shot import Shot
from gkplan.unit import load_unit
from tests.dicom.conftest import metrics_at, small_case
from tests.dicom.test_validators import _lines, _program

ORIGINAL = small_case()
# The head as it lies in the images; the frame is turned about its middle and sits elsewhere.
TURN = Rotation.from_euler("xyz", (7.0, -4.0, 5.0), degrees=True).as_matrix()
STRAIGHT = ORIGINAL.patient_from_leksell
MIDDLE = np.array([100.0, 100.0, 100.0])
ROTATION = TURN @ STRAIGHT.rotation
TILTED = RigidTransform(
    ROTATION,
    STRAIGHT(MIDDLE) - ROTATION @ (MIDDLE + np.array([2.0, -3.0, 4.0])),
    Frame.LEKSELL,
    Frame.PATIENT,
)
CHOICE = Selection((Prescription("target é", 12.0), Prescription("second", 12.0)), ("cochlea",), ())
RATE = 3.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("foreign")
    write_as_foreign(ORIGINAL, folder)
    return folder


@pytest.fixture(scope="module")
def case(folder: Path) -> Case:
    return read_foreign(folder, CHOICE, TILTED)


@pytest.fixture(scope="module")
def engine(case: Case) -> TmrEngine:
    return TmrEngine(load_unit("perfexion"), case.head, RATE)


@pytest.fixture(scope="module")
def exported(
    case: Case, engine: TmrEngine, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Plan, Path]:
    """A plan of two shots in the middles of the targets, and its files beside the images."""
    (x, y, z), (u, v, w) = (t.solid.bounds.mean(axis=0).tolist() for t in case.targets)
    shots = (
        Shot((x, y, z), (8, 8, 0, 16, 4, 8, 8, 4), 2.0, 90.0, "target é"),
        Shot((u, v, w), (4,) * 8, 1.5, 75.0, "second"),
    )
    plan = Plan(case, engine.unit, "perfexion", shots, RATE, None, metrics_at((x, y, z), 24.0))
    points = np.array([s.isocenter_mm for s in shots])
    bounds = np.array([points.min(axis=0) - 18.0, points.max(axis=0) + 18.0])
    grid = Grid.around(bounds, 1.0, Frame.LEKSELL)
    dose = Volume(engine.dose_on(grid, shots), grid, "dose_gy")
    beams = [float(engine.dose(np.array([[x, y, z]]), [shot])[0]) for shot in shots]
    folder = tmp_path_factory.mktemp("export")
    export_plan(plan, dose, beams, folder)
    return plan, folder


def test_targets_lie_where_the_images_show_them(case: Case) -> None:
    for structure, original in zip(case.structures, ORIGINAL.structures, strict=False):
        middle = case.patient_from_leksell(structure.solid.bounds.mean(axis=0))
        expected = STRAIGHT(original.solid.bounds.mean(axis=0))
        assert np.linalg.norm(middle - expected) < 0.5
        assert volume_cc(structure) == pytest.approx(volume_cc(original), rel=0.03)


def test_isocentres_and_contours_are_in_the_patients_axes(
    exported: tuple[Plan, Path], folder: Path
) -> None:
    plan, files = exported
    beams = dcmread(files / "rtplan.dcm").BeamSequence
    for beam, shot in zip(beams, plan.shots, strict=True):
        place = np.array(beam.ControlPointSequence[0].IsocenterPosition, float)
        np.testing.assert_allclose(place, TILTED(shot.isocenter_mm), atol=1e-5)
    heights = {float(dcmread(p).ImagePositionPatient[2]) for p in (folder / "ct").iterdir()}
    structures = dcmread(files / "rtstruct.dcm")
    for roi in structures.ROIContourSequence:
        for contour in roi.ContourSequence:
            assert {float(z) for z in contour.ContourData[2::3]} <= heights


def test_the_dose_is_axial_and_that_of_the_engine(
    exported: tuple[Plan, Path], engine: TmrEngine
) -> None:
    """Within 0.5 % of the maximum wherever a cubic on 1 mm can follow (0.1 mm at the edges)."""
    plan, files = exported
    dataset = dcmread(files / "rtdose.dcm")
    assert list(dataset.ImageOrientationPatient) == [1, 0, 0, 0, 1, 0]
    image = read_dose(files / "rtdose.dcm")
    rng = np.random.default_rng(1)
    k, j, i = (rng.integers(0, n, 3000) for n in image.dose_gy.shape)
    step = np.array(image.spacing_mm)
    points = image.origin_mm + (np.stack([i, j, k], axis=1) * step) @ image.axes.T
    there = TILTED.inverse(points)
    inside = engine.head.contains(there)
    expected = engine.dose(there[inside], plan.shots)
    error = np.abs(image.dose_gy[k, j, i][inside] - expected) / image.dose_gy.max()
    assert inside.mean() > 0.5
    assert error.max() < 0.005


def test_the_frame_is_written_and_the_plan_reads_back(
    exported: tuple[Plan, Path], folder: Path, tmp_path: Path
) -> None:
    plan, files = exported
    both = tmp_path / "both"
    shutil.copytree(folder, both)
    (both / "rtstruct.dcm").unlink()
    for path in files.iterdir():
        shutil.copy(path, both)
    assert {p.name for p in files.iterdir()} == {
        "rtplan.dcm", "rtdose.dcm", "rtstruct.dcm", "registration.dcm"
    }  # fmt: skip
    image = dcmread(next((folder / "ct").iterdir()))
    frame = read_frame(files / "registration.dcm", image.FrameOfReferenceUID)
    np.testing.assert_allclose(frame.matrix, TILTED.inverse.matrix, atol=1e-9)
    again = read_plan(both)
    assert again.shots == plan.shots
    assert again.case.patient_from_leksell == plan.case.patient_from_leksell
    for one, other in zip(again.case.structures, plan.case.structures, strict=True):
        assert volume_cc(one) == pytest.approx(volume_cc(other), rel=0.03)
        np.testing.assert_allclose(one.solid.bounds, other.solid.bounds, atol=0.6)


def test_validators_find_no_error(exported: tuple[Plan, Path], folder: Path) -> None:
    _, files = exported
    program = _program("dciodvfy")
    for path in files.iterdir():
        lines = _lines(program, str(path))
        assert not [line for line in lines if "Error" in line or "Abort" in line], lines


def test_a_localisation_places_the_frame(
    folder: Path, exported: tuple[Plan, Path], tmp_path: Path
) -> None:
    path = tmp_path / "localisation.json"
    path.write_text(json.dumps({"leksell_from_patient": TILTED.inverse.matrix.tolist()}))
    for given in (path, exported[1] / "registration.dcm"):
        placed = frame_in(folder, CHOICE, given)
        np.testing.assert_allclose(placed.matrix, TILTED.matrix, atol=1e-6)
    path.write_text("{}")
    with pytest.raises(CaseError, match="no localisation of gkplan"):
        frame_in(folder, CHOICE, path)


def test_the_command_takes_a_frame_or_says_why_not(
    folder: Path, exported: tuple[Plan, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = dcmread(exported[1] / "registration.dcm")
    other.RegistrationSequence[0].FrameOfReferenceUID = "1.2.3"
    other.save_as(tmp_path / "other.dcm")
    args = ["plan", str(folder), "--target", "second:12", "--out", str(tmp_path / "out"), "--frame"]
    for frame, message in (
        (tmp_path / "none.json", "none.json: cannot read it"),
        (tmp_path / "other.dcm", "is not about the frame of reference"),
        (exported[1] / "rtplan.dcm", "expected a Spatial Registration, got RT Plan"),
    ):
        assert main([*args, str(frame)]) == 2
        error = capsys.readouterr().err
        (line,) = [s for s in error.splitlines() if s.startswith("gkplan: ")]
        assert message in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("angle", [1.0, 10.0, 40.0])
def test_the_axial_box_lies_within_the_tilted_one_and_touches_it(angle: float) -> None:
    turn = Rotation.from_rotvec([angle, 0.3 * angle, -0.7 * angle], degrees=True).as_matrix()
    transform = RigidTransform(
        turn @ np.diag([1.0, -1.0, -1.0]), np.zeros(3), Frame.LEKSELL, Frame.PATIENT
    )
    size = np.array([30.0, 40.0, 25.0])
    half = size / 2 * reach_of_tilted(size, transform)
    corners = half * np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    reached = np.abs(transform.inverse(corners)).max(axis=0) / (size / 2)
    assert reached.max() == pytest.approx(1.0)


def linear(points: np.ndarray) -> np.ndarray:
    return 5.0 + points @ np.array([0.03, -0.02, 0.05])


def bump(points: np.ndarray) -> np.ndarray:
    return 10.0 * np.exp(-(((points - 100.0) ** 2).sum(axis=-1)) / (2 * 4.0**2))


@pytest.mark.parametrize(("field", "within"), [(linear, 0.02), (bump, 0.01)])
def test_what_is_interpolated_is_the_field(
    field: Callable[[np.ndarray], np.ndarray], within: float
) -> None:
    grid = Grid((31, 35, 41), (1.0, 1.0, 1.0), (80.0, 83.0, 85.0), Frame.LEKSELL)
    values = field(grid.points()).reshape(grid.shape).astype(np.float32)
    axial = in_patient_axes(Volume(values, grid, "dose_gy"), TILTED)
    assert axial.grid.frame is Frame.PATIENT
    expected = field(TILTED.inverse(axial.grid.points())).reshape(axial.grid.shape)
    assert np.abs(axial.array - expected).max() < within * values.max()
    straight = dataclasses.replace(TILTED, rotation=STRAIGHT.rotation)
    turned = in_patient_axes(Volume(values, grid, "dose_gy"), straight)
    assert turned.array.shape == values.shape
