"""Dose to one structure from weighted samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gkplan.frames import Array
from gkplan.metrics.model import Dvh, StructureDose
from gkplan.prescription import Limit

_BINS = 400


@dataclass(frozen=True, slots=True, eq=False)
class SampledDose:
    """Dose (Gy) at points (n, 3) of a structure, each standing for `volume_cc` (n,)."""

    points: Array
    dose_gy: Array
    volume_cc: Array


def dose_at_volume(sample: SampledDose, volume_cc: float) -> float:
    """The dose that the hottest `volume_cc` receive at least; the minimum if there is less."""
    order = np.argsort(sample.dose_gy)[::-1]
    cumulative = np.cumsum(sample.volume_cc[order])
    n = min(int(np.searchsorted(cumulative, volume_cc)), len(order) - 1)
    return float(sample.dose_gy[order[n]])


def structure_dose(sample: SampledDose) -> StructureDose:
    """See `StructureDose` for the definitions."""
    total = float(sample.volume_cc.sum())
    return StructureDose(
        volume_cc=total,
        mean_gy=float((sample.dose_gy * sample.volume_cc).sum() / total),
        max_gy=float(sample.dose_gy.max()),
        d0_035cc_gy=dose_at_volume(sample, 0.035),
        d98_gy=dose_at_volume(sample, 0.98 * total),
        d50_gy=dose_at_volume(sample, 0.50 * total),
        d2_gy=dose_at_volume(sample, 0.02 * total),
    )


def limit_dose(sample: SampledDose, limit: Limit) -> float:
    """The dose that stands against `limit`."""
    if limit.kind == "mean":
        return structure_dose(sample).mean_gy
    return dose_at_volume(sample, limit.hot_cc)


def dose_volume_histogram(name: str, sample: SampledDose) -> Dvh:
    """Cumulative histogram from 0 Gy to the structure's maximum."""
    edges = np.linspace(0.0, float(sample.dose_gy.max()), _BINS + 1)
    counts, _ = np.histogram(sample.dose_gy, bins=edges, weights=sample.volume_cc)
    above = np.append(np.cumsum(counts[::-1])[::-1], 0.0)
    return Dvh(name, edges, above)
