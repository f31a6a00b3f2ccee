"""The head's surface from an image: threshold, one connected piece, cavities filled, sub-voxel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gkplan.errors import CaseError
from gkplan.frames import Array, Frame, RigidTransform
from gkplan.grid import Volume
from gkplan.solids import LevelSet

# Half-way between air and water: at the edge of the skin, whatever the blur of the image.
CT_THRESHOLD_HU = -500.0
# Half a voxel's blur takes the steps off a surface and moves an 80 mm sphere by 0.01 mm.
_BLUR_VOXELS = 0.7
_FEWEST_CC = 1.0


def surface_from_image(
    image: Volume,
    threshold: float | None = None,
    leksell_from_image: RigidTransform | None = None,
    bridge_mm: float = 0.0,
) -> LevelSet:
    """The outer surface of the head in a CT or MR image.

    Parameters
    ----------
    image : values on a grid, of the Leksell frame unless `leksell_from_image` is given
    threshold : what is at least this much is head; -500 for CT ("hu"), required otherwise
    leksell_from_image : from the grid's frame to Leksell; may turn the grid any way
    bridge_mm : what is thinner than this does not connect: for frames whose pins touch the
        skin, 4 mm. Ears stay.

    Raises
    ------
    ValueError
        For an image of another frame than Leksell without a transform, or MR without threshold.
    CaseError
        If nothing of the size of a head reaches the threshold.

    Notes
    -----
    The largest connected piece is the head. Air enclosed by it, in space or within a slice
    (sinuses, mastoid cells, the windpipe), counts as inside, as it does within a skull drawn on
    slices; air that is open to the outside (nostrils, ear canals) does not. Where the image
    ends in the head, at the neck, the solid ends half a voxel later.

    The surface is where the values, as a fraction of the step from the air around the head to
    tissue and blurred by 0.7 voxels, fall to one half. It is within a tenth of a voxel for
    images whose edge voxels hold the mean of what they cover, as those of a scanner do, and
    within half a voxel for values sampled at points.
    """
    affine = _index_from_leksell(image, leksell_from_image)
    if threshold is None:
        if image.quantity != "hu":
            raise ValueError(
                f"an image of {image.quantity!r} has no usual threshold; give the value half-way "
                f"between the air around the head and its skin"
            )
        threshold = CT_THRESHOLD_HU
    spacing = np.array(image.grid.spacing_mm[::-1])
    values = image.array.astype(np.float32)
    bright = values >= threshold
    head = _filled(_largest(bright, bridge_mm, spacing))
    if head.sum() * image.grid.voxel_volume_cc < _FEWEST_CC:
        raise CaseError(
            f"image: the largest piece of at least {threshold:g} has "
            f"{head.sum() * image.grid.voxel_volume_cc:.2f} cm3, a head has more than "
            f"{_FEWEST_CC:g}; values range from {values.min():g} to {values.max():g}: is the "
            f"threshold right?"
        )
    return _level_set(_fraction(values, bright, head, threshold), affine)


def _index_from_leksell(image: Volume, leksell_from_image: RigidTransform | None) -> Array:
    """(3, 4) affine map of a Leksell point to the image's fractional index k, j, i."""
    turn, shift = np.eye(3), np.zeros(3)
    frame = image.grid.frame
    if leksell_from_image is not None:
        if (leksell_from_image.source, leksell_from_image.target) != (frame, Frame.LEKSELL):
            raise ValueError(
                f"leksell_from_image leads from {leksell_from_image.source} to "
                f"{leksell_from_image.target}, expected from {frame} to {Frame.LEKSELL}"
            )
        back = leksell_from_image.inverse
        turn, shift = back.rotation, back.translation
    elif frame is not Frame.LEKSELL:
        raise ValueError(f"the image is in the {frame} frame; give leksell_from_image")
    scale = 1.0 / np.array(image.grid.spacing_mm)
    affine = np.column_stack([turn, shift - image.grid.origin_mm]) * scale[:, None]
    return np.asarray(affine[::-1])


def _largest(bright: NDArray[np.bool_], bridge_mm: float, spacing: Array) -> NDArray[np.bool_]:
    """The largest connected piece, bridges thinner than `bridge_mm` cut."""
    from scipy.ndimage import distance_transform_edt, label

    core = bright
    if bridge_mm > 0.0:
        core = distance_transform_edt(bright, sampling=spacing) > bridge_mm / 2
    pieces, _ = label(core)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    core = (pieces == sizes.argmax()) & core
    if bridge_mm > 0.0 and core.any():
        # What the erosion took off, and as much again of what is thin (ears), comes back.
        core = bright & (distance_transform_edt(~core, sampling=spacing) <= 2.0 * bridge_mm)
    return core


def _filled(head: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cavities closed in space or within a slice filled."""
    from scipy.ndimage import binary_fill_holes

    for piece in head:
        piece[...] = binary_fill_holes(piece)
    return np.asarray(binary_fill_holes(head))


def _fraction(
    values: NDArray[np.float32],
    bright: NDArray[np.bool_],
    head: NDArray[np.bool_],
    threshold: float,
) -> NDArray[np.float32]:
    """How much of each voxel is head: 0 to 1, one half at the threshold."""
    from scipy.ndimage import binary_dilation

    around = binary_dilation(head, iterations=3)
    air = values[around & ~bright & ~head]
    background = float(np.median(air)) if len(air) else threshold - 1.0
    above = (values - np.float32(threshold)) / np.float32(threshold - background)
    fraction: NDArray[np.float32] = np.clip(np.float32(0.5) * (1 + above), 0, 1)
    fraction[head & ~bright] = 1.0
    fraction[~head & bright] = 0.0
    return fraction


def _level_set(fraction: NDArray[np.float32], affine: Array) -> LevelSet:
    """Blurred, cut to the head, with a border that is outside."""
    from scipy.ndimage import gaussian_filter

    blurred = gaussian_filter(fraction, _BLUR_VOXELS, mode="nearest")
    inside = blurred > 0.5
    low, high = [], []
    for other in ((1, 2), (0, 2), (0, 1)):
        span = np.flatnonzero(inside.any(axis=other))
        low.append(max(int(span[0]) - 2, 0))
        high.append(int(span[-1]) + 3)
    cut = blurred[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    moved = affine.copy()
    moved[:, 3] -= np.array(low) - 1
    return LevelSet(0.5 - np.pad(cut, 1), moved)
