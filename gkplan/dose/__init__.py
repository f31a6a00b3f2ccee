"""Dose engines: each computes Gy at points of the head for a list of shots."""

from gkplan.dose.engine import DoseEngine
from gkplan.dose.plandose import PlanDose
from gkplan.dose.reference import ReferenceEngine
from gkplan.dose.tmr import TmrEngine

__all__ = ["DoseEngine", "PlanDose", "ReferenceEngine", "TmrEngine"]
