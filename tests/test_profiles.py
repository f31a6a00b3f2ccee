"""The nine GammaPlan composite profiles (noahbice/GK-profiles, MIT), 160 mm sphere."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from gkplan.frames import Array
from gkplan.unit import load_unit
from gkplan.unit.profiles import composite_profile

SHARED = os.environ.get("GKPLAN_SHARED")
pytestmark = pytest.mark.skipif(SHARED is None, reason="GKPLAN_SHARED is not set")
OFFSET = np.arange(-40.0, 40.01, 0.1)


def width(offset: Array, dose: Array, level: float) -> tuple[float, float]:
    """Left and right offset where the dose crosses `level` of its centre."""
    middle = len(offset) // 2
    left = np.interp(level, dose[: middle + 1], offset[: middle + 1])
    right = np.interp(-level, -dose[middle:], offset[middle:])
    return float(left), float(right)


def recentred(offset: Array, dose: Array) -> Array:
    """On OFFSET, with zero at the mid-50 % point and 1 there."""
    shift = 0.0
    for _ in range(5):
        moved = np.interp(OFFSET + shift, offset, dose)
        moved /= np.interp(shift, offset, dose)
        left, right = width(OFFSET, moved, 0.5)
        shift += (left + right) / 2
    return np.interp(OFFSET + shift, offset, dose) / np.interp(shift, offset, dose)


@pytest.mark.parametrize("size", [4, 8, 16])
@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_profile(size: int, axis: str) -> None:
    file = Path(str(SHARED)) / "reference/gammaplan_profiles/gammaplan_icon_centred.csv"
    table = np.genfromtxt(file, delimiter=",", names=True, skip_header=1)
    good = np.isfinite(table[f"{size}mm_{axis}"])
    theirs = np.interp(OFFSET, table["offset_mm"][good], table[f"{size}mm_{axis}"][good])
    ours = recentred(*composite_profile(load_unit("perfexion"), size, axis))
    if axis != "z":
        theirs, ours = (theirs + theirs[::-1]) / 2, (ours + ours[::-1]) / 2
    assert np.abs(ours - theirs).max() <= 0.02
    for profile_pair in [(ours, theirs)]:
        edges = [
            {level: width(OFFSET, p, level) for level in (0.2, 0.5, 0.8)} for p in profile_pair
        ]
        fwhm = [e[0.5][1] - e[0.5][0] for e in edges]
        assert fwhm[0] == pytest.approx(fwhm[1], abs=0.2)
        for side in (0, 1):
            penumbra = [abs(e[0.8][side] - e[0.2][side]) for e in edges]
            assert penumbra[0] == pytest.approx(penumbra[1], abs=0.5)
