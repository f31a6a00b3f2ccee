"""The secondary dose check: a plan's dose computed again and compared."""

from gkplan.check.compare import check_plan
from gkplan.check.model import CheckResult, StatedPlan, StatedShot, Tolerances
from gkplan.check.recompute import Recompute

__all__ = ["CheckResult", "Recompute", "StatedPlan", "StatedShot", "Tolerances", "check_plan"]
