"""Where the sources of a unit are: in sectors and rings, or as a list of directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.unit.section import Section

# The lowest and highest elevation that a source of a Gamma Knife can have.
ELEVATION_DEG = (-30.0, 85.0)
# A direction's length is 1 to within what people round it to; it is then made so.
_ROUNDING = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Sources (n) sorted by sector, then ring.

    Parameters
    ----------
    sector, ring : (n,) 0-based
    azimuth_deg : (n,) from +x (left) toward +y (anterior); NaN where `fixed` says it all
    fixed : (n, 3) unit vectors from the focus to the sources, unit frame, if every collimator has
        the same; otherwise each collimator has elevations of its own for the rings
    """

    n_sectors: int
    sector: NDArray[np.int64]
    ring: NDArray[np.int64]
    azimuth_deg: Array
    fixed: Array | None = None

    @property
    def n_rings(self) -> int:
        return int(self.ring.max()) + 1

    @classmethod
    def read(cls, unit: Section) -> Layout:
        """From the tables [sectors], and [sources] if there is one, of a unit file."""
        return _listed(unit) if "sources" in unit else _ringed(unit)

    def directions(self, elevation_deg: Array) -> Array:
        """Unit vectors (n, 3), unit frame, for the elevation of each ring.

        Elevation is the angle above the transverse plane toward the vertex, that is toward -z.
        """
        elevation, azimuth = np.deg2rad(elevation_deg)[self.ring], np.deg2rad(self.azimuth_deg)
        flat = np.cos(elevation)
        return np.stack(
            [flat * np.cos(azimuth), flat * np.sin(azimuth), -np.sin(elevation)], axis=1
        )


def _ringed(unit: Section) -> Layout:
    """A sector spans ``360 / count`` degrees, and each is the one before turned by as much.

    The k sources of a ring sit at its (1/2, 3/2, ...)/k unless `azimuth_deg` lists them.
    """
    table = unit.section("sectors")
    count, per_ring = table.whole("count"), table.wholes("sources_per_ring")
    stated = table.whole("sources_per_sector")
    if sum(per_ring) != stated:
        raise ValueError(
            f"[sectors] sources_per_ring adds up to {sum(per_ring)}, sources_per_sector says "
            f"{stated}; the two must agree"
        )
    sense = table.value("sense")
    if sense not in (1, -1):
        raise table.wrong("sense", "1 or -1", sense)
    width = 360.0 / count
    rings = [width * (np.arange(n) + 0.5) / n for n in per_ring]
    if "azimuth_deg" in table:
        rings = _azimuths(table, per_ring)
    first = table.number("first_azimuth_deg", -360.0, 360.0)
    within = np.concatenate(rings)
    turn = (width * np.arange(count))[:, None] + within
    ring = np.repeat(np.arange(len(per_ring)), per_ring)
    return Layout(
        count,
        np.repeat(np.arange(count), stated),
        np.tile(ring, count),
        first + int(sense) * turn.ravel(),
    )


def _azimuths(table: Section, per_ring: tuple[int, ...]) -> list[Array]:
    given = table.value("azimuth_deg")
    if not isinstance(given, list) or len(given) != len(per_ring):
        raise table.wrong("azimuth_deg", f"a list for each of the {len(per_ring)} rings", given)
    rings = []
    for number, (row, count) in enumerate(zip(given, per_ring, strict=True), start=1):
        key = f"azimuth_deg, ring {number}"
        angles = Section(table.name, {key: row}).numbers(key, -360.0, 360.0)
        if len(angles) != count:
            raise ValueError(
                f"[sectors] azimuth_deg, ring {number}: expected {count} angles, as "
                f"sources_per_ring says, got {len(angles)}"
            )
        rings.append(angles)
    return rings


def _listed(unit: Section) -> Layout:
    """Directions that are the same for every collimator, all in one ring."""
    table, sectors = unit.section("sources"), unit.section("sectors")
    given = table.rows("directions", 3, -1.0 - _ROUNDING, 1.0 + _ROUNDING)
    length = np.linalg.norm(given, axis=1)
    count, each = sectors.whole("count"), sectors.whole("sources_per_sector")
    if len(given) != count * each:
        raise ValueError(
            f"[sources] directions: expected {count} x {each} = {count * each}, as [sectors] "
            f"says, got {len(given)}"
        )
    if extra := [k for k in ("sources_per_ring", "azimuth_deg") if k in sectors]:
        raise ValueError(f"[sectors] {extra[0]}: does not go with [sources] directions")
    wrong = np.flatnonzero(np.abs(length - 1.0) > _ROUNDING)
    if len(wrong):
        n = int(wrong[0])
        raise ValueError(
            f"[sources] directions, source {n + 1}: expected a unit vector, got one of length "
            f"{length[n]:.4g}"
        )
    directions = given / length[:, None]
    elevation = np.rad2deg(np.arcsin(-directions[:, 2]))
    low, high = ELEVATION_DEG
    wrong = np.flatnonzero((elevation < low) | (elevation > high))
    if len(wrong):
        n = int(wrong[0])
        raise ValueError(
            f"[sources] directions, source {n + 1}: expected an elevation (toward -z) of {low:g} "
            f"to {high:g} degrees, got {elevation[n]:.4g}"
        )
    n = len(directions)
    return Layout(
        count,
        np.repeat(np.arange(count), each),
        np.zeros(n, dtype=np.int64),
        np.full(n, np.nan),
        directions,
    )
