"""A plan: a case, a unit, and the shots that treat the one with the other."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from gkplan.case import Case
from gkplan.certificate import Certificate
from gkplan.errors import DeliveryWarning, DepthWarning, PlanError
from gkplan.head import DepthRule, Head, depth_rule, distance_to_surface
from gkplan.history import History
from gkplan.metrics.model import PlanMetrics
from gkplan.shot import Shot, check_shots
from gkplan.unit import RadiationUnit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEFAULT_RATE_GY_PER_MIN = 3.0
# Electrons build up over the first millimetres; the engine has no such build-up.
SHALLOW_MM = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """All that a treatment is made of, and where it came from.

    Parameters
    ----------
    case : head, structures, prescriptions, limits
    unit : the machine; `unit_name` is how a user asks for it (a name or a path)
    calibration_dose_rate_gy_per_min : the rate on the day of treatment
    shots : in the order of delivery
    treatment_date : for the record; no decay is applied after the rate is set
    metrics : as evaluated, absent in a plan that nobody has judged yet
    provenance : versions, engine, options, hashes: enough to find every number again
    certificate : how far the planner's shots can be from the best; absent in a plan by hand
    transit : whether the dose includes what shots give while sectors and couch move
    history : the edits made by hand, for undo and redo; DICOM does not hold it
    depth : what counts as depth in the dose: every mm of head, or its density too

    Raises
    ------
    PlanError
        If the rate is not positive, the unit cannot deliver the shots, or for another depth.
    """

    case: Case
    unit: RadiationUnit
    unit_name: str
    shots: tuple[Shot, ...]
    calibration_dose_rate_gy_per_min: float = DEFAULT_RATE_GY_PER_MIN
    treatment_date: date | None = None
    metrics: PlanMetrics | None = None
    provenance: Mapping[str, object] = field(default_factory=dict)
    certificate: Certificate | None = None
    transit: bool = False
    history: History = field(default_factory=History)
    depth: DepthRule = "geometric"

    def __post_init__(self) -> None:
        check_rate(self.calibration_dose_rate_gy_per_min)
        check_shots(self.shots, self.unit)
        depth_rule(self.depth)

    @property
    def beam_on_time_min(self) -> float:
        return sum(shot.time_min for shot in self.shots)

    @property
    def n_isocenters(self) -> int:
        return len({shot.isocenter_mm for shot in self.shots})

    @property
    def couch_travel_mm(self) -> float:
        """Distance from isocentre to isocentre in the order of delivery, without the way there.

        Between shots of different gamma angles the frame is set anew; that counts like the rest.
        """
        places = np.array([shot.isocenter_mm for shot in self.shots])
        return float(np.linalg.norm(np.diff(places, axis=0), axis=1).sum())

    def show(self) -> Figure:
        """The picture of the plan, judged for it: `gkplan.show_plan`."""
        # For a notebook: all else of a plan knows nothing of how it is computed and drawn.
        from gkplan.workflow import show_plan

        return show_plan(self)


def engine_text(plan: Plan) -> str:
    """What the dose of a plan was judged by."""
    made = plan.provenance
    if made.get("engine") == "montecarlo":
        known = made.get("uncertainty")
        sigma = f", known to {100 * known:.2g} %" if isinstance(known, float) else ""
        return f"montecarlo: photons and electrons one by one{sigma}"
    counts = "all of the head is water" if plan.depth == "geometric" else "density counts"
    return f"tmr, {plan.depth} depth: {counts}"


def sees_density(plan: Plan) -> bool:
    """Whether the dose that a plan was judged by follows the densities of the head."""
    return plan.depth != "geometric" or plan.provenance.get("engine") == "montecarlo"


def check_rate(rate_gy_per_min: float) -> None:
    """Refuse a calibration dose rate that no Gamma Knife has."""
    if not 0.05 <= rate_gy_per_min <= 10.0:
        raise PlanError(f"calibration dose rate: expected 0.05 to 10 Gy/min, got {rate_gy_per_min}")


def check_shot_times(shots: Sequence[Shot], unit: RadiationUnit, fraction: float) -> None:
    """Warn of shots of which `fraction` is shorter than the unit can give.

    Warns
    -----
    DeliveryWarning
        Saying how many they are, and naming the shortest.
    """
    spare = [
        fraction * shot.time_min
        - max(unit.collimator(s).minimum_time_min for s in shot.sectors if s)
        for shot in shots
    ]
    short = sum(s < -1e-9 for s in spare)
    if short:
        worst = int(np.argmin(spare))
        warnings.warn(
            f"{short} of {len(shots)} shots are too short in a session that gives "
            f"{100 * fraction:.3g} % of them: shot {worst + 1} takes "
            f"{fraction * shots[worst].time_min:.3f} min, {-spare[worst]:.3f} min less than "
            f"{unit.name} can give",
            DeliveryWarning,
            stacklevel=3,
        )


def check_depths(shots: Sequence[Shot], head: Head, known: Sequence[Shot] = ()) -> None:
    """Refuse shots outside the head, warn of those near its surface; `known` ones pass.

    Raises
    ------
    PlanError
        Naming the first shot whose isocentre is outside.

    Warns
    -----
    DepthWarning
        Naming the shots whose isocentres are less than 5 mm below the surface.
    """
    places = {shot.isocenter_mm for shot in known}
    fresh = [(n, s) for n, s in enumerate(shots, start=1) if s.isocenter_mm not in places]
    if not fresh:
        return
    depths = distance_to_surface(head.surface, np.array([s.isocenter_mm for _, s in fresh]))
    shallow = []
    for (number, shot), depth in zip(fresh, depths, strict=True):
        x, y, z = shot.isocenter_mm
        where = f"shot {number}: isocentre ({x:.1f}, {y:.1f}, {z:.1f}) mm"
        if depth < 0.0:
            raise PlanError(
                f"{where} is {-depth:.1f} mm outside the head {head.name!r}; expected a Leksell "
                f"point inside it"
            )
        if depth < SHALLOW_MM:
            shallow.append(f"{where} is {depth:.1f} mm below the surface")
    if shallow:
        warnings.warn(
            f"{'; '.join(shallow)} of the head {head.name!r}: the dose has no build-up and is too "
            f"high within {SHALLOW_MM:g} mm of the surface",
            DepthWarning,
            stacklevel=3,
        )
