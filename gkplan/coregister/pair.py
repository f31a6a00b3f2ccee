"""Two images and their mutual information, as SimpleITK computes and improves it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.grid import Volume

# Of SimpleITK, which carries no types: an image, and an Euler3DTransform.
Image = Any
Transform = Any
Report = Callable[[str], None]
# Voxels looked at: enough for 40 x 40 bins, and no more in a large image than in a small one.
_BINS, _SAMPLES, SEED = 40, 300_000, 121
_SWEEPS, _LEVER_MM = 8, 80.0
# CT numbers beyond these hold metal and air: they would take the bins of what matters.
_CT_HU = (-1000.0, 2000.0)
_MR_TOP = 0.999


class Pair:
    """Two images at one spacing, and how well a transform lays them on each other."""

    def __init__(self, itk: Any, fixed: Image, moving: Image) -> None:
        self._itk, self._fixed, self._moving = itk, fixed, moving
        self.spacing_mm = float(max(fixed.GetSpacing()))

    def value(self, transform: Transform) -> float:
        """Minus the mutual information; 0 where the images do not overlap."""
        method = self._method()
        method.SetInitialTransform(self._itk.Euler3DTransform(transform), False)
        try:
            return float(method.MetricEvaluate(self._fixed, self._moving))
        except RuntimeError:  # no overlap, or none with any structure
            return 0.0

    def improved(self, start: Transform, seed: int, report: Report) -> Transform:
        """The best transform near `start`; `seed` chooses the voxels that are looked at."""
        method = self._method(seed)
        # Along one direction after the other: gradients zigzag, for turns and shifts trade off.
        method.SetOptimizerAsPowell(
            numberOfIterations=_SWEEPS,
            maximumLineIterations=20,
            stepLength=self.spacing_mm / 2,
            stepTolerance=0.005,
            valueTolerance=1e-5,
        )
        # A step of 1 is 1 mm of shift, or the turn that moves what lies at the lever by 1 mm.
        method.SetOptimizerScales([_LEVER_MM] * 3 + [1.0] * 3)
        found = self._itk.Euler3DTransform(start)
        method.SetInitialTransform(found, True)
        stopped: list[BaseException] = []

        def told() -> None:
            # An exception would be lost in the library: it is kept, and raised when all is back,
            # at the end of this level, for Powell's search does not heed what asks it to stop.
            if stopped:
                return
            try:
                step = method.GetOptimizerIteration()
                report(f"step {step}, mutual information {-method.GetMetricValue():.4f}")
            except BaseException as error:
                stopped.append(error)

        method.AddCommand(self._itk.sitkIterationEvent, told)
        try:
            method.Execute(self._fixed, self._moving)
        except RuntimeError as error:
            raise CaseError(
                "co-registration: the images do not overlap; are both of one head?"
            ) from error
        if stopped:
            raise stopped[0]
        return found

    def _method(self, seed: int = SEED) -> Any:
        method = self._itk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(_BINS)
        method.SetInterpolator(self._itk.sitkLinear)
        part = _SAMPLES / self._fixed.GetNumberOfPixels()
        if part < 1.0:
            method.SetMetricSamplingStrategy(method.RANDOM)
            method.SetMetricSamplingPercentage(part, seed)
        return method


def simpleitk() -> Any:
    """The library.

    Raises
    ------
    CaseError
        If it is not installed.
    """
    try:
        import SimpleITK
    except ImportError:
        raise CaseError(
            "co-registration needs SimpleITK; install it with: pip install 'gkplan[registration]'"
        ) from None
    return SimpleITK


def clipped(volume: Volume) -> Array:
    """The values without metal, or without the brightest thousandth, float32."""
    values = np.asarray(volume.array, dtype=np.float32)
    low, high = _CT_HU
    if volume.quantity != "hu":
        low, high = float(values.min()), float(np.quantile(values[::2, ::2, ::2], _MR_TOP))
    if not high > low or values.min() == values.max():
        raise CaseError("co-registration: one of the images is empty: all its values are alike")
    return np.clip(values, low, high)


def image_of(itk: Any, volume: Volume) -> Image:
    """The volume as an image of the library, clipped."""
    image = itk.GetImageFromArray(clipped(volume))
    image.SetOrigin(volume.grid.origin_mm)
    image.SetSpacing(volume.grid.spacing_mm)
    return image


def reduced(itk: Any, image: Image, spacing_mm: float) -> Image:
    """About this spacing along each axis, smoothed as far as voxels are left out."""
    factors = [max(1, int(spacing_mm / s + 0.5)) for s in image.GetSpacing()]
    if max(factors) == 1:
        return image
    sigmas = [
        max(0.5 * f * s, 1e-3) if f > 1 else 1e-3
        for f, s in zip(factors, image.GetSpacing(), strict=True)
    ]
    return itk.Shrink(itk.DiscreteGaussian(image, [s**2 for s in sigmas]), factors)
