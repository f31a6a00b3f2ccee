"""Whether a case can be planned at all."""

from __future__ import annotations

from collections import Counter

import numpy as np

from gkplan.case.contradictions import check_limits
from gkplan.case.model import Case
from gkplan.errors import CaseError
from gkplan.solids import sample_about


def check_case(case: Case) -> Case:
    """The case itself, if it can be planned.

    Raises
    ------
    CaseError
        For duplicate or unknown names, no target, limits that `check_limits` refuses, an empty
        structure, or a target that is not inside the head.
    """
    counts = Counter(s.name for s in case.structures)
    if doubled := [name for name, n in counts.items() if n > 1]:
        raise CaseError(
            f"{case.path}: structure {doubled[0]!r} appears {counts[doubled[0]]} times; "
            f"every structure needs a name of its own"
        )
    if not case.targets and case.prescriptions:
        raise CaseError(f"{case.path}: no target among its structures")
    for prescription in case.prescriptions:
        if case.structure(prescription.target).role != "target":
            raise CaseError(f"{case.path}: {prescription.target!r} has a dose but is no target")
    for target in case.targets:
        case.prescription(target.name)
    check_limits(case)
    for structure in case.structures:
        points, _ = sample_about(structure.solid, count=500, coarsest_mm=3.0)
        if len(points) == 0:
            raise CaseError(f"{case.path}: structure {structure.name!r} is empty")
        outside = 1.0 - float(np.mean(case.head.contains(points)))
        if structure.role == "target" and outside > 0.01:
            raise CaseError(
                f"{case.path}: target {structure.name!r} lies {100 * outside:.0f} % outside the "
                f"head {case.head.name!r}; a target must be inside"
            )
    return case
