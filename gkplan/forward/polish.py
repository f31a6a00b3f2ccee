"""A plan by hand, or of another planner, improved by the linear programme."""

from __future__ import annotations

from collections.abc import Callable

from gkplan.forward.step import edited
from gkplan.plan import Plan


def polish(
    plan: Plan,
    aim: str = "balanced",
    *,
    positions: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> Plan:
    """The plan with better times for its shots, or `plan` itself if none are found.

    Parameters
    ----------
    aim : quality, balanced or fast: what counts for how much
    positions : isocentres may move by small steps, and sectors change, too; never more shots or
        isocentres than before

    Raises
    ------
    PlanError
        If a dose is prescribed to the maximum, or a target has no shot.

    Notes
    -----
    See `gkplan.planner.polish.polish_shots`.
    """
    from gkplan.planner import aim_named
    from gkplan.planner.polish import polish_shots
    from gkplan.workflow import engine_of

    wanted = aim_named(aim)
    polished = polish_shots(plan.case, engine_of(plan), wanted, plan.shots, positions, report)
    if polished.after >= polished.before:
        return plan
    what = "positions" if positions else "times"
    scores = f"score {polished.before:.4g} to {polished.after:.4g}"
    return edited(plan, polished.shots, f"polish {what}, aim {aim}: {scores}")
