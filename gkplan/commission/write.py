"""A commissioned unit as a unit file, and the account of its fit as text."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gkplan.commission.fit import Fit
from gkplan.commission.model import NAMES, SPREAD
from gkplan.frames import Array

FITTED = (
    "collimator.elevation_deg, virtual_distance_mm, attenuation_per_mm, ring_output_factor, "
    "ring_*, step_*"
)


def commissioned_table(base: Mapping[str, Any], fits: Sequence[Fit], source: str) -> dict[str, Any]:
    """The base unit's table with the fitted numbers and where they come from."""
    table = {key: value for key, value in base.items() if key not in ("collimator", "origin")}
    by_size = {fit.collimator_mm: fit for fit in fits}
    table["collimator"] = [
        {**entry, **_fitted(by_size[int(entry["size_mm"])])}
        if int(entry["size_mm"]) in by_size
        else dict(entry)
        for entry in base["collimator"]
    ]
    worst = max(max(fit.excess.values()) for fit in fits)
    sizes = ", ".join(f"{fit.collimator_mm}" for fit in fits)
    table["origin"] = {
        **{k: v for k, v in base["origin"].items() if k != FITTED},
        FITTED: f"{sizes} mm: fitted by gkplan commission to {source}; largest difference that "
        f"0.1 mm does not explain {100 * worst:.2f} % of the maximum; angles uncertain by degrees",
    }
    return table


def _fitted(fit: Fit) -> dict[str, Any]:
    rings = fit.rings
    order = np.argsort(fit.half_width_mm)
    return {
        "elevation_deg": _rounded(rings.elevation_deg, 3),
        "virtual_distance_mm": _rounded(rings.virtual_distance_mm, 2),
        "attenuation_per_mm": round(rings.attenuation_per_mm, 6),
        "ring_output_factor": _rounded(rings.output_factor / rings.output_factor.max(), 4),
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


def account(fits: Sequence[Fit], predicted: Mapping[str, float]) -> str:
    """Residuals, uncertainties, what the data do not determine, and the profiles left out."""
    lines = ["profile    largest difference   not within 0.1 mm   predicted when left out"]
    for fit in fits:
        for name, deviation in fit.deviation.items():
            left_out = predicted.get(name)
            text = f"{100 * left_out:.2f} %" if left_out is not None else "-"
            lines.append(
                f"{name:9s}  {100 * deviation:8.2f} %           {100 * fit.excess[name]:8.2f} %"
                f"        {text:>10s}"
            )
    for fit in fits:
        lines += ["", f"{fit.collimator_mm} mm: parameter, value, standard uncertainty"]
        for name, value, sigma, known in zip(
            NAMES, fit.parameters, fit.sigma, fit.determined, strict=True
        ):
            note = "" if known else "   NOT determined by these profiles"
            lines.append(f"  {name:28s} {value:10.4f} +- {sigma:.4f}{note}")
        lines += [
            f"  correlated: {NAMES[i]} and {NAMES[j]} ({fit.correlation[i, j]:+.2f})"
            for i in range(len(SPREAD))
            for j in range(i)
            if abs(fit.correlation[i, j]) > 0.95
        ]
    return "\n".join(lines) + "\n"
