"""Which structures lie inside which: a boost in a larger target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.solids import Solid, sample_about

_POINTS = 2000


def nested(solids: Sequence[Solid], samples: Sequence[Array] | None = None) -> NDArray[np.bool_]:
    """Whether solid n lies inside solid m, by ``[n, m]``: with half of its volume or more.

    `samples` are points (k, 3) in each solid, if they are at hand.
    """
    count = len(solids)
    inside = np.zeros((count, count), dtype=np.bool_)
    for n, solid in enumerate(solids):
        points = samples[n] if samples is not None else None
        for m, other in enumerate(solids):
            if n == m or not _boxes_meet(solid, other):
                continue
            if points is None:
                points = sample_about(solid, _POINTS, coarsest_mm=2.0)[0]
            inside[n, m] = bool(other.contains(points[:: len(points) // _POINTS + 1]).mean() >= 0.5)
    return inside


def _boxes_meet(one: Solid, other: Solid) -> bool:
    return bool(((one.bounds[0] <= other.bounds[1]) & (other.bounds[0] <= one.bounds[1])).all())
