"""Fit the beam model of `perfexion` to GammaPlan's composite profiles and print its numbers.

    GKPLAN_SHARED=... python benchmarks/fit_perfexion.py

Fitted for each collimator: elevation and half-width (quadratic over the rings), edge (linear),
tail. Held: attenuation, distances, ring output factors. Residuals r enter as r + 3e4 r^3, so
that the largest deviation counts, with a weak pull to the start values.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

from gkplan.frames import Array
from gkplan.unit import OffAxisProfile, load_unit

PER_RING = np.array([5, 5, 5, 5, 4])
RAMP = np.linspace(0.0, 1.0, 5)
BOW = 4 * RAMP * (1 - RAMP)
FINE = np.arange(-45.0, 45.01, 0.25)
GRID = np.arange(-40.0, 40.01, 0.5)
# e1, e5, bow; half-width, slope, bow; edge, slope; tail weight, decay.
START = {
    4: [4.8, 44.0, -3.0, 2.3, 0.0, 0.0, 0.8, 0.0, 0.05, 7.0],
    8: [10.0, 48.0, -2.0, 4.28, 0.0, 0.0, 0.94, 0.0, 0.05, 12.0],
    16: [-5.0, 39.5, 1.0, 8.1, 0.0, 0.0, 1.04, 0.0, 0.05, 15.0],
}
SCALE = np.array([10, 10, 4, 0.2, 0.5, 0.3, 0.3, 0.5, 0.03, 10])


def composite(q: Array, axis: str, weight: Array) -> Array:
    """Composite profile on FINE through the centre of the sphere (z toward superior)."""
    elevation = np.deg2rad(q[0] + (q[1] - q[0]) * RAMP + q[2] * BOW)
    half_width = q[3] + q[4] * (RAMP - 0.5) + q[5] * BOW
    edge = q[6] + q[7] * (RAMP - 0.5)
    distance = np.linspace(374.0, 433.0, 5)
    total = np.zeros(len(FINE))
    for r in range(5):
        n = PER_RING[r] * 8
        azimuth = (np.arange(n) + 0.5) * 2 * np.pi / n
        flat = np.cos(elevation[r]) * np.cos(azimuth)
        along = flat if axis == "x" else np.array([np.sin(elevation[r])])
        a = FINE[:, None] * along
        magnify = distance[r] / (distance[r] - a)
        rho = np.sqrt(np.maximum(FINE[:, None] ** 2 - a * a, 0)) * magnify
        profile = OffAxisProfile(half_width[r], edge[r], q[8], q[9])
        beam = magnify**2 * np.exp(0.0063 * a) * profile(rho)
        total += weight[r] * PER_RING[r] * beam.mean(axis=1)
    return total


def recentred(dose: Array) -> Array:
    """On GRID, with 0 at the mid-50 % point and 1 there."""
    center = 0.0
    half = len(FINE) // 2
    for _ in range(4):
        level = 0.5 * np.interp(center, FINE, dose)
        left = np.interp(level, dose[: half + 1], FINE[: half + 1])
        right = np.interp(-level, -dose[half:], FINE[half:])
        center = (left + right) / 2
    return np.asarray(np.interp(GRID + center, FINE, dose) / np.interp(center, FINE, dose))


def main() -> None:
    folder = Path(os.environ["GKPLAN_SHARED"]) / "reference/gammaplan_profiles"
    table = np.genfromtxt(
        folder / "gammaplan_icon_centred.csv", delimiter=",", names=True, skip_header=1
    )
    unit = load_unit("perfexion")
    for size in (4, 8, 16):

        def reference(axis: str, size: int = size) -> Array:
            column = table[f"{size}mm_{axis}"]
            good = np.isfinite(column)
            return np.interp(GRID, table["offset_mm"][good], column[good])

        x = (reference("x") + reference("y")) / 2
        x, z = (x + x[::-1]) / 2, reference("z")
        ring = unit.source_ring
        output = unit.collimator(size).relative_output
        weight = np.array([output[ring == r][0] for r in range(5)])
        start = np.array(START[size])

        def residual(
            q: Array, x: Array = x, z: Array = z, w: Array = weight, start: Array = start
        ) -> Array:
            r = np.concatenate(
                [recentred(composite(q, "x", w)) - x, recentred(composite(q, "z", w)) - z]
            )
            return np.concatenate([r + 3e4 * r**3, 1e-3 * (q - start) / SCALE])

        q = least_squares(residual, start, x_scale=SCALE).x
        worst = max(
            np.abs(recentred(composite(q, axis, weight)) - ref).max()
            for axis, ref in (("x", x), ("z", z))
        )
        print(f"{size} mm: largest deviation {worst:.4f} of the centre")
        print("  elevation_deg", np.round(q[0] + (q[1] - q[0]) * RAMP + q[2] * BOW, 2))
        print("  half_width_mm", np.round(q[3] + q[4] * (RAMP - 0.5) + q[5] * BOW, 3))
        print("  edge_sigma_mm", np.round(q[6] + q[7] * (RAMP - 0.5), 3))
        print("  tail_weight, tail_decay_mm", np.round(q[8:], 4))


if __name__ == "__main__":
    main()
