"""Points in a structure, finer where it is hottest, and the dose there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gkplan.dose.engine import DoseEngine
from gkplan.metrics.dvh import SampledDose
from gkplan.shot import Shot
from gkplan.solids import Solid, sample_about
from gkplan.solids.base import subdivide

SAMPLES = 40_000
_LARGE_CC = 20.0
_HOTTEST, _PARTS = 64, 5


def sampled_dose(solid: Solid, shots: Sequence[Shot], engine: DoseEngine) -> SampledDose:
    """Dose on a lattice inside a structure; a large one is refined where it is hottest."""
    points, spacing = sample_about(solid, SAMPLES, coarsest_mm=2.5)
    dose = engine.dose(points, shots)
    volume = np.full(len(points), spacing**3 / 1000)
    if volume.sum() > _LARGE_CC:
        return refined(SampledDose(points, dose, volume), spacing, solid, shots, engine, _HOTTEST)
    return SampledDose(points, dose, volume)


def refined(
    sample: SampledDose,
    spacing_mm: float,
    solid: Solid,
    shots: Sequence[Shot],
    engine: DoseEngine,
    count: int,
) -> SampledDose:
    """The sample with its `count` hottest cells (of edge `spacing_mm`) split into 125 each."""
    count = min(count, len(sample.dose_gy))
    hottest = sample.dose_gy >= np.partition(sample.dose_gy, -count)[-count]
    fine = subdivide(sample.points[hottest], spacing_mm, _PARTS)
    fine = fine[solid.contains(fine)]
    small = np.full(len(fine), (spacing_mm / _PARTS) ** 3 / 1000)
    return SampledDose(
        np.concatenate([sample.points[~hottest], fine]),
        np.concatenate([sample.dose_gy[~hottest], engine.dose(fine, shots)]),
        np.concatenate([sample.volume_cc[~hottest], small]),
    )
