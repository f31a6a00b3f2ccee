"""Targets and organs at risk: named solids, from phantoms or from contours."""

from gkplan.structures.contours import solid_from_contours
from gkplan.structures.model import Structure

__all__ = ["Structure", "solid_from_contours"]
