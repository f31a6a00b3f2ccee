"""What users call the engines."""

from __future__ import annotations

from gkplan.head import DepthRule

DEPTH_OF: dict[str, DepthRule] = {"tmr": "geometric", "tmr-radiological": "radiological"}
NAMES = (*DEPTH_OF, "montecarlo")


def tmr_name(depth: DepthRule) -> str:
    """How a user asks for `tmr` with that depth."""
    return next(name for name, rule in DEPTH_OF.items() if rule == depth)
