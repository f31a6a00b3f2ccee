"""The secondary dose check: a plan's dose computed again and compared."""

from gkplan.check.compare import check_plan
from gkplan.check.model import CheckResult, StatedPlan, StatedShot, Tolerances

__all__ = ["CheckResult", "StatedPlan", "StatedShot", "Tolerances", "check_plan"]
