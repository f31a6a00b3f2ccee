"""Rigid co-registration by mutual information (SimpleITK)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gkplan.coregister.model import Coregistration
from gkplan.errors import CaseError
from gkplan.frames import Array, Frame, RigidTransform
from gkplan.grid import Volume

# Of SimpleITK, which carries no types: an image, and an Euler3DTransform.
Image = Any
Transform = Any
Report = Callable[[str], None]
# Spacing of the images compared, mm: the head as a whole first, then what is in it.
_COARSE_MM, _LEVELS_MM = 6.0, (4.0, 2.0, 1.0)
# Turns (degrees about x, y, z) that a search begins with: patients nod and tilt in a scanner.
_TURNS = (-15.0, 0.0, 15.0)
# How far off the second search begins.
_OFF_MM, _OFF_DEG = (3.0, -2.0, 2.0), (2.0, -2.0, 2.0)
# Voxels looked at: enough for 40 x 40 bins, and no more in a large image than in a small one.
_BINS, _SAMPLES = 40, 300_000
# The second search looks at other voxels too: what the choice of voxels does shows in the spread.
_SEED, _SECOND_SEED = 121, 122
_SWEEPS, _LEVER_MM = 8, 80.0
# Results further apart than this say that nothing fits better than all else.
_MOST_SPREAD_MM = 1.0
_LEAST_OVERLAP = 0.3
# CT numbers beyond these hold metal and air: they would take the bins of what matters.
_CT_HU = (-1000.0, 2000.0)
_MR_TOP = 0.999


def coregister(fixed: Volume, moving: Volume, report: Report = lambda _: None) -> Coregistration:
    """The rigid transform that lays `moving` on `fixed`.

    Parameters
    ----------
    fixed, moving : "hu" or "mr_signal" in the patient frame (LPS mm), of one head

    Raises
    ------
    CaseError
        If SimpleITK is not installed, the heads hardly overlap, or two searches differ by more
        than 1 mm somewhere in the head.

    Notes
    -----
    Mutual information of 40 x 40 grey values (Mattes et al. 2003), from 6 mm down to 1 mm. The
    search begins with the images as their headers place them and with their middles laid on
    each other, each turned by up to 15 degrees about each axis; the best goes on. A second
    search from a place a few mm off has to find the same.
    """
    itk = _simpleitk()
    for volume in (fixed, moving):
        if volume.grid.frame is not Frame.PATIENT:
            raise ValueError(f"expected images in the patient frame, got {volume.grid.frame}")
    report("co-registration: preparing the images")
    head = _head_points(moving)
    center = np.asarray(head.mean(axis=0))
    one, other = _image(itk, fixed), _image(itk, moving)
    report("co-registration: where to begin")
    coarse = _Pair(itk, _reduced(itk, one, _COARSE_MM), _reduced(itk, other, _COARSE_MM))
    # SimpleITK's transforms lead from fixed to moving: the turn is about the fixed head's middle.
    target = np.asarray(_head_points(fixed).mean(axis=0))
    starts = _starts(itk, target, center)
    as_placed = itk.Euler3DTransform()
    as_placed.SetCenter(target.tolist())
    begin = min(starts, key=coarse.value)
    pairs = _levels(itk, one, other)
    found = _searched(begin, pairs, _SEED, report, "co-registration")
    second = _searched(
        _nudged(itk, found), pairs[-2:], _SECOND_SEED, report, "co-registration again"
    )
    result, again = _fixed_from_moving(found), _fixed_from_moving(second)
    spread = float(np.linalg.norm(result(head) - again(head), axis=1).max())
    index = fixed.grid.fractional_index(result(head))
    inside = ((index >= 0) & (index <= np.array(fixed.grid.shape) - 1)).all(axis=1)
    coregistration = Coregistration(
        result,
        center,
        -pairs[0].value(found),
        -pairs[0].value(as_placed),
        float(inside.mean()),
        spread,
    )
    _check(coregistration)
    return coregistration


def _check(found: Coregistration) -> None:
    if found.overlap < _LEAST_OVERLAP:
        raise CaseError(
            f"co-registration: only {100 * found.overlap:.0f} % of the moving head lies within the "
            f"fixed images, expected {100 * _LEAST_OVERLAP:.0f} % or more; are both of one head?"
        )
    if found.spread_mm > _MOST_SPREAD_MM:
        raise CaseError(
            f"co-registration: a second search ends {found.spread_mm:.1f} mm from the first, "
            f"expected at most {_MOST_SPREAD_MM:g} mm: the images do not determine how they fit; "
            f"are both of one head, and do both show enough of it?"
        )


def _levels(itk: Any, fixed: Image, moving: Image) -> list[_Pair]:
    """The two images from coarse to fine; those no finer than the last are left out."""
    pairs: list[_Pair] = []
    for mm in _LEVELS_MM:
        pair = _Pair(itk, _reduced(itk, fixed, mm), _reduced(itk, moving, mm))
        if not pairs or pair.spacing_mm < pairs[-1].spacing_mm:
            pairs.append(pair)
    return pairs


def _searched(
    start: Transform, pairs: Sequence[_Pair], seed: int, report: Report, what: str
) -> Transform:
    """From coarse to fine."""
    for pair in pairs:

        def told(text: str, at: str = f"{pair.spacing_mm:.3g}") -> None:
            report(f"{what}, {at} mm: {text}")

        start = pair.improved(start, seed, told)
    return start


class _Pair:
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

    def _method(self, seed: int = _SEED) -> Any:
        method = self._itk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(_BINS)
        method.SetInterpolator(self._itk.sitkLinear)
        part = _SAMPLES / self._fixed.GetNumberOfPixels()
        if part < 1.0:
            method.SetMetricSamplingStrategy(method.RANDOM)
            method.SetMetricSamplingPercentage(part, seed)
        return method


def _simpleitk() -> Any:
    try:
        import SimpleITK
    except ImportError:
        raise CaseError(
            "co-registration needs SimpleITK; install it with: pip install 'gkplan[registration]'"
        ) from None
    return SimpleITK


def _clipped(volume: Volume) -> Array:
    values = np.asarray(volume.array, dtype=np.float32)
    low, high = _CT_HU
    if volume.quantity != "hu":
        low, high = float(values.min()), float(np.quantile(values[::2, ::2, ::2], _MR_TOP))
    if not high > low or values.min() == values.max():
        raise CaseError("co-registration: one of the images is empty: all its values are alike")
    return np.clip(values, low, high)


def _image(itk: Any, volume: Volume) -> Image:
    image = itk.GetImageFromArray(_clipped(volume))
    image.SetOrigin(volume.grid.origin_mm)
    image.SetSpacing(volume.grid.spacing_mm)
    return image


def _reduced(itk: Any, image: Image, spacing_mm: float) -> Image:
    """About this spacing along each axis, smoothed as far as voxels are left out."""
    factors = [max(1, int(spacing_mm / s + 0.5)) for s in image.GetSpacing()]
    if max(factors) == 1:
        return image
    sigmas = [
        max(0.5 * f * s, 1e-3) if f > 1 else 1e-3
        for f, s in zip(factors, image.GetSpacing(), strict=True)
    ]
    return itk.Shrink(itk.DiscreteGaussian(image, [s**2 for s in sigmas]), factors)


def _head_points(volume: Volume) -> Array:
    """Places (n, 3) of what is not air, on about 30 voxels along each axis."""
    steps = [max(1, n // 30) for n in volume.grid.shape]
    values = _clipped(volume)[:: steps[0], :: steps[1], :: steps[2]]
    x, y, z = volume.grid.axes()
    zz, yy, xx = np.meshgrid(z[:: steps[0]], y[:: steps[1]], x[:: steps[2]], indexing="ij")
    # Half-way between air and the usual of what lies above the mean.
    inside = values > (values.min() + float(np.median(values[values > values.mean()]))) / 2
    return np.stack([xx[inside], yy[inside], zz[inside]], axis=1)


def _starts(itk: Any, target: Array, center: Array) -> list[Transform]:
    """As the headers have it and with the middles on each other, turned each way."""
    starts = []
    for shift in (np.zeros(3), center - target):
        for turn in itertools.product(_TURNS, repeat=3):
            start = itk.Euler3DTransform()
            start.SetCenter(target.tolist())
            start.SetRotation(*np.deg2rad(turn).tolist())
            start.SetTranslation(shift.tolist())
            starts.append(start)
    return starts


def _nudged(itk: Any, transform: Transform) -> Transform:
    turn = np.deg2rad(_OFF_DEG)
    other = itk.Euler3DTransform(transform)
    now = np.array([transform.GetAngleX(), transform.GetAngleY(), transform.GetAngleZ()])
    other.SetRotation(*(now + turn).tolist())
    other.SetTranslation((np.array(transform.GetTranslation()) + _OFF_MM).tolist())
    return other


def _fixed_from_moving(transform: Transform) -> RigidTransform:
    rotation = np.array(transform.GetMatrix()).reshape(3, 3)
    center = np.array(transform.GetCenter())
    shift = np.array(transform.GetTranslation()) + center - rotation @ center
    return RigidTransform(rotation, shift, Frame.PATIENT, Frame.PATIENT).inverse
