"""The states of sectors as people write them: 4,8,8,B,B,8,8,4."""

from __future__ import annotations

from collections.abc import Sequence

from gkplan.errors import PlanError
from gkplan.shot import BLOCKED
from gkplan.unit import RadiationUnit


def sectors_text(states: Sequence[int]) -> str:
    """ "8 mm" where all are alike, else the sizes in order with B for blocked."""
    if len(set(states)) == 1 and states[0] != BLOCKED:
        return f"{states[0]} mm"
    return ",".join("B" if state == BLOCKED else str(state) for state in states)


def opened(states: Sequence[int], unit: RadiationUnit) -> tuple[int, ...]:
    """The state of each sector of a unit; a single one stands for all sectors."""
    return tuple(states) * unit.n_sectors if len(states) == 1 else tuple(states)


def parse_sectors(text: str) -> tuple[int, ...]:
    """The states in "4,8,8,B,B,8,8,4", or in "8" for all sectors alike or a helmet.

    Whether a unit has them is for the plan to check.
    """
    words = [word.strip().upper() for word in text.split(",")]
    if not all(word == "B" or word.isdecimal() for word in words):
        raise PlanError(
            f"sectors {text!r}: expected collimator sizes and B for blocked, as in 4,8,8,B,B,8,8,4"
        )
    return tuple(BLOCKED if word == "B" else int(word) for word in words)
