"""Beams, profiles and attenuation in the form that the superposition kernel takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array, leksell_from_unit
from gkplan.head import Head, surface_distances
from gkplan.unit import RadiationUnit

Array32 = NDArray[np.float32]

# Water depths that the polynomial for the attenuation covers; beyond lies no head.
_DEEPEST_MM = 300.0
_SURFACE, _RATE, _SHIFT = 3, 6, 7


@dataclass(frozen=True, slots=True, eq=False)
class BeamBlocks:
    """The beams of a unit in blocks, for a gamma angle but for no isocentre yet.

    Parameters
    ----------
    beams : (sectors, collimators, k, columns, BLOCK) float32, see the kernel's COLUMNS
    rows : (sectors, collimators, k, BLOCK) int32, where each beam's profile begins
    ray : (sectors, collimators, k, BLOCK) number of the beam's direction; the last is padding
    directions : (n, 3) of all beams through all collimators, Leksell axes
    """

    beams: Array32
    rows: NDArray[np.int32]
    ray: NDArray[np.int64]
    directions: Array

    @classmethod
    def of(cls, unit: RadiationUnit, rate_gy_per_min: float, gamma_angle_deg: float) -> BeamBlocks:
        from gkplan.kernels.superposition import BLOCK, CELLS, COLUMNS, FIRST_CELL, OCTAVES

        turn = leksell_from_unit((0.0, 0.0, 0.0), gamma_angle_deg)
        directions = turn.rotate(np.concatenate([c.directions for c in unit.collimators]))
        attenuation = np.concatenate([c.attenuation_per_mm for c in unit.collimators])
        distance = np.concatenate([c.virtual_distance_mm for c in unit.collimators])
        output = np.concatenate([c.relative_output for c in unit.collimators])
        lift = np.exp(attenuation * unit.calibration.depth_mm)
        shift = turn.rotate(np.concatenate([c.axis_shift_mm for c in unit.collimators]))
        columns = np.zeros((len(COLUMNS), len(directions) + 1))
        columns[:3, :-1] = directions.T
        columns[4:_SHIFT, :-1] = 1.0 / distance, attenuation, rate_gy_per_min * output * lift
        columns[_SHIFT:, :-1] = *(-2.0 * shift.T), (shift**2).sum(axis=1)
        first = np.cumsum([0, *(len(c.profiles) for c in unit.collimators)])
        profile = np.concatenate(
            [n + c.profile_index for n, c in zip(first[:-1], unit.collimators, strict=True)]
        )
        # A padding beam is all zeros: it has no rate and looks up the first profile.
        row = np.append(profile, 0) * OCTAVES * CELLS - FIRST_CELL
        largest = np.bincount(unit.source_sector).max()
        per_sector = -(-largest // BLOCK)
        shape = (unit.n_sectors, len(unit.collimators), per_sector, BLOCK)
        ray = np.full(shape, len(directions))
        for sector in range(unit.n_sectors):
            sources = np.flatnonzero(unit.source_sector == sector)
            for size in range(len(unit.collimators)):
                ray[sector, size].flat[: len(sources)] = sources + size * unit.n_sources
        beams = np.moveaxis(columns[:, ray], 0, 3).astype(np.float32)
        return cls(beams, row[ray].astype(np.int32), ray, directions)

    def placed(self, head: Head, isocenters_mm: Array) -> Array32:
        """`beams` for each of n isocentres, (n, ...): with the depth of the surface filled in."""
        n, rays = len(isocenters_mm), len(self.directions)
        distance = surface_distances(
            head.surface,
            np.repeat(isocenters_mm, rays, axis=0),
            np.tile(self.directions, (n, 1)),
        ).reshape(n, rays)
        distance = np.concatenate([distance, np.zeros((n, 1))], axis=1)[:, self.ray]
        hits = np.isfinite(distance)
        beams = np.repeat(self.beams[None], n, axis=0)
        beams[..., _SURFACE, :] = np.where(hits, distance, 0.0)
        beams[..., _RATE, :] *= hits
        return beams


def profile_table(unit: RadiationUnit) -> NDArray[np.int32]:
    """All off-axis profiles, one after the other, packed as the kernel wants them.

    A cell's straight line goes through its two ends, moved by half of what the profile differs
    from it in the middle of the cell, so that the error is shared.
    """
    from gkplan.kernels.superposition import CELLS, OCTAVES, SCALE, SHIFT

    step = np.arange(OCTAVES * CELLS + 1)
    ends = SHIFT * 2.0 ** (step // CELLS) * (1.0 + (step % CELLS) / CELLS)
    middles = (ends[1:] + ends[:-1]) / 2
    tables = []
    for profile in (p for c in unit.collimators for p in c.profiles):
        at_end = profile(np.sqrt(ends - SHIFT))
        at_middle = profile(np.sqrt(middles - SHIFT))
        sag = (at_middle - (at_end[1:] + at_end[:-1]) / 2) / 2
        value = np.rint((at_end[:-1] + sag) * SCALE).astype(np.int64)
        slope = np.rint((at_end[1:] - at_end[:-1]) * SCALE).astype(np.int64)
        tables.append((value << 16) | (slope & 0xFFFF))
    return np.concatenate(tables).astype(np.uint32).view(np.int32)


def attenuation_polynomial(unit: RadiationUnit) -> Array32:
    """Coefficients of exp(-s) for s = attenuation x depth, degree 6."""
    strongest = max(float(c.attenuation_per_mm.max()) for c in unit.collimators)
    fit = np.polynomial.Chebyshev.interpolate(
        lambda s: np.exp(-s), 6, domain=[0.0, strongest * _DEEPEST_MM]
    )
    coefficients = fit.convert(kind=np.polynomial.Polynomial).coef
    return np.asarray(coefficients, dtype=np.float32)
