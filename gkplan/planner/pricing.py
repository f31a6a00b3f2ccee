"""What isocentres that are not in a programme would be worth to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gkplan.dose import TmrEngine
from gkplan.frames import Array
from gkplan.planner.programme import best_shots

_MEMORY_MB = 200.0


def worth_of_places(
    engine: TmrEngine,
    places: Array,
    gamma_angle_deg: float,
    points: Array,
    price: Array,
    plugged: Sequence[int] = (),
) -> Array:
    """What a minute of the best shot at each place (n, 3) is worth, (n,).

    `price` (m,) is the worth of dose at the points (m, 3); those without one are not looked at.
    """
    priced = np.flatnonzero(price)
    worth = np.zeros(len(places))
    for part, block in engine.influence_blocks(
        points[priced], places, _MEMORY_MB, gamma_angle_deg, plugged
    ):
        worth[part] = best_shots(block, price[priced])[1]
    return worth
