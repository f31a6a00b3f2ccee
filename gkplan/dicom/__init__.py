"""DICOM: write a plan for other systems, and read back what gkplan wrote."""

from gkplan.dicom.export import export_plan
from gkplan.dicom.read import read_case, read_plan

__all__ = ["export_plan", "read_case", "read_plan"]
