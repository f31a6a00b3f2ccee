"""One [[collimator]] table of a unit file: numbers a ring, and the profile of the beams."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gkplan.frames import Array
from gkplan.unit.channel import Channel, Spread, channel_steps
from gkplan.unit.layout import ELEVATION_DEG, Layout
from gkplan.unit.model import Collimator, OffAxisProfile
from gkplan.unit.section import Section

# Lowest and highest value that makes sense for a Co-60 unit; outside it the file is wrong.
_RANGE = {
    "output_factor": (0.05, 1.2),
    "ring_output_factor": (0.05, 1.2),
    "elevation_deg": ELEVATION_DEG,
    "virtual_distance_mm": (250.0, 1500.0),
    "attenuation_per_mm": (0.002, 0.02),
    "ring_width": (0.3, 3.0),
    "ring_edge": (0.1, 10.0),
    "ring_aim_mm": (-3.0, 3.0),
    "step_half_width_mm": (0.2, 100.0),
    "step_edge_mm": (0.05, 40.0),
    "step_weight": (0.0, 1.0),
    "transit_min": (0.0, 1.0),
}
# What a file may leave out: rings that are alike, aimed at the focus.
_DEFAULT = {"ring_output_factor": 1.0, "ring_width": 1.0, "ring_edge": 1.0, "ring_aim_mm": 0.0}
_PER_STEP = ("step_half_width_mm", "step_edge_mm", "step_weight")
_LARGEST_MM = 60
_FARTHEST_MM = 1500.0

Steps = tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]


def sections_of_collimators(unit: Section) -> dict[int, Section]:
    """The tables by size (mm), the smallest first."""
    tables = unit.table.get("collimator")
    if not isinstance(tables, list) or not tables:
        raise ValueError("[[collimator]]: missing; a unit needs at least one")
    found: dict[int, Section] = {}
    for number, table in enumerate(tables, start=1):
        if not isinstance(table, Mapping):
            raise ValueError(f"[[collimator]] {number}: expected a table, got {table!r}")
        size = Section(f"[[collimator]] {number}", table).whole("size_mm")
        if size in found:
            raise ValueError(f"[[collimator]] size_mm: {size} mm is there twice")
        if size > _LARGEST_MM:
            raise ValueError(f"[[collimator]] size_mm: expected 1 to {_LARGEST_MM}, got {size}")
        found[size] = Section(f"[[collimator]] {size} mm", table)
    return dict(sorted(found.items()))


def read_collimator(size_mm: int, table: Section, layout: Layout, unit: Section) -> Collimator:
    """All beams of the layout through one collimator."""
    of_source = layout.ring
    ring = {
        key: _per_ring(table, key, layout.n_rings)
        for key in (*_DEFAULT, "virtual_distance_mm", "attenuation_per_mm")
    }
    weight = ring["ring_output_factor"][of_source]
    half_width, edges, weight_of_step = _steps(table, unit)
    output = table.number("output_factor", *_RANGE["output_factor"])
    return Collimator(
        size_mm=size_mm,
        output_factor=output,
        directions=_directions(table, layout),
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
        minimum_time_min=table.positive("minimum_time_min"),
        transit_min=_number(table, "transit_min", 0.0),
    )


def is_computed(table: Section) -> bool:
    """Whether the profile of a collimator comes from the geometry of its channel."""
    return "aperture_mm" in table


def _directions(table: Section, layout: Layout) -> Array:
    if layout.fixed is None:
        return layout.directions(_per_ring(table, "elevation_deg", layout.n_rings))
    if "elevation_deg" in table:
        raise ValueError(f"{table.name} elevation_deg: does not go with [sources] directions")
    return layout.fixed


def _per_ring(table: Section, key: str, rings: int) -> Array:
    """One number a ring; a single number stands for all of them."""
    if key in _DEFAULT and key not in table:
        return np.full(rings, _DEFAULT[key])
    values = table.numbers(key, *_RANGE[key])
    if values.size == 1:
        values = np.repeat(values, rings)
    if values.shape != (rings,):
        wanted = f"one number or {rings}" if rings > 1 else "one number"
        raise ValueError(f"{table.name} {key}: expected {wanted}, got {values.size}")
    return values


def _number(table: Section, key: str, default: float) -> float:
    return table.number(key, *_RANGE[key]) if key in table else default


def _steps(table: Section, unit: Section) -> Steps:
    """Half-widths, edges and weights of the steps of a profile: given, or those of a channel."""
    if is_computed(table):
        if given := [key for key in _PER_STEP if key in table]:
            raise ValueError(f"{table.name} {given[0]}: does not go with aperture_mm; give one")
        return channel_steps(*_channel(table, unit))
    steps = [tuple(table.numbers(key, *_RANGE[key]).tolist()) for key in _PER_STEP]
    if len({len(values) for values in steps}) != 1 or not sum(steps[2]) > 0:
        raise ValueError(
            f"{table.name}: {', '.join(_PER_STEP)} need equally many numbers and a positive weight"
        )
    return steps[0], steps[1], steps[2]


def _channel(table: Section, unit: Section) -> tuple[Channel, Spread]:
    """The channel of the unit with the apertures of one collimator at its end."""
    shared, water = unit.section("channel"), unit.section("spread")
    distance = shared.number("source_distance_mm", 150.0, _FARTHEST_MM)
    apertures = [
        (float(place), float(radius))
        for part in (shared, table)
        for place, radius in part.rows("aperture_mm", 2, 0.05, _FARTHEST_MM)
    ]
    if beyond := [place for place, _ in apertures if place >= distance]:
        raise ValueError(
            f"{table.name} aperture_mm: expected places nearer to the focus than the source at "
            f"{distance:g} mm, got {beyond[0]:g}"
        )
    sigma, weight = water.numbers("sigma_mm", 0.0, 100.0), water.numbers("weight", 0.0, 1.0)
    if len(sigma) != len(weight) or not weight.sum() > 0.0:
        raise ValueError(
            "[spread]: sigma_mm and weight need equally many numbers and a positive weight"
        )
    diameter = shared.number("source_diameter_mm", 0.1, 10.0)
    return (
        Channel(diameter, distance, tuple(apertures)),
        Spread(tuple(sigma.tolist()), tuple(weight.tolist())),
    )
