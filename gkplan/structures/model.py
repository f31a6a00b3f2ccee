"""A named region that the plan must hit or spare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gkplan.solids import Solid

Role = Literal["target", "oar"]


@dataclass(frozen=True, slots=True)
class Structure:
    """A target or an organ at risk (`role`), as a solid in Leksell mm."""

    name: str
    role: Role
    solid: Solid
