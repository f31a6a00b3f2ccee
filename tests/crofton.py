"""Area and volume of any solid from random lines, for tests."""

from __future__ import annotations

import numpy as np

from gkplan.solids import Solid

_LINES = 200_000


def area_and_volume(solid: Solid, seed: int = 3) -> tuple[float, float]:
    """Surface (mm2) and volume (mm3); each good to about 0.5 % (1 sigma) for compact solids.

    Notes
    -----
    Crofton's formula: of isotropic, evenly spread lines through a sphere of radius R, a surface
    of area A inside it is crossed ``A / (2 pi R^2)`` times by each on average, so the mean number
    of intervals inside a solid is half of that; the mean length inside is ``V / (pi R^2)``.
    """
    rng = np.random.default_rng(seed)
    low, high = solid.bounds
    middle, radius = (low + high) / 2, float(np.linalg.norm(high - low)) / 2
    along = rng.normal(size=(_LINES, 3))
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.cross(along, rng.normal(size=(_LINES, 3)))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    offset = radius * np.sqrt(rng.uniform(size=(_LINES, 1)))
    inside = solid.intervals(middle + offset * across, along)
    is_one = inside[..., 1] > inside[..., 0]
    length = np.where(is_one, inside[..., 1], 0.0) - np.where(is_one, inside[..., 0], 0.0)
    area = 4 * np.pi * radius**2 * float(is_one.sum(axis=1).mean())
    return area, np.pi * radius**2 * float(length.sum(axis=1).mean())


def sphericity(solid: Solid) -> float:
    """Area of the ball of the same volume over the solid's own area: 1 for a ball, else less."""
    area, volume = area_and_volume(solid)
    return float(np.pi ** (1 / 3) * (6 * volume) ** (2 / 3) / area)
