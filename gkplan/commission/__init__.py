"""Commissioning: from measured or planned composite profiles to the beam model of a unit."""

from gkplan.commission.fit import Fit, fit_unit, leave_one_out, predict_left_out
from gkplan.commission.scans import Scan, read_scans

__all__ = ["Fit", "Scan", "fit_unit", "leave_one_out", "predict_left_out", "read_scans"]
