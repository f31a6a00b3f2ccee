"""A skull from radii measured from one point: the practice before skulls came from CT."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from gkplan.frames import LEKSELL_CENTER_MM, Array
from gkplan.solids.levelset import LevelSet

_SPACING_MM = 2.0
_RANGE_MM = (20.0, 200.0)
# Beyond the measured directions the radius stays within these factors of all measured ones.
_LIMITS = (0.7, 1.3)


def default_directions() -> Array:
    """24 unit vectors (24, 3), Leksell axes: three rings of eight, 0, 30 and 60 degrees up.

    The first of each ring lies toward +x (patient's left), the middle ring's turned by 22.5
    degrees toward +y (anterior), and each ring goes on that way; the lowest comes first. This is
    a convention of gkplan: where the vendor's instrument has its 24 points is not published, so
    give the directions of the instrument that was used.
    """
    rings = []
    for elevation, first in ((0.0, 0.0), (30.0, 22.5), (60.0, 0.0)):
        up, around = np.deg2rad(elevation), np.deg2rad(first + 45.0 * np.arange(8))
        z = np.full(8, -np.sin(up))
        rings.append(np.stack([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), z], 1))
    return np.concatenate(rings)


def solid_from_radii(
    radii_mm: ArrayLike,
    directions: ArrayLike | None = None,
    center_mm: ArrayLike = LEKSELL_CENTER_MM,
) -> LevelSet:
    """The star-shaped solid whose surface lies at `radii_mm` from `center_mm`.

    Parameters
    ----------
    radii_mm : (n,) float, 20 to 200 mm, n at least 8
    directions : (n, 3) float, Leksell axes, of any length; `default_directions` if not given
    center_mm : (3,) Leksell point that the radii are measured from, the frame's centre

    Raises
    ------
    ValueError
        For radii or directions that are not finite or not as many, or directions that do not
        tell a surface (two the same, all in one plane).

    Notes
    -----
    ``1 / radius**2`` is, for an ellipsoid about the centre, a quadratic form of the unit vector.
    So the least-squares quadric is taken out first and what is left is interpolated by cubic
    radial functions: the surface goes through all measured points, spheres and ellipsoids about
    the centre come back within 0.02 mm, and ellipsoids 10 mm off it (default directions)
    within 0.3 mm down to 20 degrees below the lowest ring, within 1 mm everywhere. An error of
    1.5 mm (1 sigma) in each measurement makes about 2 mm above the lowest ring, 3 to 4 mm at 20
    degrees below it. A real head has a face and a neck there, which no such skull knows.
    """
    toward = default_directions() if directions is None else np.asarray(directions, np.float64)
    radii = np.asarray(radii_mm, dtype=np.float64)
    center = np.asarray(center_mm, dtype=np.float64)
    toward = _checked(radii, toward)
    curve = _interpolant(toward, radii**-2.0)
    least, most = _LIMITS[0] * radii.min(), _LIMITS[1] * radii.max()
    half = int(np.ceil(most / _SPACING_MM)) + 2
    steps = _SPACING_MM * np.arange(-half, half + 1)
    z, y, x = np.meshgrid(steps, steps, steps, indexing="ij")
    distance = np.sqrt(x * x + y * y + z * z)
    values = distance - most
    # Only where the surface may be does the direction matter.
    near = (distance > least - 2 * _SPACING_MM) & (distance < most + 2 * _SPACING_MM)
    unit = np.stack([x[near], y[near], z[near]], axis=1) / distance[near, None]
    radius = np.clip(curve(unit), most**-2.0, least**-2.0) ** -0.5
    values[near] = distance[near] - radius
    affine = np.zeros((3, 4))
    affine[:, :3] = np.eye(3)[::-1] / _SPACING_MM
    affine[:, 3] = half - center[::-1] / _SPACING_MM
    return LevelSet(values.astype(np.float32), affine)


def _interpolant(toward: Array, values: Array) -> Callable[[Array], Array]:
    """A function of unit vectors (n, 3) with the given values at `toward`."""
    from scipy.interpolate import RBFInterpolator

    quadric = np.linalg.lstsq(_quadric(toward), values, rcond=None)[0]
    rest = RBFInterpolator(toward, values - _quadric(toward) @ quadric, kernel="cubic", degree=1)
    return lambda unit: np.asarray(_quadric(unit) @ quadric + rest(unit))


def _quadric(unit: Array) -> Array:
    x, y, z = unit.T
    return np.stack([x * x, y * y, z * z, x * y, y * z, z * x, x, y, z], axis=1)


def _checked(radii: Array, directions: Array) -> Array:
    """The directions with length 1."""
    if radii.ndim != 1 or len(radii) < 8 or directions.shape != (len(radii), 3):
        raise ValueError(
            f"radii: expected at least 8 radii and a direction (x, y, z) for each (24 by default), "
            f"got {radii.shape} radii and {directions.shape} directions"
        )
    low, high = _RANGE_MM
    wrong = np.flatnonzero(~((radii >= low) & (radii <= high)))
    if len(wrong):
        raise ValueError(
            f"radii: number {wrong[0] + 1} is {radii[wrong[0]]:g}, expected {low:g} to {high:g} mm"
        )
    length = np.linalg.norm(directions, axis=1, keepdims=True)
    if not np.isfinite(directions).all() or not (length > 0.0).all():
        raise ValueError("radii: a direction is zero or not finite")
    unit = np.asarray(directions / length)
    cosine = unit @ unit.T - 2.0 * np.eye(len(unit))
    if cosine.max() > np.cos(np.deg2rad(1.0)):
        first, second = np.unravel_index(int(cosine.argmax()), cosine.shape)
        raise ValueError(f"radii: directions {first + 1} and {second + 1} are the same")
    if np.linalg.svd(np.column_stack([unit, np.ones(len(unit))]), compute_uv=False)[-1] < 0.05:
        raise ValueError("radii: all directions lie in one plane; measure all around the head")
    return unit
