"""A radiation unit from its TOML file: shipped ones by name, a user's own by path."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from gkplan.errors import UnitError
from gkplan.files import sha256_of
from gkplan.frames import Array
from gkplan.unit.collimator import is_computed, read_collimator, sections_of_collimators
from gkplan.unit.layout import Layout
from gkplan.unit.model import Calibration, RadiationUnit
from gkplan.unit.section import Section

SCHEMA = "gkplan-unit/1"
_SPACE_MM = (-100.0, 400.0)


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
    path = _file_of(name)
    if path is not None:
        return read_unit(path)
    known = ", ".join(f"{n} ({', '.join(_other_names(p))})" for n, p in _shipped().items())
    raise UnitError(f"unknown unit {name!r}: expected {known}, or the path of a unit's TOML file")


def _file_of(name: str) -> Path | None:
    """The file of a unit that ships with gkplan, or the file of that name."""
    if Path(name).suffix == ".toml":
        return Path(name)
    for own, path in _shipped().items():
        if name.lower() in (own, *_other_names(path)):
            return path
    return None


def _other_names(path: Path) -> tuple[str, ...]:
    return _aliases(Section("unit", _table(path)[0]))


def read_unit(path: Path) -> RadiationUnit:
    """The unit in a TOML file; see `load_unit`."""
    table, content = _table(path)
    try:
        return _parse(table, sha256_of(content))
    except ValueError as error:
        raise UnitError(f"{path}: {error}") from error


def unit_table(name: str) -> dict[str, Any]:
    """The table in the file of a unit (its name, an alias or a path), once it has been checked."""
    load_unit(name)
    path = _file_of(name)
    assert path is not None
    return _table(path)[0]


def _table(path: Path) -> tuple[dict[str, Any], bytes]:
    try:
        content = path.read_bytes()
        return tomllib.loads(content.decode("utf-8")), content
    except OSError as error:
        raise UnitError(f"{path}: cannot read the unit file: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnitError(f"{path}: not a valid TOML file: {error}") from error


def _parse(table: Mapping[str, Any], sha256: str) -> RadiationUnit:
    unit = Section("unit", table)
    if table.get("schema") != SCHEMA:
        raise unit.wrong("schema", repr(SCHEMA), table.get("schema"))
    calibration = _calibration(unit.section("calibration"))
    sections = sections_of_collimators(unit)
    if calibration.collimator_mm not in sections:
        raise ValueError(f"[[collimator]]: no {calibration.collimator_mm} mm one to calibrate with")
    layout = Layout.read(unit)
    return RadiationUnit(
        name=unit.text("name"),
        aliases=_aliases(unit),
        title=unit.text("title"),
        version=unit.text("version"),
        n_sectors=layout.n_sectors,
        source_sector=layout.sector,
        source_ring=layout.ring,
        collimators=tuple(
            read_collimator(size, section, layout, unit) for size, section in sections.items()
        ),
        calibration=calibration,
        reach_mm=_reach(unit.section("reach")),
        profiles=_profiles(unit, sections),
        is_fitted=not any(map(is_computed, sections.values())),
        origin={str(k): str(v) for k, v in unit.section("origin").table.items()},
        sha256=sha256,
    )


def _calibration(table: Section) -> Calibration:
    return Calibration(
        dose_rate_gy_per_min=table.positive("dose_rate_gy_per_min"),
        date=table.date("date"),
        half_life_days=table.positive("half_life_days"),
        depth_mm=table.positive("depth_mm"),
        collimator_mm=table.whole("collimator_mm"),
    )


def _reach(table: Section) -> Array:
    spans = [table.numbers(f"{axis}_mm", *_SPACE_MM) for axis in "xyz"]
    if any(len(span) != 2 or not span[0] < span[1] for span in spans):
        raise ValueError("[reach]: x_mm, y_mm and z_mm need a lower and a higher number each")
    return np.array(spans).T


def _aliases(unit: Section) -> tuple[str, ...]:
    aliases = unit.table.get("aliases", [])
    if not isinstance(aliases, list):
        raise unit.wrong("aliases", "a list of names", aliases)
    return tuple(str(alias).lower() for alias in aliases)


def _profiles(unit: Section, collimators: Mapping[int, Section]) -> str:
    """Where the beams' profiles come from; nobody may take computed ones for fitted."""
    computed = [str(size) for size, table in collimators.items() if is_computed(table)]
    if computed:
        return f"not fitted ({', '.join(computed)} mm): computed from the channel's geometry"
    return unit.text("profiles") if "profiles" in unit else "as in the unit file, origin not stated"
