"""What planning gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gkplan.certificate import Certificate
from gkplan.planner.aim import Aim
from gkplan.shot import Shot


@dataclass(frozen=True, slots=True, eq=False)
class MadeShots:
    """Planned shots, the proof of their quality (None for functional ones), seconds by part.

    `aim` has the weights that the proof is about, where they are not those that were asked for.
    """

    shots: tuple[Shot, ...]
    certificate: Certificate | None
    seconds: Mapping[str, float]
    aim: Aim | None = None
