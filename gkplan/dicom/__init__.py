"""DICOM: write a plan for other systems, read what gkplan wrote and what others did."""

from gkplan.dicom.export import export_plan
from gkplan.dicom.foreign import read_foreign
from gkplan.dicom.read import read_case, read_plan

__all__ = ["export_plan", "read_case", "read_foreign", "read_plan"]
