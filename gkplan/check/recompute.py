"""The engines that a check recomputes a plan with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gkplan.check.model import StatedPlan
from gkplan.dose import DoseEngine, ReferenceEngine, TmrEngine
from gkplan.dose.names import tmr_name
from gkplan.frames import Frame
from gkplan.grid import Grid
from gkplan.head import DepthRule

if TYPE_CHECKING:
    from gkplan.dose.montecarlo import MonteCarlo

_AROUND_MM = 5.0


@dataclass(frozen=True, slots=True)
class Recompute:
    """How a check computes doses.

    Parameters
    ----------
    depth : of `tmr`; None is that of the plan
    montecarlo : how it is done, None for `tmr`
    """

    depth: DepthRule | None = None
    montecarlo: MonteCarlo | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Engines:
    """Engines for points with and without transit, and for grids; what to say of them."""

    name: str
    at_points: DoseEngine
    steady: DoseEngine
    on_grid: DoseEngine
    uncertainty: float | None = None
    notes: tuple[str, ...] = ()


def engines_for(
    plan: StatedPlan, how: Recompute, report: Callable[[str], None] = lambda _: None
) -> Engines:
    """Of `tmr` the float64 reference for points and the fast engine for grids: two of a kind.

    Of Monte Carlo one dose on voxels of 1 mm that hold the stated grid and the isocentres.

    Raises
    ------
    CaseError
        For a head without densities, where they count.
    """
    unit, head, rate = plan.unit, plan.head, plan.rate_gy_per_min
    if how.montecarlo is None:
        depth = how.depth or plan.depth
        return Engines(
            tmr_name(depth),
            ReferenceEngine(unit, head, rate, plan.transit, depth),
            ReferenceEngine(unit, head, rate, False, depth),
            TmrEngine(unit, head, rate, plan.transit, depth),
        )
    from gkplan.dose.montecarlo import MonteCarloEngine
    from gkplan.simulate import simulated

    shots = tuple(s.shot for s in plan.shots)
    # Other random numbers than those of a plan that was itself scaled to Monte Carlo.
    other = replace(how.montecarlo, seed=how.montecarlo.seed + 1)
    engine = MonteCarloEngine(unit, head, rate, plan.transit, other, report)
    dose = simulated(engine, _grid(plan), shots)
    notes = (
        f"recomputed by Monte Carlo, known to {100 * dose.uncertainty:.2g} % (one sigma, voxels "
        f"above half the maximum), which makes gamma optimistic; doses of single shots are their "
        f"parts of {dose.now.name}, times what Monte Carlo differs from it at the place",
    )
    return Engines(dose.name, dose, dose.without_transit(), dose, dose.uncertainty, notes)


def _grid(plan: StatedPlan) -> Grid:
    """Around isocentres and the point of specification, and all of the stated grid in the head."""
    points = [np.array([s.shot.isocenter_mm for s in plan.shots])]
    if plan.point_mm is not None:
        points.append(plan.point_mm[None])
    if plan.dose is not None:
        points.append(plan.dose.grid.corners())
    every = np.concatenate(points)
    low, high = plan.head.bounds
    span = [np.maximum(every.min(axis=0), low), np.minimum(every.max(axis=0), high)]
    return Grid.around(span, 1.0, Frame.LEKSELL, margin_mm=_AROUND_MM)
