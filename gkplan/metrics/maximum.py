"""The highest dose near some points, refined below any sampling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gkplan.dose.engine import DoseEngine
from gkplan.frames import Array
from gkplan.shot import Shot
from gkplan.solids.base import subdivide

_FIRST_STEP_MM, _LAST_STEP_MM = 1.0, 0.005


def refined_maximum(
    starts: Array, shots: Sequence[Shot], engine: DoseEngine
) -> tuple[float, tuple[float, float, float]]:
    """The highest dose (Gy) to be found from `starts` (n, 3) uphill, and its Leksell point.

    The four best points so far are kept and looked around in steps from 1 mm down to 0.005 mm.
    """
    step = _FIRST_STEP_MM
    while step > _LAST_STEP_MM:
        near = np.concatenate([starts, subdivide(starts, step, 3)])
        value = engine.dose(near, shots)
        starts = near[np.argsort(value)[-4:]]
        step *= 0.6
    best = starts[-1]
    x, y, z = (float(c) for c in best)
    return float(engine.dose(best[None], shots)[0]), (x, y, z)
