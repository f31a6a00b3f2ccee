"""Several plans of one case, from the best dose to the shortest beam-on time."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.errors import PlanError
from gkplan.planner.aim import Aim
from gkplan.planner.clock import Report
from gkplan.planner.made import MadeShots
from gkplan.planner.workbench import Workbench

FEWEST, MOST = 2, 25
_WEIGHTS = ("target", "selectivity", "gradient", "limits", "minute")


def ladder(first: Aim, last: Aim, count: int = 7) -> tuple[Aim, ...]:
    """Aims from `first` to `last` in equal steps of the logarithm of each weight.

    Coverage and budgets are those of `first` for all; the loss goes from the one to the other in
    equal steps.

    Raises
    ------
    PlanError
        For a count that is not 2 to 25.
    """
    if not FEWEST <= count <= MOST:
        raise PlanError(f"number of plans: expected {FEWEST} to {MOST}, got {count}")
    return tuple(_between(first, last, float(t)) for t in np.linspace(0.0, 1.0, count))


def _between(first: Aim, last: Aim, t: float) -> Aim:
    weights = {
        name: getattr(first, name) ** (1.0 - t) * getattr(last, name) ** t for name in _WEIGHTS
    }
    return dataclasses.replace(first, loss=(1.0 - t) * first.loss + t * last.loss, **weights)


def pareto(
    case: Case, engine: TmrEngine, aims: Sequence[Aim], report: Report = lambda _: None
) -> tuple[MadeShots, ...]:
    """Shots for each of the aims, over one pool of isocentres.

    The isocentres are searched for the last and the first aim; the certificate of each plan is
    about all that were found for one of them. The programme is solved warm from one aim to the
    next.

    Raises
    ------
    CaseError
        If a target cannot be reached, or a dose is prescribed to the maximum.
    PlanError
        If there are no aims, or a budget cannot be kept.
    """
    if not aims:
        raise PlanError("aims: expected one or more, got none")
    # The first one last: there the programme starts.
    anchors = [aims[-1], aims[0]] if len(aims) > 1 else aims
    bench = Workbench.prepared(case, engine, anchors, report)
    made = []
    for n, aim in enumerate(aims, start=1):
        report(f"plan {n} of {len(aims)}")
        made.append(bench.plan(aim, report))
    return tuple(made)
