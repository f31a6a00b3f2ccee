"""What is known of one case planned by one method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LimitRow:
    """A limit, the dose that stands against it, and whether it is met."""

    structure: str
    kind: str
    limit_gy: float
    dose_gy: float
    met: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One case and method; None where an index means nothing, or where planning failed.

    Attributes
    ----------
    source : who made the case
    volume_cc to isocenters : of all targets together, as `PlanMetrics` defines them
    gap, delivered_gap : of the linear programme, and of the shots before scaling and transit,
        relative, over the candidates that the method had; None for a method that tells none
    sampled_coverage, sampled_paddick_index : on random points in the targets' solids and around
        (see `gkplan.bench.plans.independent`)
    slab_coverage, slab_paddick_index : the same, but a point belongs to a target if the contour of
        the nearest slice encloses it; contour cases only
    kernels_s, programme_s, sequencing_s : of the planning: dose, choice of shots, deliverable times
    judging_s : the indices and the two checks
    error : why there is no plan, in one sentence
    """

    case: str
    method: str
    source: str = ""
    volume_cc: float | None = None
    coverage: float | None = None
    selectivity: float | None = None
    paddick_index: float | None = None
    gradient_index: float | None = None
    efficiency_index: float | None = None
    prescription_isodose: float | None = None
    v12gy_cc: float | None = None
    beam_on_time_min: float | None = None
    shots: int | None = None
    isocenters: int | None = None
    gap: float | None = None
    delivered_gap: float | None = None
    sampled_coverage: float | None = None
    sampled_paddick_index: float | None = None
    slab_coverage: float | None = None
    slab_paddick_index: float | None = None
    kernels_s: float | None = None
    programme_s: float | None = None
    sequencing_s: float | None = None
    judging_s: float | None = None
    limits: tuple[LimitRow, ...] = ()
    error: str = ""

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Row:
        """The row that `dataclasses.asdict` made a table of."""
        limits = tuple(LimitRow(**limit) for limit in table["limits"])
        return cls(**{**table, "limits": limits})
