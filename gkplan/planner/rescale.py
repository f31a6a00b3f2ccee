"""The times of planned shots scaled to what Monte Carlo makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gkplan.case import Case
from gkplan.dose.corrected import CorrectedDose
from gkplan.planner.normalise import normalised, within_hard_limits
from gkplan.prescription import Prescription
from gkplan.shot import Shot, minimum_time
from gkplan.solids.base import subdivide

# A maximum of a noisy dose is too high; so far from it the dose is taken together instead.
_TOP = 0.9
# As far as this from the isocentre, in sizes of the collimator; each voxel in so many parts a side.
_NEAR_SIZES, _PARTS = 1.0, 3


def rescaled(
    case: Case, shots: tuple[Shot, ...], engine: CorrectedDose, coverage: float
) -> tuple[Shot, ...]:
    """The times of each target's shots by one factor, so that the prescription holds again.

    As the planner does it, with the dose of `engine`: the coverage of each target, then no more
    than its hard limits allow. Where the dose is prescribed to the maximum, the dose within the
    90 % isodose about each isocentre is to be what the plan had there.
    """
    if any(p.is_maximum for p in case.prescriptions):
        return tuple(_as_planned(case.prescription(s.target), s, shots, engine) for s in shots)
    return within_hard_limits(case, normalised(case, shots, engine, coverage), engine)


def factors(before: tuple[Shot, ...], after: tuple[Shot, ...]) -> Mapping[str, float]:
    """By name of each target: its beam-on time after over before."""
    names = dict.fromkeys(s.target for s in before)
    return {name: _minutes(after, name) / _minutes(before, name) for name in names}


def _minutes(shots: tuple[Shot, ...], target: str) -> float:
    return sum(s.time_min for s in shots if s.target == target)


def _as_planned(
    prescription: Prescription, shot: Shot, shots: tuple[Shot, ...], engine: CorrectedDose
) -> Shot:
    grid = engine.computed.result.grid
    voxels = grid.points()
    apart = np.linalg.norm(voxels - np.array(shot.isocenter_mm), axis=1)
    voxels = voxels[apart < _NEAR_SIZES * prescription.collimator_mm]
    # Both as means over voxels, which lower a sharp top.
    inner = subdivide(voxels, grid.spacing_mm[0], _PARTS)
    planned = engine.before.dose(inner, shots).reshape(len(voxels), -1).mean(axis=1)
    there = engine.computed.dose(voxels, shots)
    top = planned >= _TOP * planned.max()
    factor = float(planned[top].sum() / there[top].sum())
    extra = engine.unit.collimator(prescription.collimator_mm).transit_min
    extra = extra if engine.now.transit else 0.0
    least = minimum_time(shot.sectors, engine.unit)
    return replace(shot, time_min=max(factor * (shot.time_min + extra) - extra, least))
