"""The linear programme against an independent solver, and the way from times to shots."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

import gkplan
from gkplan.planner.goals import Goals
from gkplan.planner.programme import Programme
from gkplan.planner.sequence import composite_states, minimum_time


def small_problem(seed: int) -> tuple[Goals, np.ndarray]:
    """12 isocentres of 2 sectors and 2 collimators, 60 points, one mean goal."""
    rng = np.random.default_rng(seed)
    n_points, target = 60, 25
    influence = rng.uniform(0.02, 0.1, (12, 2, 2, n_points)).astype(np.float32)
    influence += 0.8 * (rng.uniform(size=(12, 1, 1, n_points)) < 0.2)
    ring = np.arange(target, n_points)
    goals = Goals(
        points=np.zeros((n_points, 3)),
        point_of_goal=np.concatenate([np.arange(target), ring, ring]),
        level=np.concatenate([np.full(target, 10.0), np.full(35, 10.0), np.full(35, 5.0), [3.0]]),
        sign=np.concatenate([-np.ones(target), np.ones(71)]),
        weight=np.concatenate([np.full(target, 0.8), np.full(35, 0.1), np.full(35, 0.03), [0.5]]),
        mean_of=(ring,),
    )
    return goals, influence


def optimum(goals: Goals, influence: np.ndarray, cost: float) -> float:
    """The whole primal at once: times, tau, one slack a goal."""
    n, sectors, sizes, _ = influence.shape
    m, r = n * sectors * sizes, len(goals.level)
    every = np.arange(r)
    rows = goals.functionals(influence.reshape(m, -1), every).T * goals.sign[:, None]
    coupling = np.zeros((n * sectors, m + n))
    for k in range(n * sectors):
        coupling[k, k * sizes : (k + 1) * sizes] = 1.0
        coupling[k, m + k // sectors] = -1.0
    upper = np.block(
        [
            [rows, np.zeros((r, n)), -np.eye(r)],
            [coupling, np.zeros((n * sectors, r))],
        ]
    )
    limit = np.concatenate([goals.sign * goals.level, np.zeros(n * sectors)])
    costs = np.concatenate([np.zeros(m), np.full(n, cost), goals.weight])
    return float(linprog(costs, A_ub=upper, b_ub=limit, method="highs").fun)


@pytest.mark.parametrize("seed", range(6))
def test_the_growing_programme_finds_the_optimum_of_the_whole(seed: int) -> None:
    goals, influence = small_problem(seed)
    programme = Programme(goals, influence, cost=0.05)
    programme.start(np.array([0, 1]))
    solution = programme.solve(gap=1e-7)
    truth = optimum(goals, influence, 0.05)
    assert solution.objective == pytest.approx(truth, rel=1e-5)
    assert solution.bound == pytest.approx(truth, rel=1e-5)
    assert solution.bound <= truth * (1 + 1e-7)


def test_more_candidates_never_make_it_worse() -> None:
    goals, influence = small_problem(7)
    programme = Programme(goals, influence[:5], cost=0.05)
    programme.start(np.array([0, 1]))
    few = programme.solve(gap=1e-7)
    assert few.pays(influence[5:], 0.05).any()
    programme.extend(influence[5:])
    all_of_them = programme.solve(gap=1e-7)
    assert all_of_them.objective < few.objective
    assert all_of_them.objective == pytest.approx(optimum(goals, influence, 0.05), rel=1e-5)


def test_sequencing_keeps_the_longest_sector() -> None:
    unit = gkplan.load_unit("perfexion")
    times = np.zeros((8, 3))
    times[0] = (1.0, 0.5, 0.25)
    times[3] = (0.0, 2.0, 0.0)
    states = composite_states(times, unit)
    assert sum(minutes for _, minutes in states) == pytest.approx(2.0)
    delivered = {size: sum(m for s, m in states if s[0] == size) for size in (4, 8, 16)}
    assert delivered == pytest.approx({4: 1.0, 8: 0.5, 16: 0.25})


def test_short_pieces_are_merged() -> None:
    unit = gkplan.load_unit("perfexion")
    times = np.zeros((8, 3))
    times[0], times[1] = (0.0, 0.0, 1.0), (0.0, 0.0, 1.04)
    for state, minutes in composite_states(times, unit):
        assert minutes >= minimum_time(state, unit)
