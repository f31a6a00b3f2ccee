"""What a plan shall weigh against what."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from gkplan.errors import PlanError


@dataclass(frozen=True, slots=True)
class Aim:
    """Weights of the planner's score, and how far the delivery may fall behind its optimum.

    Parameters
    ----------
    coverage : fraction of each target that shall get the prescription dose
    target : weight of the dose missing in a target
    selectivity : of the dose above the prescription within 6 mm of a target
    gradient : of the dose above half the prescription within 10 mm of a target
    limits : of the dose above the limit of an organ at risk
    minute : of one minute of beam-on time at 3 Gy/min
    loss : part of the score that fewer shots may cost
    shots, isocenters, minutes : budgets, None for none; `minutes` is beam-on time at 3 Gy/min

    Raises
    ------
    PlanError
        For a weight that is not positive, or a budget that nothing can meet.

    Notes
    -----
    The score is ``sum_k weight_k mean_k``: each mean runs over the volume concerned, divided by
    the target's volume and prescription dose, so that the weights do not depend on the case.
    """

    coverage: float = 0.991
    target: float = 200.0
    selectivity: float = 6.0
    gradient: float = 1.0
    limits: float = 30.0
    minute: float = 0.012
    loss: float = 0.01
    shots: int | None = None
    isocenters: int | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        if not 0.5 <= self.coverage <= 0.9999:
            raise PlanError(f"coverage: expected 0.5 to 0.9999, got {self.coverage}")
        for name in ("target", "selectivity", "gradient", "limits", "minute"):
            value = getattr(self, name)
            if not 0.0 < value < 1e6:
                raise PlanError(f"{name} weight: expected a positive number, got {value}")
        if not 0.0 <= self.loss <= 1.0:
            raise PlanError(f"loss: expected 0 to 1, got {self.loss}")
        for name in ("shots", "isocenters", "minutes"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise PlanError(f"budget of {name}: expected a positive number, got {value}")


# Chosen on the shipped phantoms and on real schwannomas of 0.1 to 8 cc.
AIMS = {
    "quality": Aim(selectivity=6.0, gradient=1.2, minute=0.006, loss=0.005),
    "balanced": Aim(selectivity=8.0, gradient=2.0, minute=0.024, loss=0.004),
    "fast": Aim(selectivity=8.0, gradient=2.0, minute=0.08, loss=0.010),
}


def aim_named(name: str) -> Aim:
    """The aim called `name`.

    Raises
    ------
    PlanError
        If there is no such aim.
    """
    if name not in AIMS:
        raise PlanError(f"unknown aim {name!r}; expected one of {', '.join(AIMS)}")
    return AIMS[name]


def tilted(
    aim: Aim,
    coverage: float | None = None,
    selectivity: float = 1.0,
    gradient: float = 1.0,
    speed: float = 1.0,
    shots: int | None = None,
    isocenters: int | None = None,
    minutes: float | None = None,
) -> Aim:
    """The aim with another coverage, with budgets, and with some of its weights multiplied.

    `selectivity`, `gradient` and `speed` are factors of the weights of selectivity, gradient and
    beam-on time.
    """
    return dataclasses.replace(
        aim,
        coverage=aim.coverage if coverage is None else coverage,
        selectivity=aim.selectivity * selectivity,
        gradient=aim.gradient * gradient,
        minute=aim.minute * speed,
        shots=shots,
        isocenters=isocenters,
        minutes=minutes,
    )
