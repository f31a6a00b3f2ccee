"""The radiation unit: sources, sectors, collimators, beam model, calibration and decay."""

from gkplan.unit.load import load_unit, unit_names, unit_table
from gkplan.unit.model import Calibration, Collimator, OffAxisProfile, RadiationUnit

__all__ = [
    "Calibration",
    "Collimator",
    "OffAxisProfile",
    "RadiationUnit",
    "load_unit",
    "unit_names",
    "unit_table",
]
