"""The beam model as fitted: few parameters of the rings, and a profile made of blurred steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gkplan.frames import Array
from gkplan.unit import RadiationUnit
from gkplan.unit.model import blurred_step

N_RINGS = 5
_RAMP = np.linspace(-0.5, 0.5, N_RINGS)
_BOW = 4 * (_RAMP + 0.5) * (0.5 - _RAMP)

# Name, start, spread that is thought possible (a weak pull to the start), and the bounds.
NAMES = (
    *(f"elevation of ring {n + 1}, deg" for n in range(N_RINGS)),
    "width, slope over the rings",
    "width, bow over the rings",
    "edge, slope over the rings (log)",
    "edge, bow over the rings (log)",
    "virtual distance, mm",
    "virtual distance, slope, mm",
    "attenuation, /mm",
    "ring weights, slope (log)",
    "ring weights, bow (log)",
    "z of the centre, mm",
)
SPREAD = np.array([8.0] * N_RINGS + [0.1, 0.1, 0.5, 0.5, 50.0, 80.0, 0.0003, 0.3, 0.2, 1.0])
LOWEST_MU, HIGHEST_MU = 0.0055, 0.0066
MU = NAMES.index("attenuation, /mm")


@dataclass(frozen=True, slots=True, eq=False)
class Rings:
    """What the parameters say of each ring (arrays of one entry a ring)."""

    elevation_deg: Array
    width: Array
    edge: Array
    virtual_distance_mm: Array
    attenuation_per_mm: float
    output_factor: Array
    z_center_mm: float

    @classmethod
    def of(cls, q: Array, output_factor: Array) -> Rings:
        """From the parameters in the order of `NAMES`, and ring output factors to start from."""
        n = N_RINGS
        return cls(
            elevation_deg=q[:n],
            width=1.0 + q[n] * _RAMP + q[n + 1] * _BOW,
            edge=np.exp(q[n + 2] * _RAMP + q[n + 3] * (_BOW - 0.5)),
            virtual_distance_mm=q[n + 4] + q[n + 5] * _RAMP,
            attenuation_per_mm=float(q[MU]),
            output_factor=output_factor * np.exp(q[MU + 1] * _RAMP + q[MU + 2] * (_BOW - 0.5)),
            z_center_mm=float(q[MU + 3]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Dictionary:
    """The steps that a profile may be made of: half-widths and edges, mm."""

    half_width_mm: Array
    edge_mm: Array

    @classmethod
    def around(cls, half_width_mm: float) -> Dictionary:
        """Sharp steps near the edge, soft ones inside it (a dome) and far out (the tail)."""
        pairs = [
            (half_width_mm * f, edge)
            for f in (0.76, 0.82, 0.88, 0.94, 1.0, 1.06, 1.12, 1.2, 1.28)
            for edge in (0.6, 0.85, 1.1)
        ]
        pairs += [
            (half_width_mm * f, max(half_width_mm * edge, 0.5))
            for f, edge in ((0.25, 0.2), (0.4, 0.25), (0.55, 0.25), (0.7, 0.2), (0.9, 0.35))
        ]
        width = 1.2 * half_width_mm
        while width < 75.0:
            pairs.append((width, max(0.28 * width, 1.0)))
            width *= 1.3
        half, edge = np.array(pairs).T
        return cls(half, edge)


def design(
    rings: Rings, steps: Dictionary, unit: RadiationUnit, axis: str, offset_mm: Array
) -> Array:
    """Composite profile (points, steps) of each step alone, all beams of the unit.

    Through the centre of the calibration sphere, where every beam has the same depth; linear in
    the weights of the steps, which is what makes the fit quick. Symmetric in x and y.
    """
    per_ring = np.bincount(unit.source_ring)
    weight = rings.output_factor / (rings.output_factor @ per_ring)
    distance = rings.virtual_distance_mm
    total = np.zeros((len(offset_mm), len(steps.half_width_mm)))
    offset = offset_mm + (rings.z_center_mm if axis == "z" else 0.0)
    for r, count in enumerate(per_ring):
        elevation = np.deg2rad(rings.elevation_deg[r])
        if axis == "z":
            along = np.array([np.sin(elevation)])
        else:
            # Sources left and right of the axis see the same: half of them will do.
            azimuth = (np.arange(count // 2) + 0.5) * 2 * np.pi / count
            along = np.cos(elevation) * np.cos(azimuth)
        a = offset[:, None] * along
        magnify = distance[r] / (distance[r] - a)
        rho = np.sqrt(np.maximum(offset[:, None] ** 2 - a * a, 0.0)) * magnify
        amplitude = magnify**2 * np.exp(rings.attenuation_per_mm * a)
        amplitude *= weight[r] * count / len(along)
        edge = steps.edge_mm * rings.edge[r]
        each = blurred_step(rho[..., None] / rings.width[r], steps.half_width_mm, edge)
        total += np.einsum("ij,ijk->ik", amplitude, each)
    return total
