"""What is to be planned, however it came: a phantom, a contour file or a DICOM folder."""

from gkplan.case.model import Case
from gkplan.case.phantom import phantom_names

__all__ = ["Case", "phantom_names"]
