"""A small lesion with three shots that the tests of planning by hand share."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from gkplan.case import Case
from gkplan.load import load_case
from gkplan.plan import Plan
from gkplan.prescription import Prescription
from gkplan.shot import Shot
from gkplan.solids import Ellipsoid
from gkplan.structures import Structure
from gkplan.unit import load_unit


@cache
def example(transit: bool = True) -> Plan:
    case = load_case("metastasis-small")
    x, y, z = case.targets[0].solid.bounds.mean(axis=0).tolist()
    shots = (
        Shot((x, y, z), (8,) * 8, 6.0, target="target"),
        Shot((x + 2.0, y, z), (4, 8, 8, 0, 0, 8, 8, 4), 2.0, target="target"),
        Shot((x, y - 2.0, z + 1.0), (4,) * 8, 3.0, target="target"),
    )
    return Plan(case, load_unit("perfexion"), "perfexion", shots, transit=transit)


def two_targets() -> Case:
    """The lesion, and another one 25 mm away with another dose."""
    case = load_case("metastasis-small")
    x, y, z = case.targets[0].solid.bounds.mean(axis=0).tolist()
    other = Structure("other", "target", Ellipsoid((x - 25.0, y, z), (3.0, 4.0, 3.0)))
    return replace(
        case,
        structures=(*case.structures, other),
        prescriptions=(*case.prescriptions, Prescription("other", 18.0)),
    )
