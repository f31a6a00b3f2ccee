"""Where the slices of a series lie: in order, complete, and what is odd about them."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gkplan.dicom.read.scan import Found, Series
from gkplan.dicom.reading import reading
from gkplan.errors import CaseError, CaseWarning
from gkplan.frames import Array

# Positions closer than this are one: coordinates are written with as few as three decimals.
_SAME_MM = 0.01
_EVEN_MM = 0.05
_SAME_ANGLE = 1e-3
# Linear interpolation between slices this far apart moves a head's surface by 0.1 mm.
_WIDEST_GAP_MM = 5.0
_STEEPEST_DEG = 35.0
_MOST_VOXELS = 250_000_000
_LARGEST_MM = 2000.0


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Slices ascending along their common normal, in the patient frame (LPS, mm).

    Parameters
    ----------
    files : n slices
    shape : (rows, columns)
    spacing_mm : distance of columns, and of rows
    axes : (3, 3) rows: along a row of pixels, down a column, and their normal
    corners : (n, 3) centre of the first pixel of each slice
    """

    files: tuple[Found, ...]
    shape: tuple[int, int]
    spacing_mm: tuple[float, float]
    axes: Array
    corners: Array

    @property
    def heights(self) -> Array:
        """Place of each slice along the normal (n,), ascending."""
        return np.asarray(self.corners @ self.axes[2])

    @property
    def step_mm(self) -> float:
        """Mean distance of the slices."""
        h = self.heights
        return float((h[-1] - h[0]) / (len(h) - 1))

    @property
    def is_regular(self) -> bool:
        """Whether slices are evenly spaced and each lies right above the one below."""
        even = self.corners[0] + np.outer(self.heights - self.heights[0], self.axes[2])
        spread = self.heights - np.linspace(self.heights[0], self.heights[-1], len(self.files))
        return bool(
            np.abs(self.corners - even).max() <= _EVEN_MM and np.abs(spread).max() <= _EVEN_MM
        )


@dataclass(frozen=True, slots=True)
class Placed:
    """The geometry of one image as its header says it: as in `Stack`, with one `corner` (3,)."""

    file: Found
    shape: tuple[int, int]
    spacing_mm: tuple[float, float]
    axes: Array
    corner: Array


def stack_of(series: Series) -> Stack:
    """The slices of a series in order.

    Raises
    ------
    CaseError
        Naming file and tag: slices of different size, spacing or orientation, two images at one
        place, a gap that is too wide to bridge, a slice shifted against the others.

    Warns
    -----
    CaseWarning
        For what is put right: localizers left out, uneven spacing, a gap, a tilted gantry.
    """
    slices = [placed(file) for file in _without_localizers(series)]
    first = slices[0]
    for other in slices:
        _check_alike(other, first)
    axes = first.axes
    heights = np.array([s.corner @ axes[2] for s in slices])
    slices = [slices[n] for n in np.argsort(heights, kind="stable")]
    _check_apart(slices)
    if len(slices) < 2:
        raise CaseError(
            f"{first.file.path}: is the only slice of its series; a head needs at least two"
        )
    stack = Stack(
        tuple(s.file for s in slices),
        first.shape,
        first.spacing_mm,
        axes,
        np.array([s.corner for s in slices]),
    )
    _check_gaps(stack)
    _check_shear(stack)
    voxels = len(slices) * first.shape[0] * first.shape[1]
    if voxels > _MOST_VOXELS:
        raise CaseError(
            f"{series.first.path.parent}: the series has {voxels / 1e6:.0f} million voxels, "
            f"at most {_MOST_VOXELS / 1e6:.0f} million are read; use a coarser one"
        )
    return stack


def _without_localizers(series: Series) -> Sequence[Found]:
    kept, left_out = [], 0
    for file in series.files:
        with reading(file.path):
            words = file.header.get("ImageType") or ()
            words = (words,) if isinstance(words, str) else words
            is_localizer = any("LOCALIZER" in str(word).upper() for word in words)
        left_out += is_localizer
        if not is_localizer:
            kept.append(file)
    if not kept:
        raise CaseError(f"{series.first.path}: ImageType: the series holds localizers only")
    if left_out:
        warnings.warn(
            CaseWarning(f"{series.title}: {left_out} localizer images are left out"), stacklevel=3
        )
    return kept


def placed(file: Found) -> Placed:
    """Where an image lies.

    Raises
    ------
    CaseError
        Naming file and tag, for what is missing, or cannot be an image's size, place or direction.
    """
    header = file.header
    with reading(file.path):
        if int(header.get("NumberOfFrames") or 1) > 1:
            raise ValueError(
                "NumberOfFrames: an image of many frames (enhanced CT or MR) is not read; "
                "convert it to one file a slice"
            )
        shape = (int(header.Rows), int(header.Columns))
        if not all(2 <= n <= 4096 for n in shape):
            raise ValueError(f"Rows, Columns: expected 2 to 4096, got {shape[0]}, {shape[1]}")
        dy, dx = _numbers(header, "PixelSpacing", 2)
        if not (0.05 <= dx <= 20.0 and 0.05 <= dy <= 20.0):
            raise ValueError(f"PixelSpacing: expected 0.05 to 20 mm, got {dy:g}, {dx:g}")
        corner = _numbers(header, "ImagePositionPatient", 3)
        if np.abs(corner).max() > 100 * _LARGEST_MM:
            raise ValueError(f"ImagePositionPatient: {corner.tolist()} mm is no place in a scanner")
        cosines = _numbers(header, "ImageOrientationPatient", 6).reshape(2, 3)
        length = np.linalg.norm(cosines, axis=1)
        if np.abs(length - 1.0).max() > 0.01 or abs(cosines[0] @ cosines[1]) > 0.01:
            raise ValueError(
                "ImageOrientationPatient: expected two directions of length 1 at right angles, "
                f"got {cosines.ravel().tolist()}"
            )
    u = cosines[0] / length[0]
    v = cosines[1] - (cosines[1] @ u) * u
    v /= np.linalg.norm(v)
    return Placed(file, shape, (float(dx), float(dy)), np.array([u, v, np.cross(u, v)]), corner)


def _numbers(header: object, keyword: str, count: int) -> Array:
    value = getattr(header, keyword)
    values = np.array([float(v) for v in (value if value is not None else ())], dtype=np.float64)
    if values.shape != (count,) or not np.isfinite(values).all():
        raise ValueError(f"{keyword}: expected {count} finite numbers, got {value}")
    return values


def _check_alike(one: Placed, first: Placed) -> None:
    for tag, different, got, expected in (
        ("Rows, Columns", one.shape != first.shape, one.shape, first.shape),
        (
            "PixelSpacing",
            not np.allclose(one.spacing_mm, first.spacing_mm, rtol=1e-3),
            one.spacing_mm[::-1],
            first.spacing_mm[::-1],
        ),
        (
            "ImageOrientationPatient",
            np.abs(one.axes - first.axes).max() > _SAME_ANGLE,
            np.round(one.axes[:2].ravel(), 4).tolist(),
            np.round(first.axes[:2].ravel(), 4).tolist(),
        ),
        (
            "FrameOfReferenceUID",
            one.file.frame_uid != first.file.frame_uid,
            one.file.frame_uid,
            first.file.frame_uid,
        ),
    ):
        if different:
            raise CaseError(
                f"{one.file.path}: {tag}: {got}, but {expected} in {first.file.path.name} of the "
                f"same series; take out the files that do not belong together"
            )


def _check_apart(slices: Sequence[Placed]) -> None:
    for lower, upper in itertools.pairwise(slices):
        apart = float((upper.corner - lower.corner) @ lower.axes[2])
        if apart < _SAME_MM:
            raise CaseError(
                f"{upper.file.path}: ImagePositionPatient: {upper.corner.tolist()} mm lies in the "
                f"plane of {lower.file.path.name} of the same series; expected one image a "
                f"position: keep the phase or echo that is meant"
            )


def _check_gaps(stack: Stack) -> None:
    steps = np.diff(stack.heights)
    usual = float(np.median(steps))
    if np.abs(steps - usual).max() <= _EVEN_MM + 0.01 * usual:
        return
    widest = int(np.argmax(steps))
    between = f"{stack.files[widest].path.name} and {stack.files[widest + 1].path.name}"
    if steps[widest] > max(_WIDEST_GAP_MM, 1.5 * usual):
        raise CaseError(
            f"{stack.files[widest + 1].path}: ImagePositionPatient: {steps[widest]:.2f} mm between "
            f"{between}, {usual:.2f} mm elsewhere: slices are missing; add them (a gap of up to "
            f"{_WIDEST_GAP_MM:g} mm would be bridged)"
        )
    warnings.warn(
        CaseWarning(
            f"{stack.files[0].path.parent}: slices are unevenly spaced, {steps.min():.2f} to "
            f"{steps.max():.2f} mm (widest between {between}); the image is interpolated there"
        ),
        stacklevel=3,
    )


def _check_shear(stack: Stack) -> None:
    """Warn of slices that climb at an angle to their normal, refuse those that jump about."""
    heights = stack.heights - stack.heights[0]
    aside = (stack.corners - stack.corners[0]) @ stack.axes[:2].T
    slope = heights @ aside / (heights @ heights)
    off = np.abs(aside - heights[:, None] * slope).max(axis=1)
    worst = int(np.argmax(off))
    if off[worst] > max(0.5, 0.5 * min(stack.spacing_mm)):
        raise CaseError(
            f"{stack.files[worst].path}: ImagePositionPatient: the slice is shifted by "
            f"{off[worst]:.2f} mm against the others of its series; use a series with one field "
            f"of view"
        )
    tilt = float(np.rad2deg(np.arctan(np.linalg.norm(slope))))
    if tilt > _STEEPEST_DEG:
        raise CaseError(
            f"{stack.files[0].path}: ImagePositionPatient: slices climb at {tilt:.0f} degrees to "
            f"their normal; no gantry tilts more than {_STEEPEST_DEG:g}"
        )
    if np.abs(aside).max() > _EVEN_MM:
        warnings.warn(
            CaseWarning(
                f"{stack.files[0].path.parent}: slices climb at {tilt:.1f} degrees to their normal "
                f"(tilted gantry); the image is interpolated onto an upright grid"
            ),
            stacklevel=3,
        )
