"""From a case to shots: inverse planning for volumes, one placed shot for functional targets."""

from gkplan.planner.aim import AIMS, Aim, aim_named
from gkplan.planner.made import MadeShots
from gkplan.planner.plan import make_shots

__all__ = ["AIMS", "Aim", "MadeShots", "aim_named", "make_shots"]
