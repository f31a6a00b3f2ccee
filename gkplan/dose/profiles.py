"""Composite profiles in the calibration sphere: how a unit is compared with measurement."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from gkplan.dose.tmr import TmrEngine
from gkplan.errors import UnitError
from gkplan.frames import LEKSELL_CENTER_MM, Array
from gkplan.head import Head
from gkplan.shot import BLOCKED, Shot
from gkplan.solids import Ellipsoid
from gkplan.unit.model import RadiationUnit

REACH_MM, STEP_MM = 50.0, 0.1
# Offsets along z are given toward superior, which is toward -Z of the Leksell frame.
AXES = ("x", "y", "z")
_DIRECTION = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, -1.0)}


def composite_profile(
    unit: RadiationUnit, collimator_mm: int, axis: str, sectors: Collection[int] | None = None
) -> tuple[Array, Array]:
    """Offsets from the focus (mm) and dose relative to the focus; all sectors open if not given.

    In the water sphere of 160 mm diameter centred on the focus; z is positive toward superior.
    """
    radius = unit.calibration.depth_mm
    head = Head("sphere", Ellipsoid(LEKSELL_CENTER_MM, (radius, radius, radius)))
    count = round(REACH_MM / STEP_MM)
    offset = np.arange(-count, count + 1) * STEP_MM
    points = np.array(LEKSELL_CENTER_MM) + offset[:, None] * np.array(_DIRECTION[axis])
    numbers = range(1, unit.n_sectors + 1)
    if wrong := set(sectors or ()) - set(numbers):
        raise UnitError(f"{unit.name} has the sectors 1 to {unit.n_sectors}, not {min(wrong)}")
    state = tuple(collimator_mm if sectors is None or n in sectors else BLOCKED for n in numbers)
    shot = Shot(LEKSELL_CENTER_MM, state, 1.0)
    dose = TmrEngine(unit, head, 1.0).dose(points, [shot])
    return offset.astype(np.float64), np.asarray(dose / dose[count])


def profiles_csv(
    unit: RadiationUnit, sizes_mm: Collection[int] = (), sectors: Collection[int] | None = None
) -> str:
    """Profiles as CSV, one row a point; of all collimators if no size is given."""
    lines = ["collimator_mm,axis,offset_mm,relative_dose"]
    for size in sizes_mm or unit.collimator_sizes_mm:
        for axis in AXES:
            offset, dose = composite_profile(unit, size, axis, sectors)
            lines += [f"{size},{axis},{o:.1f},{d:.6f}" for o, d in zip(offset, dose, strict=True)]
    return "\n".join(lines) + "\n"
