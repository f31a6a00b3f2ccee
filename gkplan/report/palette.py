"""Colours: one for each structure and collimator, the same in every panel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gkplan.case import Case
from gkplan.shot import BLOCKED
from gkplan.unit import RadiationUnit

# Warm hues for targets, dark ones for organs at risk: isodose lines are bright. All of them show
# on gray and on white.
_TARGET_COLORS = ("#e11d48", "#ea580c", "#c026d3", "#ca8a04", "#f472b6", "#7f1d1d")
_OAR_COLORS = (
    "#7c3aed", "#92400e", "#166534", "#1e40af", "#86198f", "#475569", "#4d7c0f", "#115e59",
)  # fmt: skip
_COLLIMATOR_COLORS = ("#a5d8e6", "#6db5d0", "#3b93b8", "#266f95", "#124a72")
_BLOCKED_COLOR = "#e4e4e7"


def structure_colors(case: Case) -> dict[str, str]:
    """Name of each structure to its colour."""
    return _cycle([s.name for s in case.targets], _TARGET_COLORS) | _cycle(
        [s.name for s in case.oars], _OAR_COLORS
    )


def collimator_colors(unit: RadiationUnit) -> dict[int, str]:
    """Sector state (collimator size in mm, 0 blocked) to its colour, darker for larger."""
    sizes = unit.collimator_sizes_mm
    place = np.linspace(0, len(_COLLIMATOR_COLORS) - 1, len(sizes)).round().astype(int)
    named = {size: _COLLIMATOR_COLORS[n] for size, n in zip(sizes, place, strict=True)}
    return {BLOCKED: _BLOCKED_COLOR, **named}


def _cycle(names: Sequence[str], colors: Sequence[str]) -> dict[str, str]:
    return {name: colors[n % len(colors)] for n, name in enumerate(names)}
