"""The indicator box: nine fiducial rods at known places of the Leksell frame."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from gkplan.errors import FrameError
from gkplan.frames import Array


@dataclass(frozen=True, slots=True)
class Rod:
    """A straight fiducial between two Leksell points; `plate` and `kind` name it."""

    plate: str
    kind: str
    start_mm: tuple[float, float, float]
    end_mm: tuple[float, float, float]

    @property
    def name(self) -> str:
        return f"{self.plate} plate, {self.kind} rod"

    @property
    def direction(self) -> Array:
        """Unit vector (3,) from start to end; its z is positive (inferior) for every rod."""
        along = np.subtract(self.end_mm, self.start_mm)
        return np.asarray(along / np.linalg.norm(along))


@dataclass(frozen=True, slots=True)
class Box:
    """A version of the indicator box: three plates of three rods that form an N each."""

    name: str
    title: str
    source: str
    rods: tuple[Rod, ...]

    @property
    def starts(self) -> Array:
        """(n, 3) Leksell mm."""
        return np.array([rod.start_mm for rod in self.rods])

    @property
    def directions(self) -> Array:
        """(n, 3) unit vectors, Leksell axes."""
        return np.array([rod.direction for rod in self.rods])

    @property
    def lengths(self) -> Array:
        """(n,) mm."""
        return np.array([np.linalg.norm(np.subtract(r.end_mm, r.start_mm)) for r in self.rods])


def box_names() -> tuple[str, ...]:
    return tuple(_tables())


def load_box(name: str) -> Box:
    """The box of that name in ``data/boxes.toml``.

    Raises
    ------
    FrameError
        Naming the boxes that there are.
    """
    tables = _tables()
    if name not in tables:
        raise FrameError(f"unknown indicator box {name!r}; there are: {', '.join(tables)}")
    table = tables[name]
    low, high = table["low_mm"], table["high_mm"]
    rods = [
        *_lateral("right", table["right_x_mm"], low, high),
        *_lateral("left", table["left_x_mm"], low, high),
        *_anterior(table["anterior_y_mm"], low, high),
    ]
    return Box(name, table["title"], table["source"], tuple(rods))


@cache
def _tables() -> dict[str, dict]:  # type: ignore[type-arg]
    text = files("gkplan.localizer").joinpath("data/boxes.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _lateral(plate: str, x: float, low: float, high: float) -> list[Rod]:
    return [
        Rod(plate, "posterior", (x, low, low), (x, low, high)),
        Rod(plate, "diagonal", (x, low, low), (x, high, high)),
        Rod(plate, "anterior", (x, high, low), (x, high, high)),
    ]


def _anterior(y: float, low: float, high: float) -> list[Rod]:
    return [
        Rod("anterior", "right", (low, y, low), (low, y, high)),
        Rod("anterior", "diagonal", (low, y, low), (high, y, high)),
        Rod("anterior", "left", (high, y, low), (high, y, high)),
    ]
