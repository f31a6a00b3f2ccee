"""Sector states told from a dose grid: mixed ones too, and unsure where the dose does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from gkplan.check.fromdose import infer_from_dose
from gkplan.check.patterns import Inferred, Observed
from gkplan.dose import ReferenceEngine
from gkplan.errors import PlanError
from gkplan.frames import Frame
from gkplan.grid import Grid, Volume
from gkplan.head import Head
from gkplan.shot import Shot
from gkplan.solids import Ellipsoid
from gkplan.unit import load_unit

UNIT = load_unit("perfexion")
HEAD = Head("ball", Ellipsoid((100.0, 95.0, 95.0), (75.0, 90.0, 85.0)))
RATE = 2.41
SHOTS = [
    Shot((104.0, 92.5, 98.0), (4, 8, 8, 16, 0, 4, 8, 0), 2.0),
    Shot((110.0, 91.0, 99.0), (8, 8, 8, 8, 8, 0, 0, 8), 3.0, 110.0),
    Shot((102.0, 99.0, 95.0), (16,) * 8, 1.0, 70.0),
]
GRID = Grid.around(np.array([[85.0, 75.0, 80.0], [125.0, 115.0, 113.0]]), 2.0, Frame.LEKSELL)
DOSE = ReferenceEngine(UNIT, HEAD, RATE).dose(GRID.points(), SHOTS)


def told(dose: np.ndarray, rate: float | None) -> tuple[list[Inferred], float]:
    observed = [
        Observed(f"A{n}", s.isocenter_mm, s.time_min, s.gamma_angle_deg, None, None)
        for n, s in enumerate(SHOTS, start=1)
    ]
    return infer_from_dose(
        observed, UNIT, HEAD, Volume(dose.reshape(GRID.shape), GRID, "dose_gy"), rate
    )


@pytest.mark.parametrize("rate", [None, RATE])
def test_mixed_and_blocked_sectors_are_told(rate: float | None) -> None:
    """Of the float64 reference in steps of a 16-bit file, 1 % of smooth difference added."""
    other = DOSE * (1 + 0.01 * np.sin(GRID.points() / 12.0).prod(axis=1))
    found, calibration = told(np.round(other / other.max() * 65535) * other.max() / 65535, rate)
    assert [i.sectors for i in found] == [s.sectors for s in SHOTS]
    assert calibration == pytest.approx(RATE, rel=0.01)
    assert all(i.confidence > 0.5 for i in found)


def test_a_dose_that_does_not_fit_makes_unsure() -> None:
    wrong = DOSE * np.exp(np.random.default_rng(2).normal(0.0, 0.5, len(DOSE)))
    assert max(i.confidence for i in told(wrong, RATE)[0]) < min(
        i.confidence for i in told(DOSE, RATE)[0]
    )


def test_voxels_that_say_nothing_do_not_count() -> None:
    part = np.where(GRID.points()[:, 2] > 108.0, np.nan, DOSE)
    assert [i.sectors for i in told(part, RATE)[0]] == [s.sectors for s in SHOTS]


@pytest.mark.parametrize("dose", [np.full(len(DOSE), np.nan), np.zeros(len(DOSE)), 1000.0 * DOSE])
def test_a_dose_of_something_else_is_refused(dose: np.ndarray) -> None:
    with pytest.raises(PlanError, match="--pattern FILE"):
        told(dose, None)
