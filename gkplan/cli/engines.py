"""The engine that a user asks for by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gkplan.errors import PlanError

if TYPE_CHECKING:
    from gkplan.dose.montecarlo import MonteCarlo

NAMES = ("tmr", "montecarlo")


def montecarlo_asked(
    engine: str, uncertainty: float, medium: str, resume: Path | None
) -> MonteCarlo | None:
    """How Monte Carlo is to be done, or None for `tmr`.

    Raises
    ------
    PlanError
        For an engine, an uncertainty or a medium that there is not.
    """
    if engine not in NAMES:
        raise PlanError(f"--engine {engine}: expected {' or '.join(NAMES)}")
    if engine == "tmr":
        if resume is not None:
            raise PlanError("--resume: only --engine montecarlo has work to resume")
        return None
    from gkplan.dose.montecarlo import MonteCarlo
    from gkplan.montecarlo.headvoxels import MEDIA

    known = {name: name for name in MEDIA}
    if medium not in known:
        raise PlanError(f"--medium {medium}: expected {' or '.join(MEDIA)}")
    return MonteCarlo(uncertainty=uncertainty, medium=known[medium], resume=resume)
