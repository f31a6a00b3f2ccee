"""The beam model as fitted: rings of beams, and a profile made of blurred steps."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from gkplan.commission.parameters import Rings
from gkplan.frames import Array
from gkplan.unit import RadiationUnit
from gkplan.unit.model import blurred_step

_SHARP = (0.76, 0.82, 0.88, 0.94, 1.0, 1.06, 1.12, 1.2, 1.28)
# Distance of the nodes between which the steps are interpolated, in half-widths of the beam.
_FINE, _COARSE, _FARTHEST_MM = 0.008, 0.12, 65.0


@dataclass(frozen=True, slots=True, eq=False)
class Dictionary:
    """The steps that a profile may be made of: half-widths and edges, mm."""

    half_width_mm: Array
    edge_mm: Array

    @classmethod
    def of(cls, size_mm: int) -> Dictionary:
        """For beams of a nominal size: a little wider than it, whatever the profiles say."""
        return cls.around(0.5 * size_mm + 0.25)

    @classmethod
    def around(cls, half_width_mm: float) -> Dictionary:
        """Sharp steps near the edge, soft ones inside it (a dome) and far out (the tail)."""
        pairs = [(half_width_mm * f, edge) for f in _SHARP for edge in (0.6, 0.85, 1.1)]
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
    total = np.zeros((len(offset_mm), len(steps.half_width_mm)))
    offset = offset_mm[:, None]
    for r, count in enumerate(per_ring):
        elevation = np.deg2rad(rings.elevation_deg[r])
        # The beam's axis passes beside the focus by this much, on the side of the vertex.
        shift = rings.aim_mm[r] * np.cos(elevation)
        if axis == "z":
            a = offset * np.sin(elevation)
            rho2 = (offset * np.cos(elevation) - shift) ** 2
        else:
            # Sources left and right of the axis see the same: half of them will do.
            azimuth = (np.arange(count // 2) + 0.5) * 2 * np.pi / count
            a = offset * np.cos(elevation) * np.cos(azimuth)
            up = -offset * np.sin(elevation) * np.cos(azimuth) - shift
            rho2 = up**2 + (offset * np.sin(azimuth)) ** 2
        magnify = rings.virtual_distance_mm[r] / (rings.virtual_distance_mm[r] - a)
        rho = np.sqrt(rho2) * magnify / rings.width[r]
        amplitude = magnify**2 * np.exp(rings.attenuation_per_mm * a)
        amplitude *= weight[r] * count / a.shape[1]
        total += _summed(rho, amplitude, steps, float(rings.edge[r]))
    return total


def _summed(rho: Array, amplitude: Array, steps: Dictionary, edge: float) -> Array:
    """Sum over the beams j of amplitude[i, j] x each step at rho[i, j], (points, steps).

    By linear interpolation between nodes, fine where the steps are sharp: good to 2e-4, and
    several times as fast as the error function at every point of every beam.
    """
    nodes, n_fine, at_node = _at_nodes(steps, edge)
    near, far = nodes[1], nodes[-1] - nodes[-2]
    place = np.where(rho < nodes[n_fine], rho / near, n_fine + (rho - nodes[n_fine]) / far)
    left = place.astype(np.int64)
    part = place - left
    flat = left + len(nodes) * np.arange(len(rho))[:, None]
    size = len(rho) * len(nodes)
    share = np.bincount(flat.ravel(), (amplitude * (1.0 - part)).ravel(), size)
    share += np.bincount(flat.ravel() + 1, (amplitude * part).ravel(), size)
    return np.asarray(share.reshape(len(rho), len(nodes)) @ at_node)


# A fit changes one number at a time, mostly not an edge.
@functools.lru_cache(maxsize=64)
def _at_nodes(steps: Dictionary, edge: float) -> tuple[Array, int, Array]:
    """Nodes, the number of fine ones before the coarse, and the steps there (nodes, steps)."""
    half = float(np.median(steps.half_width_mm[: 3 * len(_SHARP)]))
    near, far = _FINE * half, _COARSE * half
    fine = np.arange(0.0, 2.4 * half, near)
    nodes = np.concatenate([fine, np.arange(len(fine) * near, _FARTHEST_MM, far)])
    return nodes, len(fine), blurred_step(nodes[:, None], steps.half_width_mm, steps.edge_mm * edge)
