"""A solid from closed planar contours."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.solids import LevelSet
from gkplan.structures.layers import cut_out, layers_of
from gkplan.structures.planes import (
    Run,
    farthest_reach,
    opened,
    places_in_stack,
    planes_of,
    runs_of,
    usual_spacing,
)
from gkplan.structures.sections import Stack

# Samples of the signed distance across the larger side of the contours.
_SAMPLES = 128
_FINEST_MM, _COARSEST_MM = 0.1, 1.5
# Sampled planes: for each distance between slices, and in the stack where few slices allow.
_PARTS = (4, 8)
_PLANES = 48
_THINNEST_MM = 0.3
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
    keyholes work. Holes are solids of their own, cut out of the outline's, and end as outlines
    do; but one that is drawn on the last slice of its outline goes through its end. Between
    slices the shape follows the linearly interpolated signed distance, shifted so that its area
    follows a parabola through the slices about (`areas.bends`), linear where they do not agree:
    plain interpolation of distances shrinks whatever tapers or runs obliquely, by 10 % and more
    in a cochlea. One missing slice is bridged; planes at uneven distances are interpolated
    likewise. Beyond the first and the last of three slices or more the parabola goes on, the
    contour shrinking or widening with it, to where it comes to nothing. Where it does not before
    the place of the next slice, or there are fewer slices, the end is cut off flat after half a
    spacing (`areas.End`).
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
    places = places_in_stack(heights, spacing)
    if places is not None:
        heights = heights[0] + spacing * places
    parts = int(np.clip(np.ceil(_PLANES / len(heights)), *_PARTS))
    rise = (spacing if places is not None else max(np.diff(heights).min(), _THINNEST_MM)) / parts
    tall = float(heights[-1] - heights[0])
    # Room for an end that widens as a cone of 45 degrees does, cut off half-way.
    margin = farthest_reach(heights, spacing) / 2 + 2 * step
    samples = float(np.prod((high - low + 2 * margin) / step + 2)) * (tall / rise + 2 * parts)
    if (high - low).max() / step > 2000 or samples > _MOST_SAMPLES:
        raise CaseError(
            f"structure {name!r}: spans {max((high - low).max(), tall):.0f} mm, larger than a head"
        )
    u = np.arange(low[0] - margin, high[0] + margin + step / 2, step)
    v = np.arange(low[1] - margin, high[1] + margin + step / 2, step)
    slices = [
        [r for r, s in zip(local, plane_of_ring, strict=True) if s == k]
        for k in range(len(heights))
    ]
    drawn = [[_slice_image(r, u, v) if r else None for r in layer] for layer in layers_of(slices)]
    stacks = _pieces(heights, drawn, spacing, places is not None, step)
    if not any(stacks):
        raise CaseError(f"structure {name!r}: its contours enclose nothing; draw them again")
    beyond = max(r for pieces in stacks for stack in pieces for r in stack.reach_mm)
    more = int(np.ceil(beyond / rise - 1e-6)) + 1
    planes = heights[0] + rise * np.arange(-more, int(np.ceil(tall / rise - 1e-6)) + more + 1)
    values = cut_out([_sections(pieces, planes) for pieces in stacks if pieces])
    scale = 1.0 / np.array([rise, step, step])
    start = np.array([planes[0], v[0], u[0]])
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


def _pieces(
    heights: Array,
    layers: Sequence[Sequence[Array | None]],
    spacing: float,
    even: bool,
    step: float,
) -> list[list[Stack]]:
    """The pieces of each layer, from its images on all planes."""
    stacks: list[list[Stack]] = []
    around: list[Run] | None = None
    for images in layers:
        # A contour that encloses no point of the lattice counts for none.
        drawn = [n if n is not None and n.min() < 0.0 else None for n in images]
        runs = runs_of(heights, [n is not None for n in drawn], spacing, even)
        around = runs if around is None else opened(runs, around)
        stacks.append([_stack(heights, drawn, run, step) for run in around])
    return stacks


def _stack(heights: Array, images: Sequence[Array | None], run: Run, step: float) -> Stack:
    within = slice(run.first, run.last + 1)
    drawn = [n for n in images[within] if n is not None]
    return Stack(heights[within], drawn, step, run.reach_mm, run.is_open)


def _sections(stacks: Sequence[Stack], planes: Array) -> Array:
    """Images of a layer on all planes: each from the piece that is nearest."""
    away = [np.maximum(stack.heights[0] - planes, planes - stack.heights[-1]) for stack in stacks]
    nearest = np.argmin(away, axis=0)
    sections = [stack.sections(planes[nearest == n]) for n, stack in enumerate(stacks)]
    return np.stack(list(itertools.chain.from_iterable(sections)))


def _slice_image(rings: list[Array], u: Array, v: Array) -> Array:
    from gkplan.kernels.contour import signed_distance_image

    vertices = np.ascontiguousarray(np.concatenate(rings)[:, :2])
    starts = np.cumsum([0, *(len(ring) for ring in rings)])
    return np.asarray(signed_distance_image(vertices, starts, u, v))
