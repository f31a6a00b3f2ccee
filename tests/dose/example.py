"""A head, a unit and shots that the tests of the dose engine share."""

from __future__ import annotations

import numpy as np

from gkplan.dose import ReferenceEngine, TmrEngine
from gkplan.head import Head
from gkplan.shot import Shot
from gkplan.solids import Ellipsoid, Union
from gkplan.unit import load_unit

CENTER = (100.0, 100.0, 100.0)
UNIT = load_unit("perfexion")
# An oblong head with a nose: rays leave it and enter it again.
HEAD = Head(
    "with nose",
    Union(
        (
            Ellipsoid((100.0, 104.0, 100.0), (72.0, 90.0, 78.0), (10.0, 0.0, 5.0)),
            Ellipsoid((100.0, 196.0, 118.0), (12.0, 14.0, 20.0)),
        )
    ),
)
ENGINE = TmrEngine(UNIT, HEAD, 3.0)
TWIN = ReferenceEngine(UNIT, HEAD, 3.0)


def mixed_shots(count: int, seed: int = 1) -> list[Shot]:
    """Shots near each other with random sectors, times and gamma angles."""
    rng = np.random.default_rng(seed)
    shots = []
    for _ in range(count):
        x, y, z = (float(c) for c in rng.normal((112.0, 108.0, 95.0), 6.0))
        sectors = (8, *(int(s) for s in rng.choice([0, 4, 8, 16], 7)))
        gamma = float(rng.choice([70.0, 90.0, 110.0]))
        shots.append(Shot((x, y, z), sectors, float(rng.uniform(0.2, 2.0)), gamma))
    return shots
