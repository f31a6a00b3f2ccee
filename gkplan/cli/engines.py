"""The engine that a user asks for by name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gkplan.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gkplan.dose.corrected import CorrectedDose
    from gkplan.dose.montecarlo import MonteCarlo
    from gkplan.head import DepthRule
    from gkplan.plan import Plan


@dataclass(frozen=True, slots=True)
class AskedEngine:
    """How a dose is to be computed.

    Parameters
    ----------
    depth : of `tmr`; None is the plan's own
    montecarlo : how it is done, None for `tmr`
    """

    depth: DepthRule | None = None
    montecarlo: MonteCarlo | None = None

    def plan(self, plan: Plan) -> Plan:
        """The plan with the depth that was asked for."""
        return replace(plan, depth=self.depth) if self.depth else plan

    def judging(self, plan: Plan, report: Callable[[str], None]) -> CorrectedDose | None:
        """What `judge` takes for it; None is the engine of `plan`."""
        from gkplan.simulate import montecarlo_dose

        return montecarlo_dose(plan, self.montecarlo, report) if self.montecarlo else None


def asked_engine(
    engine: str | None,
    depth: str | None = None,
    uncertainty: float = 0.01,
    medium: str = "head",
    resume: Path | None = None,
    planning: bool = False,
) -> AskedEngine:
    """The engine that options ask for; without a name and a depth the plan's own.

    `planning` : the depth is that of the planner, and may stand beside montecarlo.

    Raises
    ------
    PlanError
        For an engine, a depth, an uncertainty or a medium that there is not, or that do not go
        together.
    """
    from gkplan.dose.names import DEPTH_OF, NAMES
    from gkplan.head import depth_rule

    if engine is not None and engine not in NAMES:
        raise PlanError(f"--engine {engine}: expected one of {', '.join(NAMES)}")
    rule = None if depth is None else depth_rule(depth, "--depth")
    if engine == "montecarlo":
        if rule is not None and not planning:
            raise PlanError("--depth is for tmr; montecarlo takes --medium head or water")
        return AskedEngine(rule, _montecarlo(uncertainty, medium, resume))
    if resume is not None:
        raise PlanError("--resume: only --engine montecarlo has work to resume")
    if engine == "tmr-radiological" and rule == "geometric":
        raise PlanError("--engine tmr-radiological --depth geometric: expected one of the two")
    return AskedEngine(rule or (DEPTH_OF[engine] if engine else None))


def _montecarlo(uncertainty: float, medium: str, resume: Path | None) -> MonteCarlo:
    from gkplan.dose.montecarlo import MonteCarlo
    from gkplan.montecarlo.headvoxels import MEDIA

    known = {name: name for name in MEDIA}
    if medium not in known:
        raise PlanError(f"--medium {medium}: expected {' or '.join(MEDIA)}")
    return MonteCarlo(uncertainty=uncertainty, medium=known[medium], resume=resume)
