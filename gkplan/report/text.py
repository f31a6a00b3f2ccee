"""Numbers and names as people read them."""

from __future__ import annotations

from gkplan.plan import Plan
from gkplan.prescription import Prescription
from gkplan.unit import RadiationUnit

NOT_DEFINED = "-"


def number(value: float | None, digits: int = 2, unit: str = "") -> str:
    """`value` with `digits` decimals and its unit, or "-" where there is none."""
    if value is None:
        return NOT_DEFINED
    return f"{value:.{digits}f} {unit}".rstrip()


def percent(fraction: float | None) -> str:
    """A fraction in percent with one decimal, or "-" where there is none."""
    return NOT_DEFINED if fraction is None else f"{100 * fraction:.1f} %"


def volume(cc: float) -> str:
    """A volume with at least three significant digits, in cc."""
    return f"{cc:.4f} cc" if cc < 0.1 else f"{cc:.3f} cc" if cc < 10 else f"{cc:.1f} cc"


def clock(minutes: float) -> str:
    """Minutes as m:ss, rounded to the second."""
    seconds = round(60 * minutes)
    return f"{seconds // 60}:{seconds % 60:02d}"


def prescription_text(prescription: Prescription) -> str:
    """ "12 Gy", "12 Gy at the 50 % isodose" or "80 Gy to the maximum"."""
    dose = f"{prescription.dose_gy:g} Gy"
    if prescription.is_maximum:
        return f"{dose} to the maximum"
    low, high = prescription.isodose
    return f"{dose} at the {100 * low:g} % isodose" if low == high else dose


def unit_text(unit: RadiationUnit) -> str:
    """The title of a unit; one whose profiles nobody has fitted is not to be taken for another."""
    return unit.title if unit.is_fitted else f"{unit.title}, profiles not fitted"


def transit_text(plan: Plan) -> str:
    """Whether the dose that shots give while couch and sectors move is in a plan."""
    if plan.transit and not any(c.transit_min for c in plan.unit.collimators):
        return "none is known of the unit"
    return "counted, not in the beam-on time" if plan.transit else "not counted"


def shortened(name: str, length: int) -> str:
    """`name`, cut at the end where it is longer than `length`."""
    return name if len(name) <= length else name[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"
