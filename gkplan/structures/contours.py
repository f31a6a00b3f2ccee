"""A solid from closed planar contours."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

import numpy as np

from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.solids import LevelSet
from gkplan.structures.layers import in_one_only, layers_of, with_ends
from gkplan.structures.planes import evened, places_in_stack, planes_of, usual_spacing

# Samples of the signed distance across the larger side of the contours.
_SAMPLES = 128
_FINEST_MM, _COARSEST_MM = 0.1, 1.5
# Sampled planes for each distance between slices.
_PARTS = 4
_MOST_SAMPLES = 150_000_000


def solid_from_contours(
    rings: Sequence[Array], name: str, slice_spacing_mm: float | None = None
) -> LevelSet:
    """The solid enclosed by a stack of closed contours.

    Parameters
    ----------
    rings : each (n, 3), n >= 3, Leksell mm, planar, all in parallel planes of any orientation
    name : of the structure, for messages
    slice_spacing_mm : distance between the planes; the median distance if not given

    Raises
    ------
    CaseError
        For contours that are not finite or not planar, for contours that enclose nothing or
        reach farther than a head, and for none.

    Notes
    -----
    Within a slice a point is inside when an odd number of rings encloses it, so holes and
    keyholes work. Holes are solids of their own, cut out of the outline's, so that both end in
    the same way. Between slices the shape follows the linearly interpolated signed distance,
    shifted so that its area is the linear interpolation of the areas: plain interpolation of
    distances shrinks whatever tapers or runs obliquely, by 10 % and more in a cochlea. One
    missing slice is bridged; planes at uneven distances are interpolated likewise. Beyond the
    first and the last slice the contour is continued by half a spacing (flat caps). The volume
    is therefore the sum of the areas times the spacing, as in planning systems.
    """
    if not rings:
        raise CaseError(f"structure {name!r}: has no contours; it is empty")
    for ring in rings:
        if ring.ndim != 2 or ring.shape[1] != 3 or len(ring) < 3:
            raise CaseError(
                f"structure {name!r}: a contour needs at least 3 points of 3 coordinates, "
                f"got an array of shape {ring.shape}"
            )
        if not np.isfinite(ring).all():
            raise CaseError(f"structure {name!r}: a contour has a coordinate that is not finite")
    axes = _plane_axes(rings)
    local = [ring @ axes.T for ring in rings]
    height = np.array([ring[:, 2].mean() for ring in local])
    heights, plane_of_ring = planes_of(height)
    spacing = slice_spacing_mm or usual_spacing(heights)
    unevenness = max(float(np.abs(r[:, 2] - h).max()) for r, h in zip(local, height, strict=True))
    if unevenness > spacing / 2:
        raise CaseError(
            f"structure {name!r}: its contours are not planar: points lie up to "
            f"{unevenness:.2f} mm off the plane, more than half the spacing of {spacing:.2f} mm"
        )
    low = np.min([ring.min(axis=0) for ring in local], axis=0)[:2]
    high = np.max([ring.max(axis=0) for ring in local], axis=0)[:2]
    step = float(np.clip((high - low).max() / _SAMPLES, _FINEST_MM, _COARSEST_MM))
    tall = float(heights[-1] - heights[0])
    samples = float(np.prod((high - low) / step + 6)) * (_PARTS * (tall / spacing + 2))
    if (high - low).max() / step > 2000 or samples > _MOST_SAMPLES:
        raise CaseError(
            f"structure {name!r}: spans {max((high - low).max(), tall):.0f} mm, larger than a head"
        )
    u = np.arange(low[0] - 3 * step, high[0] + 3.5 * step, step)
    v = np.arange(low[1] - 3 * step, high[1] + 3.5 * step, step)
    slices = [
        [r for r, s in zip(local, plane_of_ring, strict=True) if s == k]
        for k in range(len(heights))
    ]
    parts = []
    for layer in layers_of(slices):
        drawn = with_ends([_slice_image(r, u, v) if r else None for r in layer])
        first, even, images = _stacked(heights, drawn, spacing, step)
        parts.append(_with_slices_between(_cap([None, *images, None]), step))
    spacing = even
    values = functools.reduce(in_one_only, parts)
    if not (values < 0.0).any():
        raise CaseError(f"structure {name!r}: its contours enclose nothing; draw them again")
    scale = 1.0 / np.array([spacing / _PARTS, step, step])
    start = np.array([first - spacing, v[0], u[0]])
    affine = np.empty((3, 4))
    affine[:, :3] = scale[:, None] * axes[::-1]
    affine[:, 3] = -scale * start
    return LevelSet(values.astype(np.float32), affine)


def _plane_axes(rings: Sequence[Array]) -> Array:
    """Rows u, v, w: w the common normal of the rings' planes, mostly along +z or the like."""
    scatter = np.zeros((3, 3))
    for ring in rings:
        centered = ring - ring.mean(axis=0)
        scatter += centered.T @ centered
    normal = np.linalg.eigh(scatter)[1][:, 0]
    main = int(np.argmax(np.abs(normal)))
    # A tilt below 0.06 degrees is rounding of the coordinates, not an oblique series.
    if np.abs(normal[main]) > 1 - 5e-7:
        normal = np.eye(3)[main]
    normal = normal * np.sign(normal[main])
    helper = np.eye(3)[(main + 1) % 3]
    u = helper - (helper @ normal) * normal
    u /= np.linalg.norm(u)
    return np.array([u, np.cross(normal, u), normal])


def _stacked(
    heights: Array, drawn: list[Array], spacing: float, step: float
) -> tuple[float, float, list[Array | None]]:
    """Height of the first slice, spacing and images of an even stack; None between parts."""
    places = places_in_stack(heights, spacing)
    if places is None:
        return evened(heights, drawn, spacing, lambda low, high, f: _between(low, high, f, step))
    images: list[Array | None] = [None] * (int(places[-1]) + 1)
    for place, image in zip(places, drawn, strict=True):
        images[place] = image
    return float(heights[0]), spacing, images


def _slice_image(rings: list[Array], u: Array, v: Array) -> Array:
    from gkplan.kernels.contour import signed_distance_image

    vertices = np.ascontiguousarray(np.concatenate(rings)[:, :2])
    starts = np.cumsum([0, *(len(ring) for ring in rings)])
    return np.asarray(signed_distance_image(vertices, starts, u, v))


def _cap(images: list[Array | None]) -> list[Array]:
    """Fill the slices without contours: bridge a single one, close off the rest.

    Next to a contoured slice with distance d, |d| makes the interpolated surface end exactly
    half-way, wherever the contour encloses.
    """
    filled = []
    for k, image in enumerate(images):
        if image is not None:
            filled.append(image)
            continue
        near = [n for n in images[max(k - 1, 0) : k + 2] if n is not None]
        if len(near) == 2:
            filled.append((near[0] + near[1]) / 2)
        elif near:
            filled.append(np.abs(near[0]))
        else:
            some = next(n for n in images if n is not None)
            filled.append(np.full_like(some, 1e3))
    return filled


def _with_slices_between(slices: list[Array], step: float) -> Array:
    """The slices, and between each two of them `_PARTS` - 1 that have the areas in between."""
    planes = [slices[0]]
    for low, high in itertools.pairwise(slices):
        planes += [_between(low, high, part / _PARTS, step) for part in range(1, _PARTS)]
        planes.append(high)
    return np.stack(planes)


def _between(low: Array, high: Array, f: float, step: float) -> Array:
    """The image at the fraction `f` of the way from `low` to `high`, with the area in between."""
    between = (1.0 - f) * low + f * high
    # A cap has no inside: what it is shifted to would be a rim along the last contour.
    if low.min() < 0.0 and high.min() < 0.0:
        area = (1.0 - f) * _area(low, step) + f * _area(high, step)
        between = between - _shift(between, area, step)
    return between


def _area(distance: Array, step: float) -> float:
    """Area (in lattice cells) inside the zero line of a signed distance, below one cell."""
    return float(np.clip(0.5 - distance / step, 0.0, 1.0).sum())


def _shift(distance: Array, area: float, step: float) -> float:
    """The level of `distance` that encloses `area` cells, by bisection."""
    low, high = float(distance.min()), float(distance.max())
    for _ in range(30):
        middle = (low + high) / 2
        if _area(distance - middle, step) < area:
            low = middle
        else:
            high = middle
    return (low + high) / 2
