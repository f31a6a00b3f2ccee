"""A NIfTI volume as a phantom's head: sides, places, fingerprint, and files that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gkplan.case.model import Case
from gkplan.errors import CaseError, CaseWarning
from gkplan.load import load_case
from tests.needs import absent

nibabel: Any = pytest.importorskip("nibabel")

COLIN = Path("/usr/share/mricron/templates/ch2.nii.gz")
AXES = (70.0, 85.0, 65.0)
# Where the head's middle lies from the volume's origin: to the right, anterior, superior.
MIDDLE = np.array([4.0, -7.0, 11.0])
SPOT = MIDDLE + np.array([30.0, 20.0, 10.0])


def ct(codes: str = "RAS", spacing: tuple[float, float, float] = (4.0, 3.0, 5.0)) -> Any:
    """An ellipsoid of water with a dense spot right, anterior and superior of its middle."""
    axes = [np.arange(-100.0, 101.0, step) for step in spacing]
    r, a, s = np.meshgrid(*axes, indexing="ij")
    world = np.stack([r, a, s], axis=-1)
    inside = (((world - MIDDLE) / AXES) ** 2).sum(axis=-1)
    values = np.clip(-500.0 - 10_000.0 * (np.sqrt(inside) - 1.0), -1000.0, 0.0)
    values[np.linalg.norm(world - SPOT, axis=-1) < 8.0] = 1000.0
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -100.0
    image = nibabel.Nifti1Image(values.astype(np.float32), affine)
    orientation = nibabel.orientations
    turn = orientation.ornt_transform(
        orientation.axcodes2ornt("RAS"), orientation.axcodes2ornt(codes)
    )
    return image.as_reoriented(turn)


def phantom(folder: Path, image: Any, keys: str = 'quantity = "hu"') -> Path:
    nibabel.save(image, folder / "head.nii.gz")
    path = folder / "mine.toml"
    path.write_text(
        'schema = "gkplan-phantom/1"\ntitle = "one"\nsource = "a test"\n'
        f'[image]\nnifti = "head.nii.gz"\n{keys}\n'
    )
    return path


def read(path: Path) -> Case:
    return load_case(str(path))


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR"])
def test_sides_are_the_patients(tmp_path: Path, codes: str) -> None:
    """Leksell: x to the left, y anterior, z inferior, however the file stores its axes."""
    case = read(phantom(tmp_path, ct(codes), 'quantity = "hu"\norigin_mm = [100, 110, 95]'))
    to_leksell = np.array([-1.0, 1.0, -1.0])
    spot = np.array([100.0, 110.0, 95.0]) + to_leksell * SPOT
    middle = np.array([100.0, 110.0, 95.0]) + to_leksell * MIDDLE
    assert case.head.hu(spot[None])[0] > 900
    assert case.head.hu((2 * middle - spot)[None])[0] == pytest.approx(0.0, abs=1.0)
    low, high = case.head.bounds
    np.testing.assert_allclose((low + high) / 2, middle, atol=2.6)
    along = np.eye(3) * AXES
    assert case.head.contains(middle + 0.96 * along).all()
    assert not case.head.contains(middle + 1.05 * along).any()


def test_without_a_place_the_head_lies_about_the_middle_of_the_frame(tmp_path: Path) -> None:
    case = read(phantom(tmp_path, ct()))
    low, high = case.head.bounds
    np.testing.assert_allclose((low + high) / 2, 100.0, atol=2.6)


def test_a_turned_volume_is_put_upright(tmp_path: Path) -> None:
    image = ct()
    angle = np.radians(12.0)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    turned = nibabel.Nifti1Image(image.dataobj, turn @ image.affine)
    case = read(phantom(tmp_path, turned, 'quantity = "hu"\norigin_mm = [100, 100, 100]'))
    spot = 100.0 + np.array([-1.0, 1.0, -1.0]) * (turn[:3, :3] @ SPOT)
    assert case.head.hu(spot[None])[0] > 900


def test_an_mr_finds_its_own_threshold_and_serves_other_phantoms(tmp_path: Path) -> None:
    image = ct()
    signal = nibabel.Nifti1Image(np.asarray(image.dataobj) + 1000.0, image.affine)
    keys = 'quantity = "mr_signal"\norigin_mm = [100, 100, 100]'
    path = phantom(tmp_path, signal, keys)
    middle = 100.0 + np.array([-1.0, 1.0, -1.0]) * MIDDLE
    other = tmp_path / "other.toml"
    other.write_text(
        'schema = "gkplan-phantom/1"\ntitle = "two"\nsource = "a test"\nhead = "head"\n'
    )
    case = load_case(str(other), head=str(path))
    assert case.head.contains(middle + 0.95 * np.eye(3) * AXES).all()
    assert not case.head.contains(middle + 1.06 * np.eye(3) * AXES).any()


def test_the_volume_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    first = read(phantom(tmp_path, ct())).sha256
    assert read(phantom(tmp_path, ct())).sha256 == first
    assert read(phantom(tmp_path, ct(spacing=(4.0, 4.0, 5.0)))).sha256 != first


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ('quantity = "pet"', r"\[image\].quantity: expected hu or mr_signal, got 'pet'"),
        ('quantity = "hu"\norigin = 3', r"\[image\].*origin"),
        ('quantity = "hu"\norigin_mm = [1, 2]', r"\[image\].origin_mm"),
        ('quantity = "hu"\nthreshold = 5000', "head.nii.gz: image: the largest piece of at least"),
    ],
)
def test_wrong_keys_are_told(tmp_path: Path, keys: str, sentence: str) -> None:
    with pytest.raises(CaseError, match=sentence):
        read(phantom(tmp_path, ct(), keys))


def test_files_that_say_too_little_are_refused(tmp_path: Path) -> None:
    image = ct()
    values = np.array(image.dataobj)
    image.set_sform(None, code=0)
    image.set_qform(None, code=0)
    with pytest.raises(CaseError, match="does not say where left and front are"):
        read(phantom(tmp_path, image))
    series = nibabel.Nifti1Image(np.stack([values, values], axis=-1), ct().affine)
    with pytest.raises(CaseError, match="expected one volume of three dimensions"):
        read(phantom(tmp_path, series))
    values[3, 4, 5] = np.nan
    with pytest.raises(CaseError, match="no number"):
        read(phantom(tmp_path, nibabel.Nifti1Image(values, ct().affine)))


def test_damaged_and_missing_files_are_refused(tmp_path: Path) -> None:
    path = phantom(tmp_path, ct())
    content = (tmp_path / "head.nii.gz").read_bytes()
    for damaged in (b"", content[:1000], b"no volume at all", content[: len(content) // 2]):
        (tmp_path / "head.nii.gz").write_bytes(damaged)
        with pytest.raises(CaseError, match="cannot read a NIfTI volume"):
            read(path)
    (tmp_path / "head.nii.gz").unlink()
    with pytest.raises(CaseError, match="cannot read the volume: No such file"):
        read(path)


def test_colin_is_a_head(tmp_path: Path) -> None:
    """T1 of one man in the MNI frame: left temporal lobe left, brainstem below, air outside."""
    if not COLIN.is_file():
        absent(f"{COLIN} is not there (Debian: mricron-data)")
    path = tmp_path / "colin.toml"
    path.write_text(
        'schema = "gkplan-phantom/1"\ntitle = "Colin27"\nsource = "MNI"\n'
        f'[image]\nnifti = "{COLIN}"\nquantity = "mr_signal"\norigin_mm = [100, 114, 100]\n'
    )
    with pytest.warns(CaseWarning, match="the head goes on beyond"):
        case = read(path)
    brain = np.array([[140.0, 105.0, 115.0], [60.0, 105.0, 115.0], [100.0, 90.0, 130.0]])
    assert case.head.contains(brain).all()
    assert not case.head.contains(np.array([[30.0, 114.0, 30.0], [100.0, 215.0, 80.0]])).any()
