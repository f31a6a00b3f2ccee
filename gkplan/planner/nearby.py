"""Places a small step from the isocentres of a solution, taken in where they pay."""

from __future__ import annotations

import numpy as np

from gkplan.case import Case
from gkplan.dose import TmrEngine
from gkplan.frames import Array
from gkplan.planner.candidates import neighbors
from gkplan.planner.clock import Report
from gkplan.planner.goals import Goals
from gkplan.planner.inverse import GAP
from gkplan.planner.model import Index
from gkplan.planner.normalise import nearest_targets
from gkplan.planner.pool import Pool
from gkplan.planner.pricing import worth_of_places
from gkplan.planner.programme import Programme, Shots, Solution
from gkplan.planner.search import USED_MIN

STEPS_MM = (1.0, 0.5, 0.25)


def with_neighbors(
    case: Case,
    engine: TmrEngine,
    goals: Goals,
    programme: Programme,
    pool: Pool,
    solution: Solution,
    cost: float,
    report: Report,
) -> tuple[Pool, Solution]:
    """The pool with those neighbours of its used isocentres that pay, and the optimum over it.

    `programme` is extended in step. A neighbour brings the states of the isocentre it is next
    to, and all others at its price: no given state is worth more than the best one there, so
    the latter decides whether the place pays.
    """
    for step in STEPS_MM:
        used = np.unique(programme.shots.isocenter[solution.times > USED_MIN])
        near, parent = _around(case, engine, pool, used, step)
        report(f"{len(near.places)} places {step:g} mm from the isocentres")
        pays = np.flatnonzero(_worth(engine, goals, near, solution.price) > cost)
        if len(pays) == 0:
            continue
        first = len(pool.places)
        near, parent = near.at(pays), parent[pays]
        pool = pool.joined(near)
        programme.extend(near.influence(engine, goals.points))
        running = programme.shots.at(solution.times > USED_MIN)
        child, shot = np.nonzero(parent[:, None] == running.isocenter[None])
        programme.add(Shots(first + child, running.state[shot]))
        solution = programme.solve(GAP)
    return pool, solution


def _around(
    case: Case, engine: TmrEngine, pool: Pool, used: Index, step_mm: float
) -> tuple[Pool, Index]:
    """New places in the head about the used ones, and which of these each is nearest to."""
    from scipy.spatial import cKDTree

    near = Pool(np.empty((0, 3)), np.empty(0), (), ())
    parent = np.empty(0, dtype=np.int64)
    for gamma, plugged, every in pool.alike():
        here = np.intersect1d(used, every)
        if len(here) == 0:
            continue
        places = neighbors(pool.places[here], step_mm, pool.places[every], engine.unit)
        places = places[case.head.contains(places)]
        if len(places) == 0:
            continue
        names = nearest_targets(case, places)
        near = near.joined(Pool.of(places, gamma, names, plugged))
        closest = cKDTree(pool.places[here]).query(places)[1]
        parent = np.concatenate([parent, here[closest]])
    return near, parent


def _worth(engine: TmrEngine, goals: Goals, near: Pool, price: Array) -> Array:
    """What a minute of the best shot at each place is worth."""
    worth = np.zeros(len(near.places))
    for gamma, plugged, chosen in near.alike():
        worth[chosen] = worth_of_places(
            engine, near.places[chosen], gamma, goals.points, price, plugged
        )
    return worth
