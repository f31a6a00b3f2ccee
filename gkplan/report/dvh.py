"""Dose-volume histograms as a table for other programs."""

from __future__ import annotations

import csv
import io

import numpy as np

from gkplan.frames import Array
from gkplan.metrics.model import Dvh, Evaluation

DVH_COLUMNS = ("structure", "dose_gy", "volume_cc", "volume_fraction")


def volume_fraction(dvh: Dvh) -> Array:
    """Volume relative to the whole structure, which is what receives the lowest dose or more."""
    whole = float(dvh.volume_cc.max(initial=0.0))
    return np.asarray(dvh.volume_cc / whole if whole > 0 else np.zeros_like(dvh.volume_cc))


def dvh_csv(evaluation: Evaluation) -> str:
    """The histograms as comma-separated text with the columns of `DVH_COLUMNS`.

    Notes
    -----
    ``volume_cc`` and ``volume_fraction`` are cumulative: what receives ``dose_gy`` or more.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(DVH_COLUMNS)
    for dvh in evaluation.dvhs:
        for dose, volume, part in zip(
            dvh.dose_gy, dvh.volume_cc, volume_fraction(dvh), strict=True
        ):
            writer.writerow((dvh.structure, f"{dose:.6g}", f"{volume:.6g}", f"{part:.6g}"))
    return text.getvalue()
