"""Results of judging a plan: numbers with their definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gkplan.frames import Array
from gkplan.prescription import Limit


@dataclass(frozen=True, slots=True)
class PlanIndices:
    """Quality indices of one target, or of all targets together.

    With TV the target volume, PIV the volume that receives the prescription dose or more, and
    TV_PIV their intersection; None where an index means nothing (a dose prescribed to the
    maximum) or cannot be told (merged half-isodoses).

    Attributes
    ----------
    coverage : TV_PIV / TV
    selectivity : TV_PIV / PIV
    paddick_index : coverage x selectivity (Paddick 2000)
    gradient_index : volume at half the prescription dose / PIV (Paddick and Lippitz 2006)
    efficiency_index : integral dose in TV / integral dose in the volume at half the
        prescription dose (Dimitriadis and Paddick 2018)
    prescription_isodose : prescription dose / maximum dose
    """

    coverage: float | None
    selectivity: float | None
    paddick_index: float | None
    gradient_index: float | None
    efficiency_index: float | None
    prescription_isodose: float
    max_dose_gy: float
    target_volume_cc: float


@dataclass(frozen=True, slots=True)
class StructureDose:
    """Dose to one structure: mean, maximum, and the least dose of its hottest 0.035 cc.

    `d0_035cc_gy` is the mean-free D(0.035 cc); for a structure smaller than that, its minimum.
    `d98_gy`, `d50_gy`, `d2_gy`: the dose that 98, 50, 2 % of the volume receive at least.
    """

    volume_cc: float
    mean_gy: float
    max_gy: float
    d0_035cc_gy: float
    d98_gy: float
    d50_gy: float
    d2_gy: float


@dataclass(frozen=True, slots=True)
class LimitResult:
    """A limit and the dose that stands against it."""

    limit: Limit
    dose_gy: float

    @property
    def met(self) -> bool:
        return self.dose_gy <= self.limit.dose_gy * (1 + 1e-9)


@dataclass(frozen=True, slots=True)
class PlanMetrics:
    """What a plan does, in numbers (see `PlanIndices` and `StructureDose`).

    `max_dose_point_mm` is the Leksell point of the global maximum; `v12gy_cc` the volume of the
    head that receives 12 Gy or more, the targets included.
    """

    overall: PlanIndices
    targets: Mapping[str, PlanIndices]
    structures: Mapping[str, StructureDose]
    limits: tuple[LimitResult, ...]
    max_dose_point_mm: tuple[float, float, float]
    v12gy_cc: float
    beam_on_time_min: float
    n_shots: int
    n_isocenters: int


@dataclass(frozen=True, slots=True, eq=False)
class Dvh:
    """Cumulative dose-volume histogram: `volume_cc[i]` receives `dose_gy[i]` or more."""

    structure: str
    dose_gy: Array
    volume_cc: Array


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The metrics of a plan and the histograms behind them."""

    metrics: PlanMetrics
    dvhs: tuple[Dvh, ...]
