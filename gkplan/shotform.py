"""Shots as plan.json writes them: with sectors, or with a helmet and what is plugged in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gkplan.errors import GkplanError, PlanError
from gkplan.shot import Shot


def shot_table(shot: Shot) -> dict[str, Any]:
    """A shot as plan.json holds it."""
    if shot.has_helmet:
        opened = {"collimator_mm": shot.collimator_mm, "plugged": list(shot.plugged)}
    else:
        opened = {"sectors": list(shot.sectors)}
    return {
        "isocenter_mm": list(shot.isocenter_mm),
        **opened,
        "time_min": shot.time_min,
        "gamma_angle_deg": shot.gamma_angle_deg,
        "target": shot.target,
    }


def read_shot(entry: Mapping[str, Any], number: int) -> Shot:
    """The inverse of `shot_table`; `number` (from 1) is for messages.

    Raises
    ------
    PlanError
        Naming the shot and the key.
    """
    try:
        x, y, z = (float(c) for c in entry["isocenter_mm"])
        sectors, plugged = _opened(entry)
        gamma = float(entry.get("gamma_angle_deg", 90.0))
        target = str(entry.get("target", ""))
        return Shot((x, y, z), sectors, float(entry["time_min"]), gamma, target, plugged)
    except KeyError as error:
        raise PlanError(f"shot {number}: missing key {error}") from error
    except (TypeError, ValueError, AttributeError, GkplanError) as error:
        raise PlanError(f"shot {number}: {error}") from error


def _opened(entry: Mapping[str, Any]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The states of the sectors, and the sources that are plugged."""
    if "collimator_mm" not in entry:
        if "plugged" in entry:
            raise ValueError("plugged goes with collimator_mm, for a unit with helmets")
        return _wholes("sectors", entry["sectors"]), ()
    if "sectors" in entry:
        raise ValueError("expected sectors or collimator_mm, got both")
    return _wholes("collimator_mm", [entry["collimator_mm"]]), _wholes(
        "plugged", entry.get("plugged", [])
    )


def _wholes(key: str, values: Any) -> tuple[int, ...]:
    if any(int(v) != v for v in values):
        raise ValueError(f"{key} must be whole numbers")
    return tuple(int(v) for v in values)
