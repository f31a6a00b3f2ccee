"""What a plan shall achieve: doses to targets, limits for organs at risk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gkplan.errors import PlanError

FREE_ISODOSE = (0.4, 0.7)
LimitKind = Literal["max", "mean", "d0_035cc"]


@dataclass(frozen=True, slots=True)
class Prescription:
    """A dose for a target, at an isodose relative to the maximum.

    Parameters
    ----------
    target : name of the structure
    dose_gy : the prescription dose
    isodose : (lowest, highest) fraction of the maximum that the dose may be; equal numbers fix
        it, (1, 1) prescribes the MAXIMUM, as functional radiosurgery does
    collimator_mm : for a maximum only: the collimator of its single shot
    """

    target: str
    dose_gy: float
    isodose: tuple[float, float] = FREE_ISODOSE
    collimator_mm: int = 4

    def __post_init__(self) -> None:
        if not 0.0 < self.dose_gy <= 500.0:
            raise PlanError(
                f"prescription of {self.target!r}: dose_gy must be a positive number up to 500, "
                f"got {self.dose_gy}"
            )
        low, high = self.isodose
        if not 0.05 <= low <= high <= 1.0:
            raise PlanError(
                f"prescription of {self.target!r}: isodose must be a fraction from 0.05 to 1 "
                f"(0.5 is the 50 % isodose), got {low:g}" + (f" to {high:g}" if high != low else "")
            )

    @property
    def is_maximum(self) -> bool:
        """Whether the dose is prescribed to the maximum, so that coverage means nothing."""
        return self.isodose == (1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Limit:
    """A dose that a structure should not exceed (`kind`: max, mean, or the hottest 0.035 cc)."""

    structure: str
    kind: LimitKind
    dose_gy: float

    def __post_init__(self) -> None:
        if self.kind not in ("max", "mean", "d0_035cc"):
            raise PlanError(
                f"limit of {self.structure!r}: kind must be max, mean or d0_035cc, "
                f"got {self.kind!r}"
            )
        if not 0.0 < self.dose_gy <= 500.0:
            raise PlanError(
                f"limit of {self.structure!r}: dose_gy must be a positive number up to 500, "
                f"got {self.dose_gy}"
            )
