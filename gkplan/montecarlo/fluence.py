"""The photons of a beam across its axis, such that they make the unit's off-axis profile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gkplan.frames import Array
from gkplan.montecarlo.pencil import Pencil
from gkplan.unit import Collimator
from gkplan.unit.model import OffAxisProfile, blurred_step

# Edges of the discs of photons that a beam may be made of: the penumbra of a source of 1 mm
# behind its collimator. Wide discs are what collimators scatter.
_EDGES_MM = (0.05, 0.3, 0.7)
_FARTHEST_MM, _STEP_MM, _FINE_MM = 51.2, 0.2, 0.05
_QUANTILES = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Fluence:
    """Photons per mm2 across a beam, relative to its axis.

    Parameters
    ----------
    radius2_mm2 : (n + 1,) quantiles of the squared distance from the axis
    area_mm2 : photons through the whole plane, per photon and mm2 on the axis
    dose_gy_mm2 : dose at the centre of the calibration sphere, per photon and mm2 on the axis
    misfit : largest difference of the beam's dose profile from the unit's, of its maximum
    """

    radius2_mm2: Array
    area_mm2: float
    dose_gy_mm2: float
    misfit: float


def fluences_of(collimator: Collimator, pencil: Pencil) -> tuple[Fluence, ...]:
    """For each profile of a collimator the photons whose dose at 80 mm of water is like it.

    Notes
    -----
    Photons are a sum of discs with blurred edges, none negative; the dose of each at the depth
    of calibration is its convolution with the `Pencil`, and the sum is fitted to the profile
    by non-negative least squares out to 40 mm.
    """
    size = np.mean([_half_width(p) for p in collimator.profiles])
    sharp, wide = np.linspace(0.5, 1.4, 37) * size, np.geomspace(1.5 * size, 40.0, 12)
    discs = [(h, s) for s in _EDGES_MM for h in sharp] + [(h, 0.2 * h) for h in wide]
    r = np.arange(0.0, _FARTHEST_MM, _FINE_MM)
    photons = np.stack([blurred_step(r, h, s) for h, s in discs])
    doses = _doses(r, photons, pencil)
    at = np.concatenate([np.arange(0.0, 3.0 * size, 0.1), np.arange(3.0 * size, 40.0, 1.0)])
    basis = np.stack([np.interp(at, r, dose) for dose in doses], axis=1)
    return tuple(_fitted(p, r, photons, at, basis, pencil) for p in collimator.profiles)


def _half_width(profile: OffAxisProfile) -> float:
    r = np.arange(0.0, 40.0, 0.01)
    return float(r[np.argmax(profile(r) < 0.5)])


def _fitted(
    profile: OffAxisProfile, r: Array, discs: Array, at: Array, basis: Array, pencil: Pencil
) -> Fluence:
    from scipy.optimize import nnls

    weight, _ = nnls(basis / basis.max(), profile(at))
    dose = basis @ weight
    photons = weight @ discs
    photons /= photons[0]
    ring = 2.0 * np.pi * r * photons
    area = np.concatenate([[0.0], np.cumsum((ring[1:] + ring[:-1]) / 2.0 * _FINE_MM)])
    in_rings = np.diff(np.interp(pencil.edge_mm, r, area))
    return Fluence(
        np.interp(np.linspace(0.0, 1.0, _QUANTILES + 1), area / area[-1], r**2),
        float(area[-1]),
        float(in_rings @ pencil.dose_gy),
        float(np.abs(dose / dose[0] - profile(at)).max()),
    )


def _doses(r: Array, photons: Array, pencil: Pencil) -> Array:
    """Dose (discs, n) at distances r of photons (discs, n), by Fourier transforms."""
    count = 2 * round(_FARTHEST_MM / _STEP_MM)
    x = np.asarray((np.arange(count) - count // 2) * _STEP_MM, dtype=np.float64)
    distance = np.hypot(x[:, None], x)
    spread = np.fft.rfft2(np.fft.ifftshift(_pixels(pencil, x, distance)))
    doses = []
    for shape in photons:
        plane = np.fft.rfft2(np.interp(distance, r, shape, right=0.0)) * spread
        dose = np.fft.irfft2(plane, s=distance.shape)
        doses.append(np.interp(r, x[count // 2 :], dose[count // 2, count // 2 :]))
    return np.array(doses)


def _pixels(pencil: Pencil, x: Array, distance: Array) -> Array:
    """The pencil's dose integrated over pixels about its path."""
    pixels = pencil.at(distance)
    part = ((np.arange(20) + 0.5) / 20 - 0.5) * _STEP_MM
    for j, i in np.argwhere(distance < 1.5):
        inside = np.hypot(x[j] + part[:, None], x[i] + part)
        pixels[j, i] = pencil.dose_gy[np.searchsorted(pencil.edge_mm, inside, "right") - 1].mean()
    return np.asarray(pixels * _STEP_MM**2)
