"""A case made ready for many plans: what does not depend on the aim is computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.planner.aim import AIMS, Aim
from gkplan.planner.budget import check_budgets, isodose_miss, within_minutes
from gkplan.planner.clock import Clock, Report
from gkplan.planner.exempt import with_hottest_exempt
from gkplan.planner.inverse import GAP, Optimum, finished, optimum
from gkplan.planner.made import MadeShots
from gkplan.planner.normalise import coverage_points
from gkplan.planner.search import cost_of_minute, search

# The pool is good between the aims it is searched for; the last one is where the others start.
ANCHORS = (AIMS["quality"], AIMS["fast"], AIMS["balanced"])


@dataclass(frozen=True, slots=True, eq=False)
class Workbench:
    """A pool of isocentres, their dose on the points of the case, and a warm linear programme.

    Made by `prepared`; after that a plan takes a fraction of a second for one target.

    Parameters
    ----------
    case, engine : what is planned, and with which dose
    seconds : that the preparation took

    Notes
    -----
    The programme inside starts from its last solution. So the shots of an aim may depend a little
    on the aims before it; how far they can be from the best over the pool does not: every plan
    has a certificate of its own.

    Examples
    --------
    >>> bench = Workbench.prepared(case, engine)
    >>> made = bench.plan(aim_named("fast"))
    """

    case: Case
    engine: TmrEngine
    seconds: Mapping[str, float]
    _ready: Optimum
    _points_of: Mapping[str, Array]

    @classmethod
    def prepared(
        cls,
        case: Case,
        engine: TmrEngine,
        anchors: Sequence[Aim] = ANCHORS,
        report: Report = lambda _: None,
    ) -> Workbench:
        """Search isocentres for each of the anchors; the pool is all that one of them uses.

        Raises
        ------
        CaseError
            If a target cannot be reached, or a dose is prescribed to the maximum.
        """
        if not case.prescriptions or any(p.is_maximum for p in case.prescriptions):
            raise CaseError(
                f"{case.path}: expected doses prescribed to volumes; one prescribed to the "
                f"maximum has one plan, which make_plan makes"
            )
        clock = Clock()
        found = search(case, engine, anchors, clock, report)
        ready = optimum(case, engine, anchors[-1], found, clock, report)
        with clock("scaling"):
            points_of = coverage_points(case)
        return cls(case, engine, dict(clock.seconds), ready, points_of)

    @property
    def isocenters_mm(self) -> Array:
        """The pool, (n, 3) Leksell mm: what the certificates are about."""
        return self._ready.places

    def plan(self, aim: Aim, report: Report = lambda _: None) -> MadeShots:
        """Shots for an aim, within its budgets.

        Raises
        ------
        PlanError
            If a budget cannot be kept; for minutes with the least that was reached.
        """
        check_budgets(self.case, aim)
        return within_minutes(
            self.case,
            self.engine.rate_gy_per_min,
            aim,
            plan=lambda hurried: self._made(hurried, report),
            miss=lambda shots: isodose_miss(self.case, shots, self.engine, self._points_of),
        )

    def _made(self, aim: Aim, report: Report) -> MadeShots:
        clock = Clock()
        places, goals, programme = self._ready.places, self._ready.goals, self._ready.programme
        with clock("programme"):
            programme.reweight(goals.weights(aim))
            programme.set_cost(cost_of_minute(aim, self.engine))
            solution = programme.solve(GAP)
            solution = with_hottest_exempt(programme, goals, aim, solution, GAP)
        best = Optimum(places, goals, programme, solution, len(places))
        made = finished(self.case, self.engine, aim, best, clock, report, self._points_of)
        return replace(made, aim=aim)
