"""Balls in a target: where whole shots fit, and which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.dose.profiles import AXES, composite_profile
from gkplan.frames import Array, leksell_from_unit
from gkplan.solids import Solid, sample_about
from gkplan.solids.base import inside_lattice, lattice_around
from gkplan.unit import RadiationUnit

# What a volume beyond the surface costs, in volumes of target. Dear at first: large shots that
# fit come first; where none gains enough the cost is halved, down to the least, until the target
# is filled: thin ends need shots that reach beyond them. Overlap costs nothing by itself, or
# nothing would fill the gaps between balls.
REACH_BEYOND, LEAST_REACH = 2.0, 0.1
# Of the target's volume: what a shot must gain at least, and when the target counts as filled.
# With 1 % in place of 0.5 % thin ends stay cold, and scaling to the coverage spoils all the rest.
LEAST_GAIN, FILLED = 0.005, 0.99
# Times the target's volume: a shot larger than that is not considered if there is a smaller one.
LARGEST = 2.0
_CELLS, _FINEST_MM, _COARSEST_MM = 4000, 0.25, 1.0


@dataclass(frozen=True, slots=True)
class ShotShape:
    """The region of the 50 % isodose of one shot, all sectors open: an ellipsoid, unit axes.

    `half_mm` are half of the widths at half maximum along x, y and z.
    """

    collimator_mm: int
    half_mm: tuple[float, float, float]

    @property
    def volume_mm3(self) -> float:
        return float(4.0 / 3.0 * np.pi * np.prod(self.half_mm))

    @classmethod
    def of(cls, unit: RadiationUnit, collimator_mm: int) -> ShotShape:
        """As the unit's own profiles have it in the 160 mm water sphere."""
        half = []
        for axis in AXES:
            offset, dose = composite_profile(unit, collimator_mm, axis)
            half.append(float(np.ptp(offset[dose >= 0.5 * dose.max()]) / 2))
        return cls(collimator_mm, (half[0], half[1], half[2]))


def packed_balls(
    solid: Solid, shapes: Sequence[ShotShape], unit: RadiationUnit, gamma_angle_deg: float
) -> list[tuple[tuple[float, float, float], int]]:
    """Leksell positions (mm) and collimators of shots that fill a solid, in order of choice.

    At least one, if the unit reaches any point of the solid.

    Notes
    -----
    Greedy: the next shot is the one whose 50 % isodose region covers most of what is left, less
    what it newly covers beyond the solid.
    """
    from scipy.signal import fftconvolve

    inside, spacing = sample_about(solid, _CELLS, _COARSEST_MM, _FINEST_MM)
    fitting = [s for s in shapes if s.volume_mm3 <= LARGEST * len(inside) * spacing**3]
    fitting = fitting or [min(shapes, key=lambda s: s.volume_mm3)]
    points = lattice_around(solid, spacing, max(max(shape.half_mm) for shape in fitting))
    left = inside_lattice(solid, points)
    outside, volume = ~left, left.sum()
    may = left & unit.reaches(points.reshape(-1, 3)).reshape(left.shape)
    if not may.any():
        return []
    turn = leksell_from_unit((0.0, 0.0, 0.0), gamma_angle_deg).rotation
    kernels = [_cells_of(shape, turn, spacing) for shape in fitting]

    reach_beyond = REACH_BEYOND
    chosen: list[tuple[tuple[float, float, float], int]] = []
    while not chosen or left.sum() > (1.0 - FILLED) * volume:
        worth = left - reach_beyond * outside
        gains = np.array(
            [np.where(may, fftconvolve(worth, k, mode="same"), -np.inf) for k in kernels]
        )
        which, place = _middle_of_best(gains, points)
        if chosen and gains[(which, *place)] < LEAST_GAIN * volume:
            if reach_beyond < LEAST_REACH:
                break
            reach_beyond /= 2
            continue
        x, y, z = (float(c) for c in points[place])
        chosen.append(((x, y, z), fitting[which].collimator_mm))
        apart = ~_inside(points - points[place], fitting[which], turn)
        left, outside = left & apart, outside & apart
    return chosen


def _cells_of(shape: ShotShape, turn: Array, spacing_mm: float) -> Array:
    """The shape on lattice cells, symmetric about the middle one: 1.0 inside."""
    reach = int(np.ceil(max(shape.half_mm) / spacing_mm))
    steps = spacing_mm * np.arange(-reach, reach + 1)
    offsets = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    return _inside(offsets, shape, turn).astype(np.float64)


def _inside(offsets: Array, shape: ShotShape, turn: Array) -> NDArray[np.bool_]:
    """Which Leksell offsets (..., 3) from the focus lie within the shape."""
    return np.asarray((((offsets @ turn) / shape.half_mm) ** 2).sum(axis=-1) <= 1.0)


def _middle_of_best(gains: Array, points: Array) -> tuple[int, tuple[int, int, int]]:
    """Collimator and lattice place of the best gain; of equals, the nearest to their middle."""
    # In cells: what is less than half a cell is the rounding of the transforms.
    equal = np.argwhere(gains >= gains.max() - 0.5)
    which = int(equal[0, 0])
    places = equal[equal[:, 0] == which, 1:]
    at = points[tuple(places.T)]
    i, j, k = places[np.linalg.norm(at - at.mean(axis=0), axis=1).argmin()].tolist()
    return which, (i, j, k)
