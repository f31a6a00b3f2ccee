"""A radiation unit from its TOML file: shipped ones by name, a user's own by path."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from gkplan.errors import UnitError
from gkplan.files import sha256_of
from gkplan.frames import Array
from gkplan.unit.model import (
    Calibration,
    Collimator,
    OffAxisProfile,
    RadiationUnit,
    ring_directions,
)

SCHEMA = "gkplan-unit/1"
_PER_RING = (
    "ring_output_factor",
    "elevation_deg",
    "virtual_distance_mm",
    "attenuation_per_mm",
    "ring_width",
    "ring_edge",
)
# What a file may leave out.
_DEFAULT = {"ring_aim_mm": 0.0}
_PER_STEP = ("step_half_width_mm", "step_edge_mm", "step_weight")
# Lowest and highest value that makes sense for a Co-60 unit; outside it the file is wrong.
_RANGE = {
    "ring_output_factor": (0.05, 1.2),
    "elevation_deg": (-30.0, 85.0),
    "virtual_distance_mm": (150.0, 1500.0),
    "attenuation_per_mm": (0.002, 0.02),
    "ring_width": (0.3, 3.0),
    "ring_edge": (0.1, 10.0),
    "ring_aim_mm": (-3.0, 3.0),
    "step_half_width_mm": (0.2, 100.0),
    "step_edge_mm": (0.05, 40.0),
    "step_weight": (0.0, 1.0),
}


def _shipped() -> dict[str, Path]:
    folder = Path(str(files("gkplan.unit"))) / "data"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def unit_names() -> tuple[str, ...]:
    """Names of the units that ship with gkplan."""
    return tuple(_shipped())


def load_unit(name: str) -> RadiationUnit:
    """The unit called `name` (or an alias of it), or the one in the TOML file `name`.

    Raises
    ------
    UnitError
        If there is no such unit, or the file is not a usable unit; the message names table,
        key, what was found and what was expected.

    Examples
    --------
    >>> load_unit("icon").name
    'perfexion'
    """
    shipped = _shipped()
    if name in shipped:
        return read_unit(shipped[name])
    path = Path(name)
    if path.suffix == ".toml":
        return read_unit(path)
    for candidate in shipped.values():
        unit = read_unit(candidate)
        if name.lower() in unit.aliases:
            return unit
    known = ", ".join(
        f"{u.name} ({', '.join(u.aliases)})" for u in map(read_unit, shipped.values())
    )
    raise UnitError(f"unknown unit {name!r}: expected {known}, or the path of a unit's TOML file")


def read_unit(path: Path) -> RadiationUnit:
    """The unit in a TOML file; see `load_unit`."""
    table, content = _table(path)
    try:
        return _parse(table, sha256_of(content))
    except (ValueError, TypeError, KeyError) as error:
        text = f"missing key {error}" if isinstance(error, KeyError) else str(error)
        raise UnitError(f"{path}: {text}") from error


def unit_table(name: str) -> dict[str, Any]:
    """The table in the file of a unit (its name, an alias or a path), once it has been checked."""
    unit = load_unit(name)
    shipped = _shipped()
    path = shipped.get(unit.name) if name not in shipped and Path(name).suffix != ".toml" else None
    return _table(path or shipped.get(name) or Path(name))[0]


def _table(path: Path) -> tuple[dict[str, Any], bytes]:
    try:
        content = path.read_bytes()
        return tomllib.loads(content.decode("utf-8")), content
    except OSError as error:
        raise UnitError(f"{path}: cannot read the unit file: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnitError(f"{path}: not a valid TOML file: {error}") from error


def _parse(table: Mapping[str, Any], sha256: str) -> RadiationUnit:
    if table.get("schema") != SCHEMA:
        raise ValueError(f"schema: expected {SCHEMA!r}, got {table.get('schema')!r}")
    sectors = table["sectors"]
    n_sectors = int(sectors["count"])
    per_sector = tuple(int(n) for n in sectors["sources_per_ring"])
    if n_sectors < 1 or not per_sector or min(per_sector) < 1:
        raise ValueError("[sectors]: count and sources_per_ring must be positive")
    if int(sectors["sense"]) not in (1, -1):
        raise ValueError(f"[sectors] sense: expected 1 or -1, got {sectors['sense']!r}")
    stated = int(sectors["sources_per_sector"])
    if sum(per_sector) != stated:
        raise ValueError(
            f"[sectors] sources_per_ring adds up to {sum(per_sector)}, "
            f"sources_per_sector says {stated}"
        )
    cal = table["calibration"]
    calibration = Calibration(
        dose_rate_gy_per_min=_positive(cal, "dose_rate_gy_per_min", "[calibration]"),
        date=_date(cal["date"]),
        half_life_days=_positive(cal, "half_life_days", "[calibration]"),
        depth_mm=_positive(cal, "depth_mm", "[calibration]"),
        collimator_mm=int(cal["collimator_mm"]),
    )
    tables = {int(c["size_mm"]): c for c in table["collimator"]}
    if calibration.collimator_mm not in tables:
        raise ValueError(f"[[collimator]]: no {calibration.collimator_mm} mm one to calibrate with")
    geometry = (per_sector, n_sectors, float(sectors["first_azimuth_deg"]), int(sectors["sense"]))
    collimators = tuple(_collimator(tables[size], geometry) for size in sorted(tables))
    reach = np.array([table["reach"][f"{axis}_mm"] for axis in "xyz"], dtype=np.float64).T
    if reach.shape != (2, 3) or not (reach[0] < reach[1]).all():
        raise ValueError("[reach]: x_mm, y_mm and z_mm need a lower and a higher number each")
    ring_of_source = np.repeat(np.arange(len(per_sector)), per_sector)
    return RadiationUnit(
        name=str(table["name"]),
        aliases=tuple(str(a).lower() for a in table.get("aliases", [])),
        title=str(table["title"]),
        version=str(table["version"]),
        n_sectors=n_sectors,
        source_sector=np.repeat(np.arange(n_sectors), sum(per_sector)),
        source_ring=np.tile(ring_of_source, n_sectors),
        collimators=collimators,
        calibration=calibration,
        reach_mm=reach,
        origin={str(k): str(v) for k, v in table["origin"].items()},
        sha256=sha256,
    )


def _collimator(
    table: Mapping[str, Any], geometry: tuple[tuple[int, ...], int, float, int]
) -> Collimator:
    size = int(table["size_mm"])
    per_sector, n_sectors, first_azimuth, sense = geometry
    ring = {key: _per_ring(table, key, len(per_sector), size) for key in (*_PER_RING, *_DEFAULT)}
    output = _positive(table, "output_factor", f"[[collimator]] {size} mm")
    if output > 1.2:
        raise ValueError(
            f"[[collimator]] {size} mm output_factor: expected at most 1.2, got {output}"
        )
    of_source = np.tile(np.repeat(np.arange(len(per_sector)), per_sector), n_sectors)
    weight = ring["ring_output_factor"][of_source]
    half_width, edges, weight_of_step = _steps(table, size)
    return Collimator(
        size_mm=size,
        output_factor=output,
        directions=ring_directions(
            ring["elevation_deg"], per_sector, n_sectors, first_azimuth, sense
        ),
        aim_mm=ring["ring_aim_mm"][of_source],
        virtual_distance_mm=ring["virtual_distance_mm"][of_source],
        attenuation_per_mm=ring["attenuation_per_mm"][of_source],
        relative_output=output * weight / weight.sum(),
        profile_index=of_source,
        profiles=tuple(
            OffAxisProfile(half_width, tuple(edge * s for s in edges), weight_of_step, width)
            for width, edge in zip(
                ring["ring_width"].tolist(), ring["ring_edge"].tolist(), strict=True
            )
        ),
        minimum_time_min=_positive(table, "minimum_time_min", f"[[collimator]] {size} mm"),
        transit_min=_transit(table, size),
    )


def _per_ring(table: Mapping[str, Any], key: str, rings: int, size: int) -> Array:
    """One number a ring; a single number stands for all of them."""
    where = f"[[collimator]] {size} mm {key}"
    values = np.atleast_1d(np.asarray({**_DEFAULT, **table}[key], dtype=np.float64))
    if values.size == 1:
        values = np.repeat(values, rings)
    if values.shape != (rings,):
        raise ValueError(f"{where}: expected one number or {rings}, got {values.size}")
    low, high = _RANGE[key]
    if not ((values >= low) & (values <= high)).all():
        raise ValueError(f"{where}: expected numbers in {low} to {high}, got {values.tolist()}")
    return values


def _steps(table: Mapping[str, Any], size: int) -> list[tuple[float, ...]]:
    """Half-widths, edges and weights of the steps of a collimator's profile."""
    steps = []
    for key in _PER_STEP:
        where = f"[[collimator]] {size} mm {key}"
        values = np.asarray(table[key], dtype=np.float64)
        low, high = _RANGE[key]
        if values.ndim != 1 or not ((values >= low) & (values <= high)).all():
            raise ValueError(f"{where}: expected a list of numbers in {low} to {high}")
        steps.append(tuple(values.tolist()))
    if len({len(values) for values in steps}) != 1 or not sum(steps[2]) > 0:
        raise ValueError(
            f"[[collimator]] {size} mm: {', '.join(_PER_STEP)} need equally many numbers and a "
            f"positive weight"
        )
    return steps


def _transit(table: Mapping[str, Any], size: int) -> float:
    minutes = float(table.get("transit_min", 0.0))
    if not 0.0 <= minutes <= 1.0:
        raise ValueError(
            f"[[collimator]] {size} mm transit_min: expected 0 to 1 minute, got {minutes}"
        )
    return minutes


def _positive(table: Mapping[str, Any], key: str, where: str) -> float:
    value = float(table[key])
    if not 0.0 < value < np.inf:
        raise ValueError(f"{where} {key}: expected a positive number, got {value}")
    return value


def _date(value: object) -> date:
    if not isinstance(value, date):
        raise ValueError(f"[calibration] date: expected a TOML date like 2026-01-01, got {value!r}")
    return value
