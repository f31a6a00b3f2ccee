"""Where photons start: the beams of a unit."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gkplan.dose.beams import Beams
from gkplan.frames import Array
from gkplan.montecarlo.fluence import Fluence, fluences_of
from gkplan.montecarlo.materials import cobalt_lines
from gkplan.montecarlo.pencil import shipped_pencil
from gkplan.unit import RadiationUnit

if TYPE_CHECKING:
    from gkplan.kernels.matter import Source


@cache
def _shapes(unit: RadiationUnit, scattered: float) -> tuple[Fluence, ...]:
    """Photons across every off-axis profile of a unit, in the order of `Beams.profile`."""
    pencil = shipped_pencil(scattered)
    return tuple(f for c in unit.collimators for f in fluences_of(c, pencil))


def beam_source(unit: RadiationUnit, beams: Beams, scattered: float = 0.0) -> tuple[Source, float]:
    """The beams as a source of photons, and how many photons all of them give together.

    `scattered` is the fraction of the photons that have lost energy, see `cobalt_lines`.

    Notes
    -----
    A beam has as many photons as give its `output` at the centre of the calibration sphere,
    so that the sphere's dose rate is the calibration's. Rays come from the virtual source.
    """
    from gkplan.kernels.matter import Source

    shapes = _shapes(unit, scattered)
    per_gy = np.array([f.area_mm2 / f.dose_gy_mm2 for f in shapes])
    photons = per_gy[beams.profile] * beams.output
    energy, share = cobalt_lines(scattered)
    source = Source(
        np.ascontiguousarray(beams.focus_mm),
        np.ascontiguousarray(beams.directions),
        beams.virtual_distance_mm,
        beams.profile.astype(np.int64),
        _cumulated(photons),
        np.stack([f.radius2_mm2 for f in shapes]),
        energy,
        np.cumsum(share),
    )
    return source, float(photons.sum())


def _cumulated(weights: Array) -> Array:
    total = np.cumsum(weights)
    return np.asarray(total / total[-1])
