"""What a plan shall achieve: doses to targets, limits for organs at risk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gkplan.errors import PlanError

FREE_ISODOSE = (0.4, 0.7)
LimitKind = Literal["max", "mean", "d0_035cc", "volume"]
_KINDS = ("max", "mean", "d0_035cc", "volume")
# The volume of the usual near-maximum, in single-fraction tolerances (AAPM TG-101).
_NEAR_MAXIMUM_CC = 0.035


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
    """A dose that a structure should not exceed.

    Parameters
    ----------
    structure : its name
    kind : of the maximum, of the mean, or of D(v), the dose that the hottest volume v receives at
        least: v is 0.035 cc for "d0_035cc" and `volume_cc` for "volume"
    dose_gy : the highest dose that is allowed
    volume_cc : for the kind "volume" only
    hard : no gain anywhere outweighs it; otherwise it counts as strongly as `Aim.limits` says

    Notes
    -----
    V(dose) <= v is the same limit as D(v) <= dose: "V12 of the brain at most 10 cc" is the kind
    "volume" with ``dose_gy=12, volume_cc=10``.
    """

    structure: str
    kind: LimitKind
    dose_gy: float
    volume_cc: float | None = None
    hard: bool = False

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise PlanError(
                f"limit of {self.structure!r}: kind must be {', '.join(_KINDS[:-1])} or "
                f"{_KINDS[-1]}, got {self.kind!r}"
            )
        if (self.kind == "volume") != (self.volume_cc is not None):
            raise PlanError(
                f"limit of {self.structure!r}: volume_cc belongs to the kind 'volume' and to no "
                f"other, got kind {self.kind!r} "
                + ("without it" if self.volume_cc is None else f"with volume_cc {self.volume_cc:g}")
            )
        if self.volume_cc is not None and not 0.0 < self.volume_cc <= 2000.0:
            raise PlanError(
                f"limit of {self.structure!r}: volume_cc must be a positive number up to 2000, "
                f"got {self.volume_cc}"
            )
        if not 0.0 < self.dose_gy <= 500.0:
            raise PlanError(
                f"limit of {self.structure!r}: dose_gy must be a positive number up to 500, "
                f"got {self.dose_gy}"
            )

    @property
    def hot_cc(self) -> float:
        """The volume that may receive more than the dose: 0 for a maximum or a mean."""
        return {"d0_035cc": _NEAR_MAXIMUM_CC, "volume": self.volume_cc or 0.0}.get(self.kind, 0.0)

    @property
    def label(self) -> str:
        """What is limited, as tables write it: max, mean, D0.035cc, D0.2cc."""
        return f"D{self.hot_cc:g}cc" if self.hot_cc > 0.0 else self.kind
