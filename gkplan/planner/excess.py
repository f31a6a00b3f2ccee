"""How far organs are beyond their limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gkplan.case import Case
from gkplan.dose.engine import DoseEngine
from gkplan.metrics.dvh import SampledDose, limit_dose
from gkplan.metrics.sampling import sampled_dose
from gkplan.prescription import Limit
from gkplan.shot import Shot


def excess(case: Case, shots: Sequence[Shot], engine: DoseEngine) -> float:
    """The largest dose of an organ relative to its limit; 0 without limits."""
    return max(excesses(case.limits, organ_doses(case, case.limits, shots, engine)), default=0.0)


def organ_doses(
    case: Case, limits: Sequence[Limit], shots: Sequence[Shot], engine: DoseEngine
) -> dict[str, SampledDose]:
    """Dose in each structure that one of the limits is about, by name, on the judge's points."""
    names = dict.fromkeys(limit.structure for limit in limits)
    return {name: sampled_dose(case.structure(name), shots, engine) for name in names}


def excesses(limits: Sequence[Limit], doses: Mapping[str, SampledDose]) -> list[float]:
    """What stands against each limit, relative to it."""
    return [limit_dose(doses[x.structure], x) / x.dose_gy for x in limits]
