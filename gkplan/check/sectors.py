"""The sector states of shots whose plan does not say them: from a file, or inferred."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gkplan.check.fromdose import infer_from_dose
from gkplan.check.model import StatedShot
from gkplan.check.patterns import Observed, infer_patterns
from gkplan.dose import TmrEngine
from gkplan.errors import PlanError
from gkplan.frames import Array
from gkplan.grid import Volume
from gkplan.head import Head
from gkplan.shot import Shot
from gkplan.unit import RadiationUnit

_SURE = 0.9


@dataclass(frozen=True, slots=True)
class ToldSectors:
    """Shots with their sectors, the calibration dose rate, and where both come from."""

    shots: tuple[StatedShot, ...]
    rate_gy_per_min: float
    pattern_source: str
    rate_source: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GivenSectors:
    """States of the sectors of each shot, and where they were given."""

    sectors: tuple[tuple[int, ...], ...]
    source: str


def read_sectors(path: Path, names: Sequence[str]) -> GivenSectors:
    """A JSON file ``{"sectors": {"A1": [8, 8, 8, 8, 8, 8, 8, 8], ...}}``.

    One list for each shot in `names`, of the collimator size of each sector or 0.

    Raises
    ------
    PlanError
        If it cannot be read, or does not fit to the shots.
    """
    return GivenSectors(tuple(_read(path, names)), path.name)


def told_sectors(
    observed: Sequence[Observed],
    unit: RadiationUnit,
    head: Head,
    point_mm: Array | None,
    rate_gy_per_min: float | None,
    given: GivenSectors | None,
    dose: Volume | None = None,
) -> ToldSectors:
    """Give every shot its sectors.

    Parameters
    ----------
    observed : what the plan states of the shots
    point_mm : (3,) Leksell, where their doses are stated, None if they are not
    rate_gy_per_min : calibration dose rate, if it is known
    given : the states, if they are known; inferred if not
    dose : of all shots, Leksell; if there is one, sectors are inferred from it and nothing else

    Raises
    ------
    PlanError
        If nothing is stated to infer sectors or rate from.
    """
    if given is not None:
        shots = tuple(_shot(o, s) for o, s in zip(observed, given.sectors, strict=True))
        source = f"given in {given.source}"
        if rate_gy_per_min is not None:
            return ToldSectors(shots, rate_gy_per_min, source, "given", ())
        rate = _rate(shots, unit, head)
        return ToldSectors(
            shots,
            rate,
            source,
            "the median of the shots' dose rates",
            ("the dose rates are not checked in absolute terms: --rate gives the calibration",),
        )
    if dose is not None:
        inferred, rate = infer_from_dose(observed, unit, head, dose, rate_gy_per_min)
        basis = "the dose grid"
    elif any(o.rate_gy_per_min or (o.dose_gy and point_mm is not None) for o in observed):
        inferred, rate = infer_patterns(observed, unit, head, point_mm, rate_gy_per_min)
        basis = "rates and doses of the shots"
    else:
        raise PlanError(
            "the plan states neither dose rates nor doses of its shots, from which their sectors "
            "could be told; give them with --pattern FILE"
        )
    shots = tuple(_shot(o, i.sectors) for o, i in zip(observed, inferred, strict=True))
    least = min(i.confidence for i in inferred)
    notes = [
        f"{o.name}: sectors {' '.join(map(str, i.sectors))} inferred, confidence "
        f"{100 * i.confidence:.0f} %"
        for o, i in zip(observed, inferred, strict=True)
        if i.confidence < _SURE
    ]
    if dose is not None:
        notes.append(
            "the sectors are the ones that fit the dose grid best, so its agreement proves less; "
            "--pattern gives them"
        )
    if rate_gy_per_min is None:
        notes.append("the calibration dose rate is inferred too: --rate gives it")
    return ToldSectors(
        shots,
        rate,
        f"inferred from {basis}, confidence {100 * least:.0f} % or more",
        "inferred with the sectors" if rate_gy_per_min is None else "given",
        tuple(notes),
    )


def _shot(observed: Observed, sectors: tuple[int, ...]) -> StatedShot:
    o = observed
    shot = Shot(o.isocenter_mm, sectors, o.time_min, o.gamma_angle_deg)
    return StatedShot(o.name, shot, o.dose_gy, o.rate_gy_per_min)


def _rate(shots: Sequence[StatedShot], unit: RadiationUnit, head: Head) -> float:
    """The calibration dose rate that the median of the stated rates at the foci asks for."""
    engine = TmrEngine(unit, head, 1.0)
    found = []
    for stated in shots:
        if stated.rate_gy_per_min:
            once = replace(stated.shot, time_min=1.0)
            here = float(engine.dose(np.array([once.isocenter_mm]), [once])[0])
            found.append(stated.rate_gy_per_min / here if here > 0 else np.inf)
    if not found or not 0.05 <= float(np.median(found)) <= 10.0:
        raise PlanError(
            "the plan's dose rates do not tell the calibration dose rate; give it with --rate"
        )
    return float(np.median(found))


def _read(path: Path, names: Sequence[str]) -> list[tuple[int, ...]]:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanError(f"{path}: cannot read it: {error.strerror}") from error
    except ValueError as error:
        raise PlanError(f"{path}: not valid JSON: {error}") from error
    sectors = table.get("sectors") if isinstance(table, dict) else None
    if not isinstance(sectors, dict):
        raise PlanError(f'{path}: expected {{"sectors": {{"A1": [8, 8, 8, 8, 8, 8, 8, 8], ...}}}}')
    if set(sectors) != set(names):
        wrong = sorted(set(sectors) ^ set(names))
        raise PlanError(
            f"{path}: sectors: expected one list for each of the shots {', '.join(names)}; "
            f"missing or unknown: {', '.join(map(str, wrong))}"
        )
    found = []
    for name in names:
        states = sectors[name]
        if not isinstance(states, list) or any(type(s) is not int for s in states):
            raise PlanError(f"{path}: sectors of {name}: expected whole numbers, got {states!r}")
        found.append(tuple(states))
    return found
