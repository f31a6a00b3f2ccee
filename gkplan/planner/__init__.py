"""From a case to shots: inverse planning for volumes, one placed shot for functional targets."""

from gkplan.planner.aim import AIMS, Aim, aim_named
from gkplan.planner.made import MadeShots
from gkplan.planner.pareto import ladder, pareto
from gkplan.planner.plan import make_shots
from gkplan.planner.workbench import Workbench

__all__ = [
    "AIMS",
    "Aim",
    "MadeShots",
    "Workbench",
    "aim_named",
    "ladder",
    "make_shots",
    "pareto",
]
