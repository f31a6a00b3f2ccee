"""A plan by Monte Carlo: its dose, and its times scaled to that."""

from __future__ import annotations

import time
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np

from gkplan.dose import TmrEngine
from gkplan.dose.corrected import CorrectedDose
from gkplan.dose.montecarlo import ComputedDose, MonteCarlo, MonteCarloEngine
from gkplan.dose.spikes import without_spikes
from gkplan.frames import Frame
from gkplan.grid import Grid
from gkplan.head import DepthRule
from gkplan.plan import Plan, check_depths
from gkplan.planner.rescale import factors, rescaled
from gkplan.shot import Shot
from gkplan.workflow import Planned, Report, judge

# As far from isocentres as metrics look for dose.
_JUDGED_MM = 70.0


def montecarlo_of(
    plan: Plan,
    how: MonteCarlo | None = None,
    report: Report = lambda _: None,
    executor: Executor | None = None,
) -> MonteCarloEngine:
    """The Monte Carlo engine of a plan, its shots checked against the head."""
    check_depths(plan.shots, plan.case.head)
    rate = plan.calibration_dose_rate_gy_per_min
    how = how or MonteCarlo()
    return MonteCarloEngine(plan.unit, plan.case.head, rate, plan.transit, how, report, executor)


def montecarlo_dose(
    plan: Plan,
    how: MonteCarlo | None = None,
    report: Report = lambda _: None,
    executor: Executor | None = None,
) -> CorrectedDose:
    """The Monte Carlo dose of a plan wherever it is judged, as an engine for `judge`."""
    points = np.array([s.isocenter_mm for s in plan.shots])
    boxes = [s.solid.bounds for s in plan.case.structures]
    bounds = np.concatenate([points - _JUDGED_MM, points + _JUDGED_MM, *boxes])
    low, high = plan.case.head.bounds
    span = [np.maximum(bounds.min(axis=0), low), np.minimum(bounds.max(axis=0), high)]
    grid = Grid.around(span, 1.0, Frame.LEKSELL, margin_mm=1.0)
    engine = montecarlo_of(plan, how, report, executor)
    return simulated(engine, grid, plan.shots)


def simulated(engine: MonteCarloEngine, grid: Grid, shots: tuple[Shot, ...]) -> CorrectedDose:
    """The Monte Carlo dose of shots on a grid, spikes spread, as an engine for them and alike."""
    result = without_spikes(engine.run(grid, shots), engine.head.on_grid(grid))
    depth: DepthRule = "geometric" if engine.how.medium == "water" else "radiological"
    tmr = TmrEngine(engine.unit, engine.head, engine.rate_gy_per_min, engine.transit, depth)
    return CorrectedDose(ComputedDose(result, shots, engine.head), tmr, tmr)


def on_montecarlo(
    planned: Planned,
    coverage: float,
    how: MonteCarlo | None = None,
    report: Report = lambda _: None,
    executor: Executor | None = None,
) -> Planned:
    """A judged plan with its times scaled to the Monte Carlo dose, and judged by that.

    Each target's shots get one factor, so that `coverage` of it has the prescribed dose; see
    `gkplan.planner.rescale`. What it was before is kept beside it.
    """
    start = time.perf_counter()
    how = how or MonteCarlo()
    plan = planned.plan
    engine = montecarlo_dose(plan, how, report, executor)
    report("scaling the times to the Monte Carlo dose")
    shots = rescaled(plan.case, plan.shots, engine, coverage)
    judged = judge(replace(plan, shots=shots), report, engine=engine)
    made = {
        **judged.plan.provenance,
        "planned_on": plan.provenance["engine"],
        "medium": how.medium,
        "scattered": how.scattered,
        "time_factor": dict(factors(plan.shots, shots)),
    }
    seconds = planned.seconds + time.perf_counter() - start
    plan = replace(judged.plan, provenance=made)
    return replace(judged, plan=plan, seconds=seconds, before=planned)
