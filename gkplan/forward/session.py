"""A plan at work: its shots and their dose, which follows every edit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import numpy as np

from gkplan.dose import PlanDose
from gkplan.forward.step import redo, undo
from gkplan.grid import Grid, Volume
from gkplan.plan import Plan
from gkplan.workflow import Planned, dose_grid, engine_of, judge, show_plan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

P = ParamSpec("P")

# Each change adds a rounding of float32; so many stay within 1e-6 of the maximum.
_MOST_CHANGES = 8


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """A plan and its dose on a grid; an edit gives a new session and computes what differs.

    Parameters
    ----------
    plan : the plan as it is
    plan_dose : its dose on the grid
    changes : how many times the dose was changed since it was computed as a whole

    Notes
    -----
    The dose is that of a new calculation within 1e-6 of the maximum: by rounding, for which
    reason it is computed anew now and then.

    Examples
    --------
    >>> from gkplan import Session, forward, new_plan, load_case
    >>> session = Session.of(new_plan(load_case("metastasis-small")))
    >>> session = session.edit(forward.move, 1, by=(0.0, 0.0, 0.5))
    >>> session = session.edit(forward.normalise, coverage=0.98)
    >>> session.undo().plan.history.future[-1].what
    'normalise to coverage 98 %'
    """

    plan: Plan
    plan_dose: PlanDose
    changes: int = 0

    @classmethod
    def of(cls, plan: Plan, spacing_mm: float = 1.0, grid: Grid | None = None) -> Session:
        """Start with a plan; the grid is that of `gkplan.dose_volume` if none is given."""
        chosen = dose_grid(plan, spacing_mm) if grid is None else grid
        return cls(plan, PlanDose.of(engine_of(plan), chosen, plan.shots))

    @property
    def dose(self) -> Volume:
        """Dose in Gy on the session's grid, Leksell frame."""
        return Volume(self.plan_dose.dose_gy, self.plan_dose.place.grid, "dose_gy")

    def edit(
        self,
        function: Callable[Concatenate[Plan, P], Plan],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> Session:
        """The session after ``function(plan, ...)``, which is any edit of `gkplan.forward`."""
        return self.with_plan(function(self.plan, *arguments, **named))

    def with_plan(self, plan: Plan) -> Session:
        """The session with another plan; only shots that differ are computed.

        All is computed anew for another case, unit, rate, transit or depth, and on a larger grid
        if a shot has left the one that there is.
        """
        grid = self.plan_dose.place.grid
        if not _same_beams(self.plan, plan):
            return Session.of(plan, min(grid.spacing_mm))
        if not _within(plan, grid):
            return Session.of(plan, min(grid.spacing_mm))
        if self.changes >= _MOST_CHANGES:
            return Session.of(plan, grid=grid)
        dose = self.plan_dose.with_shots(plan.shots)
        return replace(self, plan=plan, plan_dose=dose, changes=self.changes + 1)

    def undo(self) -> Session:
        """The session before the last edit."""
        return self.edit(undo)

    def redo(self) -> Session:
        """The session with the edit that was undone last."""
        return self.edit(redo)

    def judged(self) -> Planned:
        """The plan with its metrics, and the histograms (as `gkplan.judge`)."""
        return judge(self.plan)

    def show(self) -> Figure:
        """The picture of the plan as it is (see `gkplan.show_plan`)."""
        return show_plan(self.plan, self.dose)


def _same_beams(a: Plan, b: Plan) -> bool:
    """Whether the same shots would give the same dose."""
    return (
        a.case.head is b.case.head
        and a.unit is b.unit
        and a.transit == b.transit
        and a.depth == b.depth
        and a.calibration_dose_rate_gy_per_min == b.calibration_dose_rate_gy_per_min
    )


def _within(plan: Plan, grid: Grid) -> bool:
    """Whether the grid covers all isocentres."""
    axes = grid.axes()
    low, high = np.array([a[0] for a in axes]), np.array([a[-1] for a in axes])
    places = np.array([shot.isocenter_mm for shot in plan.shots])
    return bool(((places >= low) & (places <= high)).all())
