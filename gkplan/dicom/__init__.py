"""DICOM: write a plan for other systems, read what gkplan wrote and what others did."""

from gkplan.dicom.read.foreign import read_foreign
from gkplan.dicom.read.ours import read_case, read_plan
from gkplan.dicom.write.export import export_plan

__all__ = ["export_plan", "read_case", "read_foreign", "read_plan"]
