"""All beams by Monte Carlo beside GammaPlan's profiles: python benchmarks/composite.py [mm ...]

In the water sphere of 160 mm. Needs $GKPLAN_SHARED/reference, the profiles of noahbice/GK-profiles.
A voxel is 0.5 mm along the profile and 1 mm across it. Profiles are centred and, in x and y, the
mean of both sides, and have the reference's dose within 1 mm of the centre; every point within
40 mm has to be within 2 % of the maximum or 0.2 mm, and three standard errors.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

from gkplan.commission.scans import AXES, Scan, read_scans
from gkplan.dose.montecarlo import MonteCarlo, MonteCarloEngine
from gkplan.frames import LEKSELL_CENTER_MM, Array, Frame
from gkplan.grid import Grid
from gkplan.head import Head
from gkplan.shot import Shot
from gkplan.solids import Ellipsoid
from gkplan.unit import load_unit

STEP_MM, REACH_MM, FARTHEST_MM = 0.5, 42.0, 40.0
DOSE, SHIFT_MM = 0.02, 0.2
BATCHES = {4: 40, 8: 50, 16: 60}


def profiles(size_mm: int, batches: int) -> dict[str, tuple[Array, Array, Array]]:
    """Offsets, dose and its standard error along each axis; z positive toward superior."""
    unit = load_unit("perfexion")
    head = Head("sphere", Ellipsoid(LEKSELL_CENTER_MM, (80.0, 80.0, 80.0)))
    count = round(2 * REACH_MM / STEP_MM) // 2 * 2
    low = tuple(c - (count - 1) * STEP_MM / 2 for c in LEKSELL_CENTER_MM)
    grid = Grid((count,) * 3, (STEP_MM,) * 3, (low[0], low[1], low[2]), Frame.LEKSELL)
    how = MonteCarlo(uncertainty=1e-4, medium="water", most_batches=batches, workers=2)
    shot = Shot(LEKSELL_CENTER_MM, (size_mm,) * 8, 1.0)
    result = MonteCarloEngine(unit, head, 3.0, how=how).run(grid, [shot])
    middle = slice(count // 2 - 1, count // 2 + 1)
    offset = (np.arange(count) - (count - 1) / 2) * STEP_MM
    found = {}
    for axis, along in zip(AXES, (2, 1, 0), strict=True):
        part: list[slice] = [middle] * 3
        part[along] = slice(None)
        others = tuple(n for n in range(3) if n != along)
        dose = result.dose_gy[tuple(part)].mean(axis=others)
        error = np.sqrt((result.error_gy[tuple(part)] ** 2).sum(axis=others)) / 4
        order = slice(None, None, -1) if axis == "z" else slice(None)
        found[axis] = (offset, dose[order].astype(float), error[order].astype(float))
    return found


def beside(size_mm: int, scans: list[Scan]) -> None:
    """Compute, compare, assert."""
    start = time.process_time()
    found = profiles(size_mm, BATCHES[size_mm])
    print(f"{size_mm} mm: {time.process_time() - start:.0f} CPU s")
    for axis, (offset, dose, error) in found.items():
        other = next(s for s in scans if s.name == f"{size_mm} mm {axis}")
        mine = Scan(size_mm, axis, offset, dose / dose.max())
        sigma = float(np.median(error[dose > 0.5 * dose.max()]) / dose.max())
        mine = mine.conditioned()
        there = other.offset_mm[np.abs(other.offset_mm) <= FARTHEST_MM]
        core = np.arange(-1.0, 1.01, 0.1)
        scale = float(other.at(core).mean() / mine.at(core).mean())
        shifts = np.linspace(-SHIFT_MM, SHIFT_MM, 41)
        shifted = np.stack([scale * mine.at(there + s) for s in shifts]) - other.at(there)
        # Between two shifts of unlike sign lies one that fits.
        fits = (shifted.min(axis=0) <= 0.0) & (shifted.max(axis=0) >= 0.0)
        direct = np.abs(shifted[len(shifts) // 2])
        left = np.where(fits, 0.0, np.minimum(direct, np.abs(shifted).min(axis=0)))
        (a, b), (c, d) = mine.penumbra_mm, other.penumbra_mm
        print(
            f"  {axis}: FWHM {mine.fwhm_mm:.2f} / {other.fwhm_mm:.2f} mm, "
            f"80-20 % {(a + b) / 2:.2f} / {(c + d) / 2:.2f} mm, "
            f"largest {direct.max():.2%} (noise {sigma:.2%}), beyond {SHIFT_MM} mm {left.max():.2%}"
        )
        assert np.all(fits | (direct < DOSE + 3.0 * sigma))


if __name__ == "__main__":
    shared = os.environ.get("GKPLAN_SHARED")
    if shared is None:
        sys.exit("GKPLAN_SHARED is not set: the reference profiles are not here")
    file = Path(shared) / "reference/gammaplan_profiles/gammaplan_icon_centred.csv"
    reference = read_scans(file)
    for diameter in sys.argv[1:] or list(BATCHES):
        beside(int(diameter), reference)
