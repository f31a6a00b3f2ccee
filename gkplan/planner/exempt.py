"""Limits of a volume: which points of an organ may be hot is chosen by the dose, in rounds."""

from __future__ import annotations

import numpy as np

from gkplan.planner.aim import Aim
from gkplan.planner.goals import Goals
from gkplan.planner.programme import Programme, Solution

_ROUNDS = 3


def with_hottest_exempt(
    programme: Programme, goals: Goals, aim: Aim, solution: Solution, gap: float
) -> Solution:
    """The solution when the points exempt from limits are those that are hottest in it.

    "The hottest v may have more" is not convex: any choice of v gives a programme, and a plan of
    that programme that keeps the limit. Exempting instead what is hottest in that plan can only
    lower the plan's score, so that no round is worse than the one before; the best choice of all
    is not sought. The bound of the solution is for its own choice.
    """
    before = goals.exempt()
    for _ in range(_ROUNDS):
        dose = programme.dose(solution.times)
        now = goals.exempt(dose)
        if np.array_equal(now, before):
            break
        programme.reweight(goals.weights(aim, dose))
        solution = programme.solve(gap)
        before = now
    return solution
