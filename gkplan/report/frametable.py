"""A localisation as a table, and as localisation.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gkplan.disclaimer import DISCLAIMER
from gkplan.localizer import Limits, Localisation

SCHEMA = "gkplan-localisation/1"
FRAME_COLUMNS = ("slice z, mm", "rods", "mean error, mm", "largest, mm")


def frame_rows(found: Localisation) -> Sequence[tuple[str, ...]]:
    """Fiducial error of each slice, then of all."""
    rows = [
        (f"{s.z_mm:.2f}", str(s.n_rods), f"{s.mean_mm:.3f}", f"{s.max_mm:.3f}")
        for s in found.slices
    ]
    return [*rows, ("all", str(found.n_used), f"{found.mean_mm:.3f}", f"{found.max_mm:.3f}")]


def frame_line(found: Localisation, limits: Limits) -> str:
    """The result in a sentence."""
    return (
        f"box {found.box.name} ({found.box.title}): mean fiducial error {found.mean_mm:.3f} mm "
        f"(limit {limits.mean_mm:g}), largest {found.max_mm:.3f} mm (limit {limits.max_mm:g}), "
        f"{found.n_used} spots used, {found.n_left_out} left out"
        + (f"; images stretched by {100 * found.stretch:.2f} %" if found.stretch else "")
    )


def localisation_table(found: Localisation, limits: Limits) -> dict[str, Any]:
    """The localisation as localisation.json holds it."""
    return {
        "schema": SCHEMA,
        "disclaimer": DISCLAIMER,
        "box": {"name": found.box.name, "title": found.box.title, "source": found.box.source},
        "leksell_from_patient": found.leksell_from_patient.matrix.tolist(),
        "patient_from_leksell": found.leksell_from_patient.inverse.matrix.tolist(),
        "mean_mm": found.mean_mm,
        "max_mm": found.max_mm,
        "limits": {"mean_mm": limits.mean_mm, "max_mm": limits.max_mm},
        "stretch": found.stretch,
        "n_used": found.n_used,
        "n_left_out": found.n_left_out,
        "slices": [
            {"z_mm": s.z_mm, "n_rods": s.n_rods, "mean_mm": s.mean_mm, "max_mm": s.max_mm}
            for s in found.slices
        ],
        "rods": [
            {
                "name": r.name,
                "n_seen": r.n_seen,
                "n_expected": r.n_expected,
                "offset_mm": r.offset_mm,
            }
            for r in found.rods
        ],
        "notes": list(found.notes),
    }
