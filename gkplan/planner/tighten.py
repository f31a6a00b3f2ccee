"""Limits that the planner kept, but that the scaling to the coverage broke."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.metrics.dvh import limit_dose
from gkplan.metrics.sampling import sampled_dose
from gkplan.shot import Shot

# So much below the limit is aimed at, for the second scaling is not quite the first.
_SPARE = 0.99


def tightened(case: Case, shots: Sequence[Shot], engine: TmrEngine) -> Case:
    """The case with each soft limit that the shots miss lowered by the factor they miss it by.

    The case itself if they miss none. Hard limits have their own way.
    """
    excess = _excesses(case, shots, engine)
    if all(e <= 1.0 for e in excess):
        return case
    limits = tuple(
        replace(limit, dose_gy=limit.dose_gy / e * _SPARE) if e > 1.0 and not limit.hard else limit
        for limit, e in zip(case.limits, excess, strict=True)
    )
    return replace(case, limits=limits)


def worst_excess(case: Case, shots: Sequence[Shot], engine: TmrEngine) -> float:
    """The largest dose relative to its limit, 1 if all are kept."""
    return max([1.0, *_excesses(case, shots, engine)])


def _excesses(case: Case, shots: Sequence[Shot], engine: TmrEngine) -> list[float]:
    doses = {
        name: sampled_dose(case.structure(name), shots, engine)
        for name in dict.fromkeys(limit.structure for limit in case.limits)
    }
    return [limit_dose(doses[limit.structure], limit) / limit.dose_gy for limit in case.limits]
