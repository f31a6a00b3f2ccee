"""SimpleITK, plastimatch, pymedphys and rt-utils read our RT Dose and RT Structure Set."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from gkplan.case.model import Case
from gkplan.dicom.common import Study, write
from gkplan.dicom.rtstruct import rtstruct_dataset
from gkplan.dicom.write.ct import write_ct
from gkplan.frames import Array, Frame, patient_from_leksell
from gkplan.grid import Grid, Volume
from gkplan.head import Head
from gkplan.solids import Difference, Ellipsoid
from gkplan.structures import Structure
from tests.dicom.conftest import Exported, sphere
from tests.needs import program, python_with

SimpleITK: Any = pytest.importorskip("SimpleITK")

# In an environment of its own; prints the volume of every region in voxels.
RT_UTILS = """
import json, sys
from rt_utils import RTStructBuilder
made = RTStructBuilder.create_from(dicom_series_path=sys.argv[1], rt_struct_path=sys.argv[2])
names = made.get_roi_names()
print(json.dumps({name: int(made.get_roi_mask_by_name(name).sum()) for name in names}))
"""


def random_points(exported: Exported) -> tuple[Array, Array]:
    """1,000 points in the grid, LPS mm, and our dose there in Gy."""
    low, high = (np.array([axis[k] for axis in exported.dose.grid.axes()]) for k in (0, -1))
    points = np.random.default_rng(3).uniform(low, high, (1000, 3))
    return exported.plan.case.patient_from_leksell(points), exported.dose.at(points)


def step_of(exported: Exported) -> float:
    return float(dcmread(exported.folder / "rtdose.dcm").DoseGridScaling)


def check_image(image: Any, exported: Exported) -> None:
    """Maximum, 1,000 points and geometry of an ITK image of our dose."""
    step = step_of(exported)
    grid = exported.dose.grid
    # Leksell y and z run against LPS; ITK starts at the other end.
    corners = exported.plan.case.patient_from_leksell(
        np.array([[axis[0] for axis in grid.axes()], [axis[-1] for axis in grid.axes()]])
    )
    np.testing.assert_allclose(image.GetOrigin(), corners.min(axis=0), atol=0.01)
    np.testing.assert_allclose(image.GetSpacing(), grid.spacing_mm, atol=0.01)
    np.testing.assert_allclose(image.GetDirection(), np.eye(3).ravel(), atol=1e-6)
    values = SimpleITK.GetArrayFromImage(image)
    assert values.max() == pytest.approx(float(exported.dose.array.max()), abs=step)
    points, ours = random_points(exported)
    linear = SimpleITK.sitkLinear
    theirs = [image.EvaluateAtPhysicalPoint(p, linear) for p in points.tolist()]
    np.testing.assert_allclose(theirs, ours, atol=step)


def test_simpleitk_reads_the_dose(exported: Exported) -> None:
    image = SimpleITK.ReadImage(str(exported.folder / "rtdose.dcm"))
    # It reads the integers; the element that scales them stands in its dictionary.
    assert float(image.GetMetaData("3004|000e")) == step_of(exported)
    check_image(SimpleITK.Cast(image, SimpleITK.sitkFloat64) * step_of(exported), exported)


def test_plastimatch_reads_the_dose(exported: Exported, tmp_path: Path) -> None:
    out = tmp_path / "dose.mha"
    run(program("plastimatch", "plastimatch"), "convert", "--input",
        str(exported.folder / "rtdose.dcm"), "--output-dose-img", str(out))  # fmt: skip
    image = SimpleITK.ReadImage(str(out))
    check_image(SimpleITK.Cast(image, SimpleITK.sitkFloat64), exported)


def test_pymedphys_reads_the_dose(exported: Exported) -> None:
    from scipy.interpolate import RegularGridInterpolator

    pymedphys = pytest.importorskip("pymedphys")
    axes, values = pymedphys.dicom.zyx_and_dose_from_dataset(
        dcmread(exported.folder / "rtdose.dcm")
    )
    step = step_of(exported)
    assert values.max() == pytest.approx(float(exported.dose.array.max()), abs=step)
    points, ours = random_points(exported)
    theirs = RegularGridInterpolator(axes, values, bounds_error=False, fill_value=None)
    np.testing.assert_allclose(theirs(points[:, ::-1]), ours, atol=step)
    corners = exported.plan.case.patient_from_leksell(exported.dose.grid.points())
    ends = [[axis.min(), axis.max()] for axis in axes[::-1]]
    np.testing.assert_allclose(np.transpose(ends), [corners.min(axis=0), corners.max(axis=0)],
                               atol=0.01)  # fmt: skip


@pytest.fixture(scope="module")
def contoured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    """A small head on slices and pixels of 0.5 mm, with contours; the true volumes in mm3."""
    head = Ellipsoid((100.0, 100.0, 100.0), (30.0, 32.0, 28.0))
    ball, hole = sphere(98.3, 101.2, 99.1, 1.5), sphere(98.3, 101.2, 99.1, 0.2)
    flat = Ellipsoid((104.0, 96.0, 102.0), (9.0, 7.0, 6.0), (10.0, 20.0, 30.0))
    structures = (
        Structure("ball", "target", ball),
        Structure("flat", "oar", flat),
        Structure("shell", "oar", Difference(ball, (hole,))),
    )
    case = Case("fine", "phantom", "fine", "0" * 64, "a test", Head("fine", head), structures,
                (), (), patient_from_leksell((0.0, 0.0, 0.0)))  # fmt: skip
    grid = Grid((124, 136, 128), (0.5, 0.5, 0.5), (-31.9, -33.6, -30.8), Frame.PATIENT)
    inside = head.contains(case.patient_from_leksell.inverse(grid.points())).reshape(grid.shape)
    image = Volume(np.where(inside, 40, -1000).astype(np.int16), grid, "hu")
    folder = tmp_path_factory.mktemp("fine")
    (folder / "ct").mkdir()
    study = Study.of("fine")
    slices, _ = write_ct(image, study, folder / "ct")
    write(rtstruct_dataset(case, slices, study), folder / "rtstruct.dcm")
    true = {"ball": 1500.0, "flat": 4 / 3 * np.pi * 9 * 7 * 6, "shell": 1300.0}
    return folder, true | {"*Skull": 4 / 3 * np.pi * 30 * 32 * 28}


def check_volumes(
    voxels: dict[str, int], true: dict[str, float], more_mm3: dict[str, float] | None = None
) -> None:
    """Within 2 %; `more_mm3` is what a reader adds by its way of painting."""
    assert set(voxels) == set(true)
    for name, count in voxels.items():
        expected = true[name] + (more_mm3 or {}).get(name, 0.0)
        assert count * 0.125 == pytest.approx(expected, rel=0.02), name


def test_rt_utils_reads_the_contours(contoured: tuple[Path, dict[str, float]]) -> None:
    folder, true = contoured
    python = python_with("GKPLAN_RT_UTILS_PYTHON", "rt-utils")
    said = run(python, "-c", RT_UTILS, str(folder / "ct"), str(folder / "rtstruct.dcm"))
    voxels = json.loads(said.splitlines()[-1])
    check_volumes(voxels, true, painted_too(folder / "rtstruct.dcm"))
    check_volumes({"*Skull": voxels["*Skull"]}, {"*Skull": true["*Skull"]})


def painted_too(path: Path) -> dict[str, float]:
    """What rt-utils adds: it paints every pixel that a contour touches, half a pixel too many."""
    data = dcmread(path)
    names = {roi.ROINumber: str(roi.ROIName) for roi in data.StructureSetROISequence}
    more = {}
    for item in data.ROIContourSequence:
        rings = [np.reshape(c.ContourData, (-1, 3)).astype(float) for c in item.ContourSequence]
        around = [np.linalg.norm(ring - np.roll(ring, 1, axis=0), axis=1).sum() for ring in rings]
        more[names[item.ReferencedROINumber]] = float(sum(around)) * 0.5 * 0.25
    return more


def test_plastimatch_reads_the_contours(
    contoured: tuple[Path, dict[str, float]], tmp_path: Path
) -> None:
    folder, true = contoured
    run(program("plastimatch", "plastimatch"), "convert", "--input", str(folder / "rtstruct.dcm"),
        "--referenced-ct", str(folder / "ct"), "--output-prefix", str(tmp_path / "masks"),
        "--prefix-format", "mha", "--xor-contours")  # fmt: skip
    masks = {path.stem: SimpleITK.ReadImage(str(path)) for path in (tmp_path / "masks").iterdir()}
    voxels = {name: int(SimpleITK.GetArrayFromImage(mask).sum()) for name, mask in masks.items()}
    check_volumes(voxels, true)


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
