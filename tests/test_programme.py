"""The linear programme against an independent solver, and the way from it to fewer shots."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

import gkplan
from gkplan.planner.aim import Aim
from gkplan.planner.delivery import delivered, minimum_times
from gkplan.planner.goals import Goals, Kind
from gkplan.planner.programme import Programme, Shots, best_shots

COST = 0.05
TARGET = 25


def small_problem(seed: int, isocenters: int = 12) -> tuple[Goals, np.ndarray, np.ndarray]:
    """Isocentres of 2 sectors and 2 collimators, 60 points, one mean goal: goals, weights, rates"""
    rng = np.random.default_rng(seed)
    n_points = 60
    influence = rng.uniform(0.02, 0.1, (isocenters, 2, 2, n_points)).astype(np.float32)
    influence += 0.8 * (rng.uniform(size=(isocenters, 1, 1, n_points)) < 0.2)
    ring = np.arange(TARGET, n_points)
    goals = Goals(
        points=np.zeros((n_points, 3)),
        point_of_goal=np.concatenate([np.arange(TARGET), ring, ring]),
        level=np.concatenate([np.full(TARGET, 10.0), np.full(35, 10.0), np.full(35, 5.0), [3.0]]),
        sign=np.concatenate([-np.ones(TARGET), np.ones(71)]),
        kind=np.concatenate(
            [np.full(TARGET, Kind.TARGET), np.full(35, Kind.INNER), np.full(36, Kind.OUTER)]
        ),
        share=np.ones(TARGET + 71),
        mean_of=(ring,),
    )
    weight = np.concatenate([np.full(TARGET, 0.8), np.full(35, 0.1), np.full(35, 0.03), [0.5]])
    return goals, weight, influence


def optimum_over_sector_times(goals: Goals, weight: np.ndarray, influence: np.ndarray) -> float:
    """The whole primal at once: a time for each sector and collimator, tau, one slack a goal.

    The sectors of an isocentre run in parallel, each its collimators one after the other: this
    is what composite shots can do, written down in another way.
    """
    n, sectors, sizes, _ = influence.shape
    m, r = n * sectors * sizes, len(goals.level)
    rows = goals.functionals(influence.reshape(m, -1), np.arange(r)).T * goals.sign[:, None]
    coupling = np.zeros((n * sectors, m + n))
    for k in range(n * sectors):
        coupling[k, k * sizes : (k + 1) * sizes] = 1.0
        coupling[k, m + k // sectors] = -1.0
    upper = np.block([[rows, np.zeros((r, n)), -np.eye(r)], [coupling, np.zeros((n * sectors, r))]])
    limit = np.concatenate([goals.sign * goals.level, np.zeros(n * sectors)])
    costs = np.concatenate([np.zeros(m), np.full(n, COST), weight])
    return float(linprog(costs, A_ub=upper, b_ub=limit, method="highs").fun)


def score_of(goals: Goals, weight: np.ndarray, patterns: np.ndarray, times: np.ndarray) -> float:
    missed = np.maximum(goals.missed_by(times @ patterns), 0.0)
    return float(weight @ missed + COST * times.sum())


@pytest.mark.parametrize("seed", range(6))
def test_the_growing_programme_finds_the_optimum_of_the_whole(seed: int) -> None:
    goals, weight, influence = small_problem(seed)
    programme = Programme(goals, weight, influence, COST)
    programme.start(np.array([0, 1]))
    solution = programme.solve(gap=1e-7)
    truth = optimum_over_sector_times(goals, weight, influence)
    assert solution.objective == pytest.approx(truth, rel=1e-5)
    assert solution.bound == pytest.approx(truth, rel=1e-5)
    assert solution.bound <= truth * (1 + 1e-7)
    assert programme.score(solution.times) == pytest.approx(solution.objective, rel=1e-6)


def test_brute_force_over_every_shot_of_one_isocenter() -> None:
    goals, weight, influence = small_problem(3, isocenters=1)
    states = np.array([s for s in itertools.product((-1, 0, 1), repeat=2) if max(s) >= 0])
    every = Shots(np.zeros(len(states), dtype=np.int64), states)
    patterns = every.patterns(influence)
    grid = np.linspace(0.0, 12.0, 13)
    # No combination of times of the eight shots on a coarse grid beats the optimum ...
    best = min(
        score_of(goals, weight, patterns[list(pair)], np.array(times))
        for pair in itertools.combinations(range(len(states)), 2)
        for times in itertools.product(grid, repeat=2)
    )
    programme = Programme(goals, weight, influence, COST)
    programme.start(np.array([0]))
    solution = programme.solve(gap=1e-9)
    assert solution.objective <= best + 1e-6
    # ... and what it returns is worth what it says.
    own = programme.shots.patterns(influence)
    assert score_of(goals, weight, own, solution.times) == pytest.approx(solution.objective)


def test_the_best_shot_is_the_best_of_all_states() -> None:
    _, _, influence = small_problem(1)
    price = np.random.default_rng(2).normal(size=influence.shape[-1])
    found, worth = best_shots(influence, price)
    states = list(itertools.product((-1, 0, 1), repeat=2))
    for n in range(len(influence)):
        every = Shots(np.full(len(states), n), np.array(states))
        values = every.patterns(influence) @ price
        assert worth[n] == pytest.approx(values.max(), abs=1e-4)
        own = found.at(np.array([n])).patterns(influence) @ price
        assert own[0] == pytest.approx(values.max(), abs=1e-4)


def test_more_candidates_never_make_it_worse() -> None:
    goals, weight, influence = small_problem(7)
    programme = Programme(goals, weight, influence[:5], COST)
    programme.start(np.array([0, 1]))
    few = programme.solve(gap=1e-7)
    assert (best_shots(influence[5:], few.price)[1] > COST).any()
    programme.extend(influence[5:])
    every = programme.solve(gap=1e-7)
    assert every.objective < few.objective
    truth = optimum_over_sector_times(goals, weight, influence)
    assert every.objective == pytest.approx(truth, rel=1e-5)


def test_another_weight_or_cost_is_as_good_as_a_new_programme() -> None:
    goals, weight, influence = small_problem(5)
    programme = Programme(goals, weight, influence, 3 * COST)
    programme.start(np.array([0, 1]))
    programme.solve(gap=1e-7)
    programme.set_cost(COST)
    programme.reweight(2 * weight)
    again = programme.solve(gap=1e-7)
    truth = optimum_over_sector_times(goals, 2 * weight, influence)
    assert again.objective == pytest.approx(truth, rel=1e-5)
    assert again.bound == pytest.approx(truth, rel=1e-5)


def test_a_forbidden_shot_is_not_used_until_it_is_allowed_again() -> None:
    goals, weight, influence = small_problem(2)
    programme = Programme(goals, weight, influence, COST)
    programme.start(np.array([0, 1]))
    free = programme.solve(gap=1e-7)
    allowed = free.times < free.times.max()
    programme.allow(allowed)
    without = programme.solve_allowed()
    assert (without.times[~allowed] == 0).all()
    assert without.objective > free.objective
    programme.allow(np.ones_like(allowed))
    assert programme.solve_allowed().objective == pytest.approx(free.objective, rel=1e-4)


def test_the_shots_of_a_solution_alone_are_worth_as_much() -> None:
    goals, weight, influence = small_problem(2)
    programme = Programme(goals, weight, influence, COST)
    programme.start(np.array([0, 1]))
    free = programme.solve(gap=1e-7)
    small, same = programme.narrowed(free)
    assert len(small.shots) < len(programme.shots)
    assert small.score(same.times) == pytest.approx(free.objective, rel=1e-6)
    assert small.solve_allowed().objective == pytest.approx(free.objective, rel=1e-4)


@pytest.mark.parametrize("loss", [0.01, 0.1, 1.0])
def test_fewer_shots_cost_no_more_than_the_loss(loss: float) -> None:
    unit = gkplan.load_unit("perfexion")
    goals, weight, influence = small_problem(4)
    programme = Programme(goals, weight, influence, COST)
    programme.start(np.array([0, 1]))
    solution = programme.solve(gap=1e-6)
    delivery = delivered(programme, solution, Aim(loss=loss), unit, lambda _: None)
    shortest = minimum_times(programme.shots.state, unit)
    assert (delivery.times[delivery.kept] >= shortest[delivery.kept]).all()
    assert (delivery.times[~delivery.kept] == 0).all()
    assert solution.bound <= delivery.score * (1 + 1e-6)
    if loss >= 0.1:
        assert delivery.score <= solution.bound * (1 + loss)
        assert delivery.count < (solution.times > 1e-4).sum()
    assert programme.score(delivery.times) == pytest.approx(delivery.score, rel=1e-6)


def test_budgets_are_kept() -> None:
    unit = gkplan.load_unit("perfexion")
    goals, weight, influence = small_problem(4)
    programme = Programme(goals, weight, influence, COST)
    programme.start(np.array([0, 1]))
    solution = programme.solve(gap=1e-6)
    aim = Aim(loss=0.0, shots=3, isocenters=2)
    delivery = delivered(programme, solution, aim, unit, lambda _: None)
    assert delivery.count <= 3
    assert len(np.unique(programme.shots.isocenter[delivery.kept])) <= 2


def test_every_target_keeps_a_shot_within_the_budget() -> None:
    """Two targets far apart, one with far shorter shots: its last one stays."""
    unit = gkplan.load_unit("perfexion")
    goals, weight, influence = small_problem(4)
    programme = Programme(goals, weight, influence, COST)
    programme.start(np.array([0, 1]))
    solution = programme.solve(gap=1e-6)
    used = np.flatnonzero(solution.times > 1e-4)
    owner = np.ones(len(solution.times), dtype=np.int64)
    # The two shortest are what is dropped first.
    owner[used[np.argsort(solution.times[used])[:2]]] = 0
    aim = Aim(loss=0.0, shots=2)
    delivery = delivered(programme, solution, aim, unit, lambda _: None, owner)
    assert delivery.count == 2
    assert set(owner[delivery.kept]) == {0, 1}
    alone = delivered(programme, solution, aim, unit, lambda _: None)
    assert set(owner[alone.kept]) == {1}
