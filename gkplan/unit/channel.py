"""A beam's profile from the geometry of its channel, where no measured one is at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gkplan.frames import Array
from gkplan.unit.model import blurred_step

# Within so much of the projected edge the profile is steep.
_EDGE_MM = 1.5
_FARTHEST_MM = 70.0
_NODES = 64


@dataclass(frozen=True, slots=True)
class Channel:
    """A source and the round apertures on the beam's axis between it and the focus.

    Parameters
    ----------
    source_diameter_mm, source_distance_mm : a disc that shines evenly, and how far from the focus
    apertures_mm : (distance from the focus, radius) of each; black where they are not open
    """

    source_diameter_mm: float
    source_distance_mm: float
    apertures_mm: tuple[tuple[float, float], ...]

    @property
    def half_width_mm(self) -> float:
        """Radius, in the plane of the focus, that the middle of the source sees."""
        s = self.source_distance_mm
        return min(radius * s / (s - distance) for distance, radius in self.apertures_mm)

    def fluence(self, off_axis_mm: ArrayLike) -> Array:
        """What part of the source the points of the plane through the focus see (any shape).

        Notes
        -----
        From a point at r an aperture of radius R at the distance d lets through a disc of the
        source's plane: its middle at ``-r (s - d) / d``, its radius ``R s / d``. All these discs
        have their middles on one line, so the area that they share with the source is the
        integral, along the line, of twice the smallest of their half-chords.
        """
        r = np.asarray(off_axis_mm, dtype=np.float64)[..., None]
        source, s = self.source_diameter_mm / 2, self.source_distance_mm
        # The substitution x = source * sin makes the integrand smooth at the rim of the source.
        angle, weight = np.polynomial.legendre.leggauss(_NODES)
        x, dx = source * np.sin(np.pi / 2 * angle), source * np.pi / 2 * np.cos(np.pi / 2 * angle)
        square = np.broadcast_to(source**2 - x**2, (*r.shape[:-1], _NODES))
        for distance, radius in self.apertures_mm:
            middle = -r * (s - distance) / distance
            square = np.minimum(square, (radius * s / distance) ** 2 - (x - middle) ** 2)
        area = (2 * np.sqrt(np.maximum(square, 0.0)) * dx * weight).sum(axis=-1)
        return np.asarray(area / (np.pi * source**2))


@dataclass(frozen=True, slots=True)
class Spread:
    """How far from the photon's path its energy is left in water, as a sum of Gaussians.

    Parameters
    ----------
    sigma_mm : of each Gaussian about the path; 0 is on the spot
    weight : its part of the energy
    """

    sigma_mm: tuple[float, ...]
    weight: tuple[float, ...]


def dose_profile(channel: Channel, spread: Spread, off_axis_mm: ArrayLike) -> Array:
    """Dose (n,) in water beside the axis (n,), in the plane of the focus, 1 on the axis.

    The fluence of the channel folded, in two dimensions, with the spread.
    """
    r = np.append(np.asarray(off_axis_mm, dtype=np.float64), 0.0)
    dose = folded(channel, spread.sigma_mm, r) @ np.array(spread.weight)
    return np.asarray(dose[:-1] / dose[-1])


def folded(channel: Channel, sigma_mm: Sequence[float], off_axis_mm: Array) -> Array:
    """The fluence of the channel folded, in two dimensions, with each Gaussian (n, sigmas)."""
    from scipy.special import i0e

    place, area = _rings(channel.half_width_mm)
    energy = channel.fluence(place) * area
    columns = []
    for sigma in sigma_mm:
        if sigma == 0.0:
            columns.append(channel.fluence(off_axis_mm))
            continue
        # A Gaussian about a circle, averaged over its angles, is a Bessel function of both radii.
        apart = (off_axis_mm[:, None] - place) / sigma
        near = np.exp(-(apart**2) / 2) * i0e(off_axis_mm[:, None] * place / sigma**2)
        columns.append((near @ energy) / (2 * np.pi * sigma**2))
    return np.stack(columns, axis=-1)


def _rings(half_width_mm: float) -> tuple[Array, Array]:
    """Radii of thin rings, dense at the edge, and their areas, for integrals over a plane."""
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    inner, outer = max(half_width_mm - _EDGE_MM, 0.0), half_width_mm + _EDGE_MM
    radius = np.concatenate([inner * (node + 1) / 2, inner + (outer - inner) * (node + 1) / 2])
    width = np.concatenate([inner * weight / 2, (outer - inner) * weight / 2])
    return radius, 2 * np.pi * radius * width


def channel_steps(
    channel: Channel, spread: Spread
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """Half-widths, edges and weights of the blurred steps that make up the channel's profile.

    The weights are the best ones, none negative: within 0.3 % of the maximum of `dose_profile`.
    """
    from scipy.optimize import nnls

    half = channel.half_width_mm
    r = np.concatenate(
        [
            np.arange(0.0, half + 2 * _EDGE_MM, 0.05),
            np.geomspace(half + 2 * _EDGE_MM, _FARTHEST_MM, 60),
        ]
    )
    width, edge = _dictionary(half)
    dose = dose_profile(channel, spread, r)
    weight, _ = nnls(blurred_step(r[:, None], width, edge), dose)
    used = weight > 1e-6
    return tuple(width[used].tolist()), tuple(edge[used].tolist()), tuple(weight[used].tolist())


def _dictionary(half_mm: float) -> tuple[Array, Array]:
    """Steps that the profile may be made of: sharp at the edge, soft within and far out."""
    pairs = [
        (half_mm + shift, edge)
        for shift in np.arange(-0.8, 0.81, 0.2)
        for edge in (0.25, 0.4, 0.7, 1.1, 1.7)
        if half_mm + shift > 0.2
    ]
    pairs += [(half_mm * f, max(half_mm * f / 3, 0.4)) for f in (0.3, 0.5, 0.7)]
    width = half_mm + 1.5
    while width < _FARTHEST_MM:
        pairs.append((width, max(0.3 * width, 1.0)))
        width *= 1.3
    half, edge = np.array(pairs).T
    return half, edge
