"""Common shots by name, from `library.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files

from gkplan.errors import PlanError


@dataclass(frozen=True, slots=True)
class LibraryShot:
    """The sectors of a shot under a name; `origin` says where they come from."""

    name: str
    sectors: tuple[int, ...]
    description: str
    origin: str


def library_shots() -> tuple[LibraryShot, ...]:
    """All shots of the library, in the order of its file."""
    table = tomllib.loads((files("gkplan.forward") / "library.toml").read_text(encoding="utf-8"))
    return tuple(
        LibraryShot(s["name"], tuple(s["sectors"]), s["description"], s["origin"])
        for s in table["shot"]
    )


def library_shot(name: str) -> LibraryShot:
    """The shot called `name`.

    Examples
    --------
    >>> library_shot("8mm-no-left").sectors
    (0, 8, 8, 8, 8, 8, 8, 0)
    """
    every = library_shots()
    for shot in every:
        if shot.name == name:
            return shot
    # All names would be more than a sentence.
    known = ", ".join(s.name for s in every[:4])
    raise PlanError(
        f"no shot {name!r} in the library; expected a name like {known} (gkplan shots library "
        f"lists all), or sectors like 4,8,8,B,B,8,8,4"
    )
