"""The rigid transform under which two images are most alike, by SimpleITK."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np

from gkplan.coregister.pictures import Head, simpleitk
from gkplan.errors import CaseError
from gkplan.frames import Array

# Points looked at, for each spacing of the images.
_POINTS = {6.0: 20_000, 4.0: 30_000, 2.0: 40_000, 1.0: 100_000}
_BINS = 40
# Points are normally distributed about the nodes of such a lattice, by a third of it.
_LATTICE_MM = 3.0
# A turn is counted by how far it moves what lies at this distance from the middle of the head.
_LEVER_MM = 45.0
# The step is shortened by this factor each time that the way turns, until it is that of the end.
_RELAXATION, _LAST_STEP, _MOST_STEPS = 0.7, 0.005, 100
# The other way of search: sweeps, steps along a line, and where it ends, mm and likeness.
_SWEEPS, _LINE, _PRECISION_MM, _PRECISION = 15, 20, 0.02, 1e-5
# Turns (degrees about x, y, z) that a search begins with: patients nod and tilt in a scanner.
_TURNS = (-15.0, 0.0, 15.0)
# Starts that are followed, how unlike they are (mm over the head), and what they share at least.
_FOLLOWED, _APART_MM, _LEAST_OVERLAP = 4, 12.0, 0.2
_BEGIN_STEP_MM = 4.0
# Not every system ends a wait without limit by a signal, seconds.
_LISTEN_S = 0.1
_NOTHING = "co-registration: the images do not overlap enough; are both of one head?"


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """An affine (4, 4) from the fixed to the moving images (LPS mm), and how alike they then are.

    That is their mutual information, natural logarithm (Mattes et al. 2003, IEEE Trans Med Imaging
    22, 120-128).
    """

    matrix: Array
    likeness: float


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two heads, of which places of the first are looked at in both, within `box` (2, 3)."""

    fixed: Head
    moving: Head
    box: Array

    def fit(self, matrix: Array, mm: float) -> Fit:
        """How alike the two are at this spacing."""
        try:
            value = self._method(matrix, mm, 1).MetricEvaluate(*self._pictures(mm))
        except RuntimeError:
            return Fit(matrix, 0.0)
        return Fit(matrix, -float(value))

    def improved(
        self, start: Array, mm: float, step_mm: float, seed: int = 1, thorough: bool = False
    ) -> Fit:
        """The best near `start`, which may be a mirror image, by steps of `step_mm` and less.

        They go downhill; if `thorough`, then along one direction after the other (Powell 1964),
        which also gets through the narrow valleys of a part of a head that is round.

        Raises
        ------
        CaseError
            If the images have no place in common.
        """
        itk = simpleitk()
        if thorough:
            start = self.improved(start, mm, step_mm, seed).matrix
        method = self._method(start, mm, seed)
        method.SetOptimizerScales([_LEVER_MM**2] * 3 + [1.0] * 3)
        if thorough:
            method.SetOptimizerAsPowell(_SWEEPS, _LINE, step_mm / 4, _PRECISION_MM, _PRECISION)
        else:
            method.SetOptimizerAsRegularStepGradientDescent(
                step_mm, _LAST_STEP * mm, _MOST_STEPS, _RELAXATION
            )
        try:
            found = _stoppable(itk, method, *self._pictures(mm))
        except RuntimeError as error:
            raise CaseError(_NOTHING) from error
        shift = np.array(found.TransformPoint((0.0, 0.0, 0.0)))
        turned = np.array([found.TransformPoint(unit) for unit in np.eye(3).tolist()]) - shift
        center = self.fixed.center
        matrix = np.eye(4)
        matrix[:3, :3] = turned.T
        matrix[:3, 3] = center + shift - turned.T @ center
        return Fit(start @ matrix, -float(method.GetMetricValue()))

    def _pictures(self, mm: float) -> tuple[Any, Any]:
        return self.fixed.pictures[mm], self.moving.pictures[mm]

    def _method(self, start: Array, mm: float, seed: int) -> Any:
        itk = simpleitk()
        method = itk.ImageRegistrationMethod()
        # With more the sum over points, and what is found, would depend on their number.
        method.SetNumberOfWorkUnits(1)
        method.SetMetricAsMattesMutualInformation(_BINS)
        method.SetInterpolator(itk.sitkLinear)
        center = self.fixed.center
        nodes = np.maximum(np.ceil(np.ptp(self.box, axis=0) / _LATTICE_MM), 1.0)
        spacing = np.ptp(self.box, axis=0) / nodes
        # So a part of a head is looked at as densely as all of it.
        whole = float(np.ptp(self.fixed.box, axis=0).prod() / spacing.prod())
        # SimpleITK loses the centre of a transform that it is given: here it is the origin.
        method.SetVirtualDomain(
            nodes.astype(int).tolist(),
            (self.box[0] - center + spacing / 2).tolist(),
            spacing.tolist(),
            np.eye(3).ravel().tolist(),
        )
        method.SetMetricSamplingStrategy(method.RANDOM)
        method.SetMetricSamplingPercentage(_POINTS[mm] / whole, seed)
        method.SetFixedInitialTransform(itk.TranslationTransform(3, center.tolist()))
        affine = itk.AffineTransform(3)
        affine.SetMatrix(start[:3, :3].ravel().tolist())
        affine.SetTranslation(placed(start, center).tolist())
        method.SetMovingInitialTransform(affine)
        method.SetInitialTransform(itk.Euler3DTransform())
        return method


def _stoppable(itk: Any, method: Any, fixed: Any, moving: Any) -> Any:
    """What `method` finds, in a thread of its own: else it would be deaf to Ctrl-C."""
    stopped = threading.Event()

    def look() -> None:
        if stopped.is_set():
            method.StopRegistration()

    method.AddCommand(itk.sitkIterationEvent, look)
    try:
        with ThreadPoolExecutor(1) as pool:
            try:
                running = pool.submit(method.Execute, fixed, moving)
                while not wait([running], _LISTEN_S).done:
                    pass
                return running.result()
            except BaseException:
                stopped.set()
                raise
    finally:
        method.RemoveAllCommands()


def moved(center: Array, shift_mm: Array, turn_rad: Array) -> Array:
    """Affine (4, 4) of a turn, given by its rotation vector (3,), about `center` and a shift."""
    from scipy.spatial.transform import Rotation

    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(turn_rad).as_matrix()
    matrix[:3, 3] = center + shift_mm - matrix[:3, :3] @ center
    return matrix


def placed(matrix: Array, points: Array) -> Array:
    """Where an affine (4, 4) takes points (n, 3)."""
    return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3])


def apart(one: Array, other: Array, points: Array) -> float:
    """The largest distance (mm) between where two affines (4, 4) take points (n, 3)."""
    return float(np.linalg.norm(placed(one, points) - placed(other, points), axis=1).max())


def begun(pair: Pair, mm: float, report: Callable[[str], None]) -> Fit:
    """Where the best of searches from unlike places ends.

    They begin as the headers place the images, and with the middle of one head on that of the
    other, turned each way; those that are best to begin with are followed.

    Raises
    ------
    CaseError
        If the images have nothing in common.
    """
    one, other = pair.fixed, pair.moving
    fits = []
    for shift in (np.zeros(3), other.center - one.center):
        for turn in itertools.product(_TURNS, repeat=3):
            start = moved(one.center, shift, np.deg2rad(turn))
            if other.overlap(placed(start, one.points)) >= _LEAST_OVERLAP:
                fits.append(pair.fit(start, mm))
    if not any(fit.likeness > 0.0 for fit in fits):
        raise CaseError(_NOTHING)
    chosen: list[Array] = []
    for fit in sorted(fits, key=lambda fit: -fit.likeness):
        if all(apart(fit.matrix, kept, one.points) > _APART_MM for kept in chosen):
            chosen.append(fit.matrix)
    ends = []
    for n, start in enumerate(chosen[:_FOLLOWED], start=1):
        report(f"co-registration: start {n} of {min(len(chosen), _FOLLOWED)}")
        ends.append(pair.improved(start, mm, _BEGIN_STEP_MM))
    return max(ends, key=lambda fit: fit.likeness)
