"""Judging a plan: indices, structure doses, histograms."""

from gkplan.metrics.model import (
    Dvh,
    Evaluation,
    LimitResult,
    PlanIndices,
    PlanMetrics,
    StructureDose,
)

__all__ = ["Dvh", "Evaluation", "LimitResult", "PlanIndices", "PlanMetrics", "StructureDose"]
