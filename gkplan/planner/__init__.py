"""From a case to shots: inverse planning for volumes, one placed shot for functional targets."""

from gkplan.planner.plan import make_shots

__all__ = ["make_shots"]
