"""An image of a head as SimpleITK compares it: grey values without outliers, coarse and fine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.grid import Volume

# Spacings, mm.
LEVELS_MM = (6.0, 4.0, 2.0, 1.0)
# Each is smoothed by this much of it, and of the coarsest voxel of the two images: noise and the
# lattice of voxels have peaks of their own, and what one image does not show is not looked for.
_SMOOTH, _SMOOTH_COARSEST = 0.7, 0.5
# CT numbers beyond these hold metal and air; what differs between them by less than the softness
# about soft tissue gets most of the bins, or brain would be one with ventricles.
_CT_HU, _SOFT_HU, _SOFTNESS_HU = (-1000.0, 2000.0), 40.0, 100.0
_TOP = 0.999
# What is compared lies within the first distance of the head, mm: its surface tells most; the
# second leaves room to move.
_AROUND_MM, _ROOM_MM = 15.0, 30.0


def simpleitk() -> Any:
    """The library.

    Raises
    ------
    CaseError
        If it is not installed.
    """
    try:
        import SimpleITK
    except ImportError as error:
        raise CaseError(
            "co-registration needs SimpleITK; install it with: pip install 'gkplan[register]'"
        ) from error
    return SimpleITK


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A head in an image, LPS mm.

    Parameters
    ----------
    pictures : the image, a SimpleITK one, for each spacing
    points : (n, 3) places in the head
    box : (2, 3) what is compared: the head and some of what is around it, within the image
    bounds : (2, 3) the image
    """

    pictures: Mapping[float, Any]
    points: Array
    box: Array
    bounds: Array

    @classmethod
    def of(cls, volume: Volume, coarsest_mm: float) -> Head:
        """The head in `volume`; `coarsest_mm` is the largest edge of a voxel in it and the other.

        Raises
        ------
        CaseError
            If SimpleITK is not installed, or all values are alike.
        """
        itk = simpleitk()
        values = _grey(volume)
        image = itk.GetImageFromArray(values)
        image.SetSpacing(volume.grid.spacing_mm)
        image.SetOrigin(volume.grid.origin_mm)
        points = _head_points(volume, values)
        bounds = volume.grid.corners()
        around = np.array([points.min(axis=0), points.max(axis=0)])
        outward = np.array([[-1.0], [1.0]])
        kept = np.clip(around + _ROOM_MM * outward, *bounds)
        pictures = {}
        for mm in LEVELS_MM:
            blur_mm = max(_SMOOTH * mm, _SMOOTH_COARSEST * coarsest_mm)
            pictures[mm] = _reduced(itk, image, kept, mm, blur_mm)
        return cls(pictures, points, np.clip(around + _AROUND_MM * outward, *bounds), bounds)

    @property
    def center(self) -> Array:
        return np.asarray(self.points.mean(axis=0))

    def overlap(self, places: Array) -> float:
        """The part of places (n, 3) that lies within the image."""
        low, high = self.bounds
        return float(((places >= low) & (places <= high)).all(axis=1).mean())


def _grey(volume: Volume) -> NDArray[np.float32]:
    """Grey values from 0 to 1, without metal or the brightest thousandth."""
    values = np.asarray(volume.array, dtype=np.float32)
    if volume.quantity == "hu":
        values = np.clip(values, *_CT_HU)
        values = np.arcsinh((values - np.float32(_SOFT_HU)) / np.float32(_SOFTNESS_HU))
    low, high = float(values.min()), float(np.quantile(values[::2, ::2, ::2], _TOP))
    if not high > low:
        raise CaseError("co-registration: one of the images is empty: all its values are alike")
    return (np.clip(values, low, high) - np.float32(low)) / np.float32(high - low)


def _head_points(volume: Volume, values: NDArray[np.float32]) -> Array:
    """Places (n, 3) of what is not air, on about 30 voxels along each axis."""
    steps = [max(1, n // 30) for n in values.shape]
    few = values[:: steps[0], :: steps[1], :: steps[2]]
    x, y, z = volume.grid.axes()
    zz, yy, xx = np.meshgrid(z[:: steps[0]], y[:: steps[1]], x[:: steps[2]], indexing="ij")
    # Half-way between air and the usual of what lies above the mean.
    inside = few > float(np.median(few[few > few.mean()])) / 2
    return np.stack([xx[inside], yy[inside], zz[inside]], axis=1)


def _reduced(itk: Any, image: Any, box: Array, mm: float, blur_mm: float) -> Any:
    """What is in the box (2, 3), smoothed, in cubes: a gradient then is as good along each axis."""
    factors = [
        min(max(1, int(mm / s + 0.5)), n)
        for s, n in zip(image.GetSpacing(), image.GetSize(), strict=True)
    ]
    return itk.Resample(
        itk.DiscreteGaussian(itk.BinShrink(image, factors), blur_mm**2),
        (np.ptp(box, axis=0) / mm + 1.0).astype(int).tolist(),
        itk.Transform(),
        itk.sitkLinear,
        box[0].tolist(),
        [mm] * 3,
        useNearestNeighborExtrapolator=True,
    )
