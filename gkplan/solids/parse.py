"""Solids from the tables of a phantom file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gkplan.frames import LEKSELL_CENTER_MM
from gkplan.solids.base import Solid
from gkplan.solids.boolean import Difference, Intersection, Union
from gkplan.solids.primitives import Capsule, Ellipsoid, HalfSpace
from gkplan.solids.radii import solid_from_radii
from gkplan.solids.stl import read_stl

_KINDS = "ellipsoid, capsule, half_space, mesh, radii, union, intersection, difference"


def parse_solid(table: object, where: str) -> Solid:
    """The solid that `table` describes; `where` names it in error messages.

    Raises
    ------
    ValueError
        With the place and what was expected, for anything that is not a solid.
    """
    if not isinstance(table, Mapping) or len(table) != 1:
        raise ValueError(f"{where}: expected a table with one of {_KINDS}, got {table!r}")
    ((kind, body),) = table.items()
    parse = _PARSERS.get(kind)
    if parse is None:
        raise ValueError(f"{where}: unknown shape {kind!r}, expected one of {_KINDS}")
    where = f"{where}.{kind}"
    try:
        return parse(body, where)
    except (ValueError, TypeError) as error:
        text = str(error)
        raise ValueError(text if text.startswith(where) else f"{where}: {text}") from error


def _ellipsoid(body: Any, where: str) -> Solid:
    keys(body, {"center_mm", "semi_axes_mm"}, {"turn_deg"}, where)
    turn = point(body, "turn_deg", where) if "turn_deg" in body else (0.0, 0.0, 0.0)
    return Ellipsoid(point(body, "center_mm", where), point(body, "semi_axes_mm", where), turn)


def _capsule(body: Any, where: str) -> Solid:
    keys(body, {"start_mm", "end_mm", "radius_mm"}, set(), where)
    ends = (point(body, "start_mm", where), point(body, "end_mm", where))
    return Capsule(*ends, number(body, "radius_mm", where))


def _half_space(body: Any, where: str) -> Solid:
    keys(body, {"point_mm", "normal"}, set(), where)
    return HalfSpace(point(body, "point_mm", where), point(body, "normal", where))


def _mesh(body: Any, where: str) -> Solid:
    if not isinstance(body, str):
        raise ValueError(f"{where}: expected the name of an STL file, got {body!r}")
    return read_stl(Path(body))


def _radii(body: Any, where: str) -> Solid:
    keys(body, {"radii_mm"}, {"directions", "center_mm"}, where)
    center = point(body, "center_mm", where) if "center_mm" in body else LEKSELL_CENTER_MM
    return solid_from_radii(body["radii_mm"], body.get("directions"), center)


def _parts(body: Any, where: str) -> tuple[Solid, ...]:
    if not isinstance(body, list) or not body:
        raise ValueError(f"{where}: expected a list of shapes")
    return tuple(parse_solid(part, f"{where}[{n}]") for n, part in enumerate(body))


def _difference(body: Any, where: str) -> Solid:
    parts = _parts(body, where)
    if len(parts) < 2:
        raise ValueError(f"{where}: expected a shape and at least one to remove")
    return Difference(parts[0], parts[1:])


_PARSERS: dict[str, Callable[[Any, str], Solid]] = {
    "ellipsoid": _ellipsoid,
    "capsule": _capsule,
    "half_space": _half_space,
    "mesh": _mesh,
    "radii": _radii,
    "union": lambda body, where: Union(_parts(body, where)),
    "intersection": lambda body, where: Intersection(_parts(body, where)),
    "difference": _difference,
}


def keys(body: object, required: set[str], optional: set[str], where: str) -> None:
    """Refuse a table that lacks a required key or has one that nobody reads."""
    if not isinstance(body, Mapping):
        raise ValueError(f"{where}: expected a table, got {body!r}")
    if missing := sorted(required - set(body)):
        raise ValueError(f"{where}: missing {', '.join(missing)}")
    if unknown := sorted(set(body) - required - optional):
        expected = ", ".join(sorted(required | optional))
        raise ValueError(f"{where}: unknown key {', '.join(unknown)}; expected {expected}")


def number(body: Mapping[str, Any], key: str, where: str) -> float:
    """A finite number."""
    value = body[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        raise ValueError(f"{where}.{key}: expected a finite number, got {value!r}")
    return float(value)


def point(body: Mapping[str, Any], key: str, where: str) -> tuple[float, float, float]:
    """Three finite numbers."""
    value = body[key]
    if not isinstance(value, list) or len(value) != 3:
        raise ValueError(f"{where}.{key}: expected three numbers, got {value!r}")
    x, y, z = (number({key: v}, key, where) for v in value)
    return x, y, z
