"""What is checked, and what a check finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gkplan.frames import Array
from gkplan.grid import Volume
from gkplan.head import DepthRule, Head
from gkplan.metrics.gamma import GammaCriterion
from gkplan.shot import Shot
from gkplan.structures import Structure
from gkplan.unit import RadiationUnit


@dataclass(frozen=True, slots=True)
class StatedShot:
    """A shot and what its planner says of it: dose at the plan's point, rate at its own focus."""

    name: str
    shot: Shot
    dose_gy: float | None
    rate_gy_per_min: float | None


@dataclass(frozen=True, slots=True, eq=False)
class StatedPlan:
    """A plan with the doses that its planner states, Leksell mm.

    Parameters
    ----------
    point_mm : (3,) where the shots' doses are specified, None if nowhere
    dose : of all shots, None if there is none; nan where it says nothing
    doses_gy : prescription doses
    pattern_source : where the sector states come from, in words
    rate_source : where the calibration dose rate comes from
    depth : what counted as depth when the plan was made, as far as it is known
    notes : what the user should know
    """

    name: str
    unit: RadiationUnit
    head: Head
    structures: tuple[Structure, ...]
    shots: tuple[StatedShot, ...]
    rate_gy_per_min: float
    transit: bool
    point_mm: Array | None
    dose: Volume | None
    doses_gy: tuple[float, ...]
    pattern_source: str
    rate_source: str
    notes: tuple[str, ...] = ()
    depth: DepthRule = "geometric"


@dataclass(frozen=True, slots=True)
class Tolerances:
    """What a check has to meet.

    Parameters
    ----------
    point_percent : total dose at the specification point
    shot_percent : dose of one shot there, of its own; or of a fifth of that of the total
    rate_percent : dose rate of one shot at its own focus
    gamma_pass : part of the voxels with gamma of at most 1 at the first criterion
    """

    point_percent: float = 3.0
    shot_percent: float = 5.0
    rate_percent: float = 5.0
    gamma_pass: float = 0.95


@dataclass(frozen=True, slots=True)
class Pair:
    """A number as stated and as recomputed."""

    stated: float
    recomputed: float

    @property
    def percent(self) -> float:
        """Recomputed less stated, in per cent of stated."""
        if self.stated == 0.0:
            return 0.0 if self.recomputed == 0.0 else np.inf
        return 100.0 * (self.recomputed - self.stated) / self.stated


@dataclass(frozen=True, slots=True)
class ShotCheck:
    """One shot: dose at the specification point (Gy), rate at its focus (Gy/min)."""

    name: str
    shot: Shot
    dose: Pair | None
    rate: Pair | None


@dataclass(frozen=True, slots=True)
class GammaCheck:
    """Stated dose against recomputed: share of voxels that pass, mean and largest gamma."""

    criterion: GammaCriterion
    n_voxels: int
    pass_rate: float
    mean: float
    largest: float


@dataclass(frozen=True, slots=True)
class IsodoseCheck:
    """Volume (cm3) at a dose or more within the stated dose's grid."""

    level_gy: float
    volume_cc: Pair


@dataclass(frozen=True, slots=True)
class StructureCheck:
    """Doses (Gy) of a structure at the same points in both doses.

    `dvh_percent` is the largest difference of volume at any dose, in per cent of the structure.
    """

    name: str
    mean_gy: Pair
    d98_gy: Pair
    d2_gy: Pair
    dvh_percent: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """One criterion: what was found, what is allowed, and whether that is met."""

    what: str
    found: str
    allowed: str
    met: bool


@dataclass(frozen=True, slots=True, eq=False)
class CheckResult:
    """All that a check found; it passes when every judgement is met and there is one.

    `engine` is the name of the one that recomputed, `uncertainty` that of a Monte Carlo dose.
    """

    plan: StatedPlan
    shots: tuple[ShotCheck, ...]
    point: Pair | None
    grid_point: Pair | None
    gammas: tuple[GammaCheck, ...]
    isodoses: tuple[IsodoseCheck, ...]
    structures: tuple[StructureCheck, ...]
    judgements: tuple[Judgement, ...]
    notes: tuple[str, ...]
    engine: str
    uncertainty: float | None

    @property
    def passed(self) -> bool:
        return bool(self.judgements) and all(j.met for j in self.judgements)
