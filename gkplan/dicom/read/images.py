"""A stack of slices as a volume whose axes are those of the Leksell frame."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gkplan.dicom.read.pixels import read_pixels
from gkplan.dicom.read.stack import Stack
from gkplan.frames import Array, Frame, RigidTransform
from gkplan.grid import Grid, Volume
from gkplan.head.model import AIR_HU

# Directions this close to the axes are taken for them: 0.03 mm at 120 mm.
_ALONG = 2.5e-4
_MOST_SAMPLES = 24_000_000
_SLABS = 16


def read_volume(
    stack: Stack, leksell_from_patient: RigidTransform, report: Callable[[str], None]
) -> Volume:
    """The images of `stack` in the Leksell frame: "hu" (CT) or "mr_signal", float32.

    Notes
    -----
    Slices that follow the Leksell axes, in any order and direction, are only turned over. All
    others (oblique, unevenly spaced, of a tilted gantry) are interpolated linearly onto a grid
    as fine as their own; what lies beyond them is air (CT) or the least signal (MR).
    """
    values, stack = read_pixels(stack, report)
    quantity = "hu" if stack.files[0].modality == "CT" else "mr_signal"
    axes = leksell_from_patient.rotate(stack.axes)
    corners = leksell_from_patient(stack.corners)
    straight = np.abs(np.abs(axes).max(axis=1) - 1.0) < _ALONG**2
    if stack.is_regular and straight.all():
        return _turned(values, stack, axes, corners[0], quantity)
    report("interpolating the images onto an upright grid")
    outside = AIR_HU if quantity == "hu" else float(values.min())
    return _resampled(values, stack, axes, corners, (quantity, outside))


def _turned(
    values: NDArray[np.float32], stack: Stack, axes: Array, corner: Array, quantity: str
) -> Volume:
    """Axes exchanged and reversed so that they run along z, y, x of the frame; no arithmetic."""
    # Of the array's axes (slice, row, column): direction and spacing.
    along = axes[[2, 1, 0]]
    spacing = np.array([stack.step_mm, stack.spacing_mm[1], stack.spacing_mm[0]])
    main = np.abs(along).argmax(axis=1)
    order = [int(np.flatnonzero(main == axis)[0]) for axis in (2, 1, 0)]
    turned = values.transpose(order)
    origin = corner.copy()
    for place, source in enumerate(order):
        axis = 2 - place
        if along[source, axis] < 0.0:
            turned = np.flip(turned, place)
            origin[axis] -= spacing[source] * (values.shape[source] - 1)
    dz, dy, dx = spacing[order]
    x, y, z = (float(c) for c in origin)
    grid = Grid(turned.shape, (float(dx), float(dy), float(dz)), (x, y, z), Frame.LEKSELL)
    return Volume(np.ascontiguousarray(turned), grid, quantity)


def _resampled(
    values: NDArray[np.float32],
    stack: Stack,
    axes: Array,
    corners: Array,
    meaning: tuple[str, float],
) -> Volume:
    from scipy.ndimage import map_coordinates

    quantity, outside = meaning
    dx, dy = stack.spacing_mm
    rows, columns = stack.shape
    sides = np.array([[i * dx, j * dy] for i in (0, columns - 1) for j in (0, rows - 1)])
    box = (corners[:, None, :] + sides[None] @ axes[:2]).reshape(-1, 3)
    bounds = np.array([box.min(axis=0), box.max(axis=0)])
    finest = min(dx, dy, float(np.diff(corners @ axes[2]).min()))
    coarsest = max(dx, dy, stack.step_mm)
    fits = float(np.prod(bounds[1] - bounds[0]) / _MOST_SAMPLES) ** (1 / 3)
    spacing = float(np.clip(max(finest, coarsest / 3), fits, None))
    grid = Grid.around(bounds, spacing, Frame.LEKSELL)
    x, y, z = grid.axes()
    heights = corners @ axes[2]
    # The first pixel of a plane between two slices lies between those of the slices.
    aside = corners @ axes[:2].T
    out = np.empty(grid.shape, dtype=np.float32)
    for first in range(0, len(z), _SLABS):
        part = slice(first, first + _SLABS)
        zz, yy, xx = np.meshgrid(z[part], y, x, indexing="ij")
        points = np.stack([xx.ravel(), yy.ravel(), zz.ravel()], axis=1)
        along = points @ axes.T
        k = np.interp(along[:, 2], heights, np.arange(len(heights)), left=-9.0, right=-9.0)
        i = (along[:, 0] - np.interp(along[:, 2], heights, aside[:, 0])) / dx
        j = (along[:, 1] - np.interp(along[:, 2], heights, aside[:, 1])) / dy
        out[part] = map_coordinates(
            values, np.array([k, j, i]), order=1, mode="constant", cval=outside
        ).reshape(xx.shape)
    return Volume(out, grid, quantity)
