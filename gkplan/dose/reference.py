"""The dose of `tmr`, slow and obvious: every fast kernel is tested against this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gkplan.dose.beams import Beams, shot_beams
from gkplan.dose.densities import Densities, densities_of
from gkplan.dose.engine import Array32
from gkplan.frames import Array
from gkplan.grid import Grid
from gkplan.head import DepthRule, Head
from gkplan.shot import Shot
from gkplan.unit import RadiationUnit
from gkplan.unit.model import OffAxisProfile


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceEngine:
    """Float64 numpy twin of `TmrEngine`, one beam at a time."""

    unit: RadiationUnit
    head: Head
    rate_gy_per_min: float
    transit: bool = False
    depth: DepthRule = "geometric"
    name: str = "reference"

    def dose(self, points_mm: Array, shots: Sequence[Shot]) -> Array:
        """Dose (n,) in Gy at Leksell points (n, 3); 0 outside the head."""
        points = np.asarray(points_mm, dtype=np.float64)
        profiles = [p for c in self.unit.collimators for p in c.profiles]
        total = np.zeros(len(points))
        beams = shot_beams(self.unit, self.head, shots, self.rate_gy_per_min, self.transit)
        matter = densities_of(self.head) if self.depth == "radiological" else None
        deep = self.unit.calibration.depth_mm
        for number in range(len(beams)):
            total += beam_dose(points, beams, number, profiles, deep, matter)
        return np.where(self.head.contains(points), total, 0.0)

    def dose_on(self, grid: Grid, shots: Sequence[Shot]) -> Array32:
        """Dose (nk, nj, ni) float32 in Gy at the voxel centres of a Leksell grid."""
        return self.dose(grid.points(), shots).reshape(grid.shape).astype(np.float32)


def beam_dose(
    points: Array,
    beams: Beams,
    number: int,
    profiles: Sequence[OffAxisProfile],
    calibration_depth_mm: float,
    matter: Densities | None = None,
) -> Array:
    """Dose (n,) of one beam, in the unit of its output, at Leksell points (n, 3) inside the head.

    Notes
    -----
    The TMR10 form of physics as used in clinical planning: with a the signed distance of the
    point along the beam from the focus toward the source, rho its distance from the beam's axis
    (which may pass a little beside the isocentre), V the virtual source distance and t the distance
    from the focus to the surface along the axis,

    ``output (V / (V - a))^2 exp(-mu (max(t - a, 0) - 80 mm)) f(rho V / (V - a))``.

    With `matter` the depth, instead of ``max(t - a, 0)``, is the water-equivalent length that the
    axis crosses on the source's side of a. There is no build-up: within 5 mm of the surface the
    dose is too high.
    """
    offset = points - beams.focus_mm[number]
    direction = beams.directions[number]
    a = offset @ direction
    beside = offset - a[:, None] * direction
    rho = np.linalg.norm(beside, axis=1)
    magnification = beams.virtual_distance_mm[number] / (beams.virtual_distance_mm[number] - a)
    if not np.isfinite(beams.surface_mm[number]):
        return np.zeros(len(points))
    if matter is None:
        depth = np.maximum(beams.surface_mm[number] - a, 0.0)
    else:
        depth = water_ahead(matter, beams.focus_mm[number], direction, a)
    attenuation = np.exp(-beams.attenuation_per_mm[number] * (depth - calibration_depth_mm))
    profile = profiles[beams.profile[number]](rho * magnification)
    return np.asarray(beams.output[number] * magnification**2 * attenuation * profile)


def water_ahead(matter: Densities, origin_mm: Array, direction: Array, along_mm: Array) -> Array:
    """Water-equivalent length (n,) of a ray beyond places (n,) along it.

    Notes
    -----
    Between the borders of voxels that the ray crosses (Siddon 1985) density is constant. Behind
    the last matter on the ray every mm counts as water.
    """
    turn, shift = matter.index_from_leksell[:, :3], matter.index_from_leksell[:, 3]
    start, slope = turn @ origin_mm + shift + 0.5, turn @ direction
    crossed = slope != 0.0
    borders = [
        (np.arange(n + 1) - s) / d
        for n, s, d in zip(
            np.array(matter.values.shape)[crossed], start[crossed], slope[crossed], strict=True
        )
    ]
    t = np.unique(np.concatenate(borders))
    voxel = np.floor(start + (t[1:, None] + t[:-1, None]) / 2 * slope).astype(int)
    inside = ((voxel >= 0) & (voxel < matter.values.shape)).all(axis=1)
    density = np.zeros(len(voxel))
    density[inside] = matter.values[tuple(voxel[inside].T)]
    if not density.any():
        return np.zeros(len(along_mm))
    behind = t[np.flatnonzero(density)[0]]
    length = np.concatenate([np.cumsum((density * np.diff(t))[::-1])[::-1], [0.0]])
    return np.asarray(np.interp(along_mm, t, length) + np.maximum(behind - along_mm, 0.0))
