"""A processor without wide vectors gets the same answers, only later."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from gkplan.frames import Frame
from gkplan.grid import Grid
from tests.dose.example import ENGINE, mixed_shots

GRID = Grid((9, 9, 9), (3.0, 3.0, 3.0), (100.0, 95.0, 85.0), Frame.LEKSELL)
SCRIPT = """
import sys
import numpy as np
from tests.dose.example import ENGINE, mixed_shots
from tests.dose.test_any_machine import GRID
shots, points = mixed_shots(2), GRID.points()
np.savez(
    sys.argv[1],
    points=ENGINE.dose(points, shots),
    grid=ENGINE.dose_on(GRID, shots),
    influence=ENGINE.influence(points, points[:1]),
)
"""


def test_a_generic_processor_gives_the_same_dose(tmp_path: Path) -> None:
    shots, points = mixed_shots(2), GRID.points()
    here = {
        "points": ENGINE.dose(points, shots),
        "grid": ENGINE.dose_on(GRID, shots),
        "influence": ENGINE.influence(points, points[:1]),
    }
    plain = {
        **os.environ,
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
    }
    out = tmp_path / "dose.npz"
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", SCRIPT, str(out)], env=plain, cwd=root, check=True)
    with np.load(out) as there:
        for name, dose in here.items():
            assert np.abs(there[name] - dose).max() <= 1e-5 * dose.max(), name
