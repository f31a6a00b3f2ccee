"""A commissioned unit as a unit file, with where its numbers come from."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import numpy as np

from gkplan.commission.fit import CollimatorFit, Fit
from gkplan.frames import Array

FITTED = (
    "collimator.elevation_deg, virtual_distance_mm, attenuation_per_mm, ring_output_factor, "
    "ring_*, step_*"
)
# The origin of steps that come from the geometry of a channel, until all are fitted.
COMPUTED = "collimator.step_*"


def commissioned_table(base: Mapping[str, Any], fit: Fit, source: str) -> dict[str, Any]:
    """The base unit's table with the fitted numbers and where they come from."""
    table = {key: value for key, value in base.items() if key not in ("collimator", "origin")}
    by_size = {c.size_mm: c for c in fit.collimators}
    table["collimator"] = [
        {**_without_channel(entry), **_fitted(by_size[int(entry["size_mm"])])}
        if int(entry["size_mm"]) in by_size
        else dict(entry)
        for entry in base["collimator"]
    ]
    worst = max(a.beyond_shift for c in fit.collimators for a in c.agreement.values())
    sizes = ", ".join(map(str, by_size))
    replaced = {FITTED, *(() if any(map(_is_computed, table["collimator"])) else (COMPUTED,))}
    table["profiles"] = f"fitted by gkplan commission to {source}"
    table["origin"] = {
        **{k: v for k, v in base["origin"].items() if k not in replaced},
        FITTED: f"{sizes} mm: fitted by gkplan commission to {source}; largest difference that "
        f"0.1 mm does not explain {100 * worst:.2f} % of the maximum; angles uncertain by degrees; "
        f"profiles held against a blurred aperture with the spread in water of the unit 4c",
    }
    return table


def _is_computed(entry: Mapping[str, Any]) -> bool:
    return "aperture_mm" in entry


def _without_channel(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A collimator whose profile is fitted is no longer computed from its apertures."""
    return {key: value for key, value in entry.items() if key != "aperture_mm"}


def _fitted(fit: CollimatorFit) -> dict[str, Any]:
    rings = fit.rings
    order = np.argsort(fit.half_width_mm)
    return {
        "elevation_deg": _rounded(rings.elevation_deg, 3),
        "virtual_distance_mm": _rounded(rings.virtual_distance_mm, 2),
        "attenuation_per_mm": round(rings.attenuation_per_mm, 6),
        "ring_output_factor": _rounded(rings.output_factor / rings.output_factor.max(), 4),
        "ring_aim_mm": _rounded(rings.aim_mm, 4),
        "ring_width": _rounded(rings.width, 5),
        "ring_edge": _rounded(rings.edge, 5),
        "step_half_width_mm": _rounded(fit.half_width_mm[order], 4),
        "step_edge_mm": _rounded(fit.edge_mm[order], 4),
        "step_weight": _rounded(fit.weight[order], 6),
    }


def _rounded(values: Array, digits: int) -> list[float]:
    return [round(float(v), digits) for v in values]


def toml_text(table: Mapping[str, Any]) -> str:
    """A table of scalars, lists, tables and lists of tables as TOML."""
    lines = [f"{_key(k)} = {_value(v)}" for k, v in table.items() if not _nested(v)]
    for name, value in table.items():
        if isinstance(value, Mapping):
            lines += ["", f"[{_key(name)}]"]
            lines += [f"{_key(k)} = {_value(v)}" for k, v in value.items()]
        elif _nested(value):
            for entry in value:
                lines += ["", f"[[{_key(name)}]]"]
                lines += [f"{_key(k)} = {_value(v)}" for k, v in entry.items()]
    return "\n".join(lines) + "\n"


def _nested(value: object) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)
    )


def _key(key: str) -> str:
    plain = key.replace("_", "").replace("-", "")
    return key if plain.isalnum() and plain.isascii() else _value(key)


def _value(value: object) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, list):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    return repr(value)
