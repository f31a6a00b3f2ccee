"""Errors of set-up: how large, and the scenarios that are drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gkplan.errors import PlanError
from gkplan.frames import Array, Frame, RigidTransform

Triple = tuple[float, float, float]

# A choice. 0.5 mm an axis is 0.8 mm in space on average; published for a relocatable frame, whole
# procedure: 0.69 +- 0.73 mm (Ma et al. 2014, doi 10.7785/tcrtexpress.2013.600259).
DEFAULT_SHIFT_MM = 0.5
DEFAULT_ROTATION_DEG = 0.5
DEFAULT_SCENARIOS = 50
# Beyond this many mm or degrees nobody speaks of an error of set-up.
_LARGEST = 20.0


@dataclass(frozen=True, slots=True)
class SetupUncertainty:
    """Systematic errors: one rigid motion of the patient for the whole treatment.

    Parameters
    ----------
    shift_mm : standard deviation along each axis (normal)
    rotation_deg : standard deviation of each component of the rotation vector (normal)
    scenarios : how many are drawn
    seed : of the random numbers: the same seed gives the same scenarios, and a larger standard
        deviation the same ones stretched

    Raises
    ------
    PlanError
        For numbers out of range.
    """

    shift_mm: float = DEFAULT_SHIFT_MM
    rotation_deg: float = DEFAULT_ROTATION_DEG
    scenarios: int = DEFAULT_SCENARIOS
    seed: int = 1

    def __post_init__(self) -> None:
        for what, value in (
            ("shift in mm", self.shift_mm),
            ("rotation in degrees", self.rotation_deg),
        ):
            if not 0.0 <= value <= _LARGEST:
                raise PlanError(f"set-up {what}: expected 0 to {_LARGEST:g}, got {value:g}")
        if not 1 <= self.scenarios <= 1000:
            raise PlanError(f"scenarios: expected 1 to 1000, got {self.scenarios}")
        if self.seed < 0:
            raise PlanError(f"seed: expected 0 or more, got {self.seed}")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A motion of the patient: turned about `pivot_mm` by a rotation vector, then shifted.

    `shift_mm` and `rotation_deg` are along and about the Leksell axes x, y, z.
    """

    shift_mm: Triple
    rotation_deg: Triple
    pivot_mm: Triple

    @property
    def motion(self) -> RigidTransform:
        """From where a point of the patient is planned to where it is, Leksell both."""
        from scipy.spatial.transform import Rotation

        turn = Rotation.from_rotvec(self.rotation_deg, degrees=True).as_matrix()
        pivot = np.array(self.pivot_mm)
        shift = pivot + np.array(self.shift_mm) - turn @ pivot
        return RigidTransform(turn, shift, Frame.LEKSELL, Frame.LEKSELL)


def draw_scenarios(uncertainty: SetupUncertainty, pivot_mm: Array) -> tuple[Scenario, ...]:
    """The scenarios of `uncertainty`, with rotations about a Leksell point (3,)."""
    rng = np.random.default_rng(uncertainty.seed)
    normal = rng.standard_normal((uncertainty.scenarios, 6))
    return tuple(
        Scenario(
            _triple(uncertainty.shift_mm * row[:3]),
            _triple(uncertainty.rotation_deg * row[3:]),
            _triple(pivot_mm),
        )
        for row in normal
    )


def _triple(values: Sequence[float] | Array) -> Triple:
    x, y, z = (float(v) for v in values)
    return x, y, z
