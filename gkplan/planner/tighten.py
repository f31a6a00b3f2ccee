"""Limits that the planner kept, but that the scaling to the coverage broke."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gkplan.case import Case

# So much below the limit is aimed at, for the second scaling is not quite the first.
_SPARE = 0.99


def tightened(case: Case, over: Sequence[float]) -> Case:
    """The case with each soft limit that is missed lowered by the factor it is missed by.

    `over` has the dose relative to what each limit was at first. The case itself if no soft one
    is missed: hard limits have their own way.
    """
    missed = [e > 1.0 and not limit.hard for limit, e in zip(case.limits, over, strict=True)]
    if not any(missed):
        return case
    limits = tuple(
        replace(limit, dose_gy=limit.dose_gy / e * _SPARE) if m else limit
        for limit, e, m in zip(case.limits, over, missed, strict=True)
    )
    return replace(case, limits=limits)
