"""One plan by several dose engines: the dose of each, judged, and gamma between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gkplan.check.compare import CRITERIA, gamma_check
from gkplan.check.model import GammaCheck
from gkplan.dose.names import DEPTH_OF
from gkplan.grid import Volume
from gkplan.plan import Plan
from gkplan.workflow import Planned, dose_grid, engine_of, judge

if TYPE_CHECKING:
    from gkplan.dose.montecarlo import MonteCarlo


@dataclass(frozen=True, slots=True, eq=False)
class ByEngine:
    """A plan as one engine sees it.

    Parameters
    ----------
    dose : Gy on a grid that is the same for all engines
    uncertainty : of a Monte Carlo dose, one sigma above half its maximum; None of `tmr`
    """

    name: str
    planned: Planned
    dose: Volume
    uncertainty: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class EngineGamma:
    """Gamma of an engine's dose at the voxels of the reference engine."""

    engine: str
    reference: str
    check: GammaCheck


def by_engines(
    plan: Plan,
    names: Sequence[str],
    how: MonteCarlo | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> tuple[ByEngine, ...]:
    """The plan by each of the engines (`NAMES`), with its times as they are.

    The common grid is that of Monte Carlo where it is among them (its voxels are means that
    interpolation would smooth), else 1 mm around isocentres and targets.
    """
    from gkplan.simulate import montecarlo_dose

    simulated = montecarlo_dose(plan, how, report) if "montecarlo" in names else None
    grid = simulated.computed.result.grid if simulated else dose_grid(plan)
    found: list[ByEngine] = []
    for name in names:
        if name == "montecarlo" and simulated is not None:
            planned, sigma = judge(plan, report, engine=simulated), simulated.uncertainty
            dose = simulated.dose_on(grid, plan.shots)
        else:
            seen = replace(plan, depth=DEPTH_OF[name])
            planned, sigma = judge(seen, report), None
            dose = engine_of(seen).dose_on(grid, plan.shots)
        found.append(ByEngine(name, planned, Volume(dose, grid, "dose_gy"), sigma))
    return tuple(found)


def engine_gammas(
    judged: Sequence[ByEngine], report: Callable[[str], None] = lambda _: None
) -> tuple[EngineGamma, ...]:
    """Gamma of every other engine against the reference: Monte Carlo, or else the first.

    Notes
    -----
    Noise in the reference makes gamma larger (each voxel is off by itself); in the dose that is
    searched it would make it smaller, for the search finds the voxel that fits by chance. So the
    noisy one is the reference, and the pass rates err on the safe side.
    """
    reference = next((j for j in judged if j.uncertainty is not None), judged[0])
    report("gamma")
    return tuple(
        EngineGamma(j.name, reference.name, gamma_check(reference.dose, j.dose, criterion))
        for j in judged
        if j is not reference
        for criterion in CRITERIA
    )
