"""The nine composite profiles in the 160 mm sphere: GammaPlan's, and a measurement.

Reference and microDiamond measurement on an Icon: noahbice/GK-profiles (MIT).
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gkplan.commission import Scan, predict_left_out, read_scans
from gkplan.commission.agreement import Agreement
from gkplan.dose import TmrEngine
from gkplan.dose.profiles import composite_profile
from gkplan.head import Head
from gkplan.shot import Shot
from gkplan.solids import Ellipsoid
from gkplan.unit import load_unit

START = Path(__file__).parents[1] / "benchmarks" / "perfexion-start.toml"
SHARED = os.environ.get("GKPLAN_SHARED")
OFFSET = np.arange(-40.0, 40.01, 0.1)
UNIT = load_unit("perfexion")
CENTER = (100.0, 100.0, 100.0)
SPHERE = TmrEngine(UNIT, Head("sphere", Ellipsoid(CENTER, (80.0, 80.0, 80.0))), 3.0)
needs_data = pytest.mark.skipif(SHARED is None, reason="GKPLAN_SHARED is not set")


def ours(size: int, axis: str) -> Scan:
    return Scan(size, axis, *composite_profile(UNIT, size, axis)).conditioned()


def measured(size: int, axis: str) -> Scan:
    file = f"reference/gammaplan_profiles/measured_microdiamond_{size}mm_{axis}.csv"
    table = np.genfromtxt(Path(str(SHARED)) / file, delimiter=",", comments="#")
    table = table[np.isfinite(table).all(axis=1)][:, :2]
    table = table[np.argsort(table[:, 0])]
    return Scan(size, axis, table[:, 0], table[:, 1] / table[:, 1].max()).conditioned()


@needs_data
@pytest.mark.parametrize("axis", ["x", "y", "z"])
@pytest.mark.parametrize("size", [4, 8, 16])
def test_gammaplan(size: int, axis: str) -> None:
    """Every point within 0.4 % of the maximum or 0.1 mm; FWHM 0.04 mm, penumbra 0.12 mm.

    Whether each is centred on its own half-maximum points, or ours left where the focus is.
    """
    file = Path(str(SHARED)) / "reference/gammaplan_profiles/gammaplan_icon_centred.csv"
    (theirs,) = (s for s in read_scans(file) if (s.collimator_mm, s.axis) == (size, axis))
    mine = ours(size, axis)
    for scan in (mine, Scan(size, axis, *composite_profile(UNIT, size, axis))):
        difference = np.abs(scan.at(OFFSET) - theirs.at(OFFSET))
        shifted = [scan.at(OFFSET + s) - theirs.at(OFFSET) for s in np.linspace(-0.1, 0.1, 21)]
        near = (np.min(shifted, axis=0) <= 0) & (np.max(shifted, axis=0) >= 0)
        assert difference[~near].max() <= 0.004
    assert mine.fwhm_mm == pytest.approx(theirs.fwhm_mm, abs=0.04)
    assert mine.penumbra_mm == pytest.approx(theirs.penumbra_mm, abs=0.12)


@needs_data
def test_a_profile_left_out_is_predicted() -> None:
    """The z profile farthest off, from the other eight and round numbers: not 1.5 % yet.

    `benchmarks/left_out.py` does the other two.
    """
    file = Path(str(SHARED)) / "reference/gammaplan_profiles/gammaplan_icon_centred.csv"
    scans, start = read_scans(file), load_unit(str(START))
    left_out = next(s for s in scans if s.name == "8 mm z")
    predicted = predict_left_out(start, scans, left_out)
    assert predicted is not None
    at = OFFSET[::5]  # where the reference is known
    assert Agreement.of(at, predicted.at(at), left_out).largest <= 0.02


@needs_data
@pytest.mark.parametrize("axis", ["x", "y", "z"])
@pytest.mark.parametrize("size", [4, 8, 16])
def test_measurement(size: int, axis: str) -> None:
    """The microDiamond data were not used in the fit."""
    theirs, mine = measured(size, axis), ours(size, axis)
    # Along y the reference itself is narrower by 0.146 mm (8 mm) and 0.133 mm (16 mm), and a
    # unit that is the same along x and y has the mean of its two.
    near = 0.157 if axis == "y" else 0.15
    assert mine.fwhm_mm == pytest.approx(theirs.fwhm_mm, abs=near)
    # The steep side of 16 mm along z, where the reference itself differs by 0.41 mm.
    near = 0.43 if (size, axis) == (16, "z") else 0.3
    assert mine.penumbra_mm == pytest.approx(theirs.penumbra_mm, abs=near)


@needs_data
@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize("size", [4, 8, 16])
def test_measurement_as_its_detector_sees_the_dose(size: int, axis: str) -> None:
    """Its sensitive disc of 1.1 mm radius (doi 10.1120/jacmp.v17i2.5690) widens what it scans.

    That it lay across z is not said with the data, but what they look like: wider than the
    reference along x and y, not along z.
    """
    turn = np.arange(64) * np.pi * (3 - 5**0.5)
    away = 1.1 * np.sqrt((np.arange(64) + 0.5) / 64)
    disc = np.stack([away * np.cos(turn), away * np.sin(turn), 0.0 * turn], axis=1)
    offset = np.arange(-20.0, 20.01, 0.1)
    along = np.eye(3)["xy".index(axis)]
    points = np.array(CENTER) + offset[:, None, None] * along + disc
    shot = Shot(CENTER, (size,) * 8, 1.0)
    dose = SPHERE.dose(points.reshape(-1, 3), [shot]).reshape(len(offset), -1).mean(axis=1)
    mine = Scan(size, axis, offset, dose / dose.max()).conditioned()
    theirs = measured(size, axis)
    assert mine.fwhm_mm == pytest.approx(theirs.fwhm_mm, abs=0.12)
    assert mine.penumbra_mm == pytest.approx(theirs.penumbra_mm, abs=0.17)


@pytest.mark.parametrize("size", [4, 8, 16])
def test_the_beam_model_is_physical(size: int) -> None:
    collimator = UNIT.collimator(size)
    assert collimator.attenuation_per_mm.min() >= 0.0055
    assert collimator.attenuation_per_mm.max() <= 0.0066
    first = [int(np.flatnonzero(UNIT.source_ring == r)[0]) for r in range(5)]
    assert (np.diff(-collimator.directions[first, 2]) > 0).all()  # elevations ascend
    r = np.linspace(0.0, 150.0, 3000)
    for profile in collimator.profiles:
        assert profile(0.0) == pytest.approx(1.0)
        assert (profile(r) >= 0.0).all()
        assert (np.diff(profile(r)) <= 1e-12).all()


def test_a_mirrored_profile_is_noticed_by_its_plateau() -> None:
    """The 16 mm plateau tilts toward the sources, that is superior."""
    scan = Scan(16, "z", *composite_profile(UNIT, 16, "z")).centered()
    assert scan.at(np.array([4.0]))[0] > scan.at(np.array([-4.0]))[0] + 0.005
    mirrored = replace(
        scan, offset_mm=-scan.offset_mm[::-1], relative_dose=scan.relative_dose[::-1]
    )
    assert mirrored.at(np.array([4.0]))[0] < mirrored.at(np.array([-4.0]))[0]
