"""How a tissue repairs: constants from a TOML file, each with its origin."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from gkplan.errors import TissueError
from gkplan.files import sha256_of

SCHEMA = "gkplan-tissue/1"
DEFAULT_TISSUE = "normal-cns"
_NEED_ORIGIN = ("alpha_beta_gy", "component.half_time_h", "component.share")
# Outside these a number is in the wrong unit.
_ALPHA_BETA_GY, _HALF_TIME_H = (0.5, 50.0), (0.01, 100.0)


@dataclass(frozen=True, slots=True)
class TissueRepair:
    """Linear-quadratic constants of a tissue.

    Parameters
    ----------
    name, title : short, and for people
    alpha_beta_gy : the ratio alpha/beta
    half_times_min : half-time of each component of repair
    weights : its part of the quadratic effect; they add up to 1
    origin : where each group of numbers in the file comes from
    sha256 : fingerprint of the file
    """

    name: str
    title: str
    alpha_beta_gy: float
    half_times_min: tuple[float, ...]
    weights: tuple[float, ...]
    origin: Mapping[str, str]
    sha256: str

    @property
    def rates_per_min(self) -> tuple[float, ...]:
        """``mu = ln 2 / half-time`` of each component."""
        return tuple(float(np.log(2.0)) / t for t in self.half_times_min)


def _shipped() -> dict[str, Path]:
    folder = Path(str(files("gkplan.metrics"))) / "data"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def tissue_names() -> tuple[str, ...]:
    """Names of the tissues that ship with gkplan."""
    return tuple(_shipped())


def load_tissue(name: str = DEFAULT_TISSUE) -> TissueRepair:
    """The tissue called `name`, or the one in the TOML file `name`.

    Raises
    ------
    TissueError
        If there is no such tissue, or the file is not usable; the message names the file, the
        key, what was found and what was expected.

    Examples
    --------
    >>> load_tissue("normal-cns").alpha_beta_gy
    2.47
    """
    path = _shipped().get(name)
    if path is None:
        path = Path(name)
        if path.suffix != ".toml":
            known = ", ".join(tissue_names())
            raise TissueError(
                f"unknown tissue {name!r}: expected {known}, or the path of a tissue's TOML file"
            )
    try:
        content = path.read_bytes()
        return _parse(tomllib.loads(content.decode("utf-8")), sha256_of(content))
    except OSError as error:
        raise TissueError(f"{path}: cannot read the tissue: {error.strerror}") from error
    except KeyError as error:
        raise TissueError(f"{path}: missing key {error}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise TissueError(f"{path}: {error}") from error


def _parse(table: Mapping[str, Any], sha256: str) -> TissueRepair:
    if table.get("schema") != SCHEMA:
        raise ValueError(f"schema: expected {SCHEMA!r}, got {table.get('schema')!r}")
    components = table["component"]
    if not isinstance(components, list) or not components:
        raise ValueError("component: expected one [[component]] or more")
    shares = np.array([_within(c, "share", (0.0, 1e3)) for c in components])
    if not shares.sum() > 0.0:
        raise ValueError("[[component]] share: expected at least one positive number")
    origin = {str(key): str(text) for key, text in table.get("origin", {}).items()}
    for key in _NEED_ORIGIN:
        if not origin.get(key, "").strip():
            raise ValueError(f"[origin]: expected a text for {key!r} that says where it is from")
    return TissueRepair(
        name=str(table["name"]),
        title=str(table["title"]),
        alpha_beta_gy=_within(table, "alpha_beta_gy", _ALPHA_BETA_GY),
        half_times_min=tuple(60.0 * _within(c, "half_time_h", _HALF_TIME_H) for c in components),
        weights=tuple((shares / shares.sum()).tolist()),
        origin=origin,
        sha256=sha256,
    )


def _within(table: Mapping[str, Any], key: str, span: tuple[float, float]) -> float:
    value = float(table[key])
    low, high = span
    if not low <= value <= high:
        raise ValueError(f"{key}: expected {low:g} to {high:g}, got {value:g}")
    return value
