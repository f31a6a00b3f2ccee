"""Wishes that no plan can fulfil together, found before anything is planned."""

from __future__ import annotations

import warnings

import numpy as np

from gkplan.case.model import Case
from gkplan.errors import CaseError, CaseWarning
from gkplan.prescription import Limit
from gkplan.solids import sample_about

_POINTS = 40_000


def check_limits(case: Case) -> Case:
    """The case itself, if each of its limits can be understood.

    Raises
    ------
    CaseError
        For a limit of an unknown structure or of a target, for two limits of one kind on one
        organ with different doses, and for a hot volume as large as the organ.
    """
    seen: dict[tuple[str, str], Limit] = {}
    for limit in case.limits:
        structure = case.structure(limit.structure)
        if structure.role == "target":
            raise CaseError(
                f"{case.path}: the limit {limit.label} at most {limit.dose_gy:g} Gy is on the "
                f"target {limit.structure!r}; a limit is for an organ at risk, a target's "
                f"maximum follows from the isodose of its prescription"
            )
        other = seen.setdefault((limit.structure, limit.label), limit)
        if other.dose_gy != limit.dose_gy:
            raise CaseError(
                f"{case.path}: {limit.structure!r} has two limits of {limit.label}, "
                f"{other.dose_gy:g} Gy and {limit.dose_gy:g} Gy; keep the one that is meant"
            )
        if limit.kind == "volume":
            points, spacing = sample_about(structure.solid, 5000, coarsest_mm=2.0)
            whole = len(points) * spacing**3 / 1000
            if limit.hot_cc >= whole:
                raise CaseError(
                    f"{case.path}: the limit {limit.label} of {limit.structure!r} leaves all of it "
                    f"free: it has {whole:.3g} cc; expected a volume_cc below that"
                )
    return case


def check_overlaps(case: Case, coverage: float) -> None:
    """Refuse a target that lies so far inside an organ that its coverage is out of reach.

    An organ may not receive a target's dose in more than the volume that its limit leaves free
    (none, for a maximum): what the target shares with it beyond that cannot be covered.

    Raises
    ------
    CaseError
        If a target could not reach the `coverage` (a fraction) that is wanted.

    Warns
    -----
    CaseWarning
        If it can, although a part of it must stay below its dose.
    """
    for target in case.targets:
        prescription = case.prescription(target.name)
        upper = [
            limit
            for limit in case.limits
            if limit.kind != "mean" and limit.dose_gy < prescription.dose_gy
        ]
        if prescription.is_maximum or not upper:
            continue
        points, spacing = sample_about(target.solid, _POINTS, coarsest_mm=1.0)
        for limit in upper:
            shared = points[case.structure(limit.structure).solid.contains(points)]
            shared_cc = len(shared) * spacing**3 / 1000
            if shared_cc <= limit.hot_cc:
                continue
            x, y, z = shared.mean(axis=0)
            most = 1.0 - (shared_cc - limit.hot_cc) / (len(points) * spacing**3 / 1000)
            text = (
                f"{case.path}: target {target.name!r} ({prescription.dose_gy:g} Gy) and "
                f"{limit.structure!r} ({limit.label} at most {limit.dose_gy:g} Gy) share "
                f"{shared_cc:.3g} cc, {100 * len(shared) / len(points):.2g} % of the target, "
                f"around ({x:.1f}, {y:.1f}, {z:.1f}) mm: its coverage cannot exceed "
                f"{100 * np.floor(most * 1e4) / 1e4:.2f} %"
            )
            if most < coverage:
                raise CaseError(
                    f"{text}, but {100 * coverage:g} % is wanted; raise the limit, carve one of "
                    f"the two, or ask for less coverage"
                )
            warnings.warn(CaseWarning(text), stacklevel=2)
