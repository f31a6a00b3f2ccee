"""Which isodose lines are drawn."""

from __future__ import annotations

from dataclasses import dataclass

from gkplan.plan import Plan

_COLORS = ("#ff6a3d", "#ffe600", "#7cf26b", "#2fe3f5", "#4d9bff")
_PERCENTS = (150.0, 100.0, 75.0, 50.0, 25.0)
# Of a dose prescribed to the maximum nothing exceeds 100 %.
_PERCENTS_OF_MAXIMUM = (80.0, 50.0, 30.0, 20.0, 10.0)


@dataclass(frozen=True, slots=True)
class Isodose:
    """An isodose line in absolute dose, and what percentage of the reference dose it is."""

    dose_gy: float
    percent: float
    color: str

    @property
    def label(self) -> str:
        return f"{self.dose_gy:.4g} Gy ({self.percent:g} %)"

    @property
    def is_reference(self) -> bool:
        return self.percent == 100.0


def isodoses(plan: Plan, target: str | None, max_dose_gy: float) -> list[Isodose]:
    """The lines for a target, highest first.

    They are fractions of its prescription dose, or of the maximum where there is no target.
    """
    percents, reference = _PERCENTS_OF_MAXIMUM, max_dose_gy
    if target is not None:
        prescription = plan.case.prescription(target)
        reference = prescription.dose_gy
        percents = _PERCENTS_OF_MAXIMUM if prescription.is_maximum else _PERCENTS
    return [
        Isodose(reference * p / 100.0, p, color) for p, color in zip(percents, _COLORS, strict=True)
    ]
