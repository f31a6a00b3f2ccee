"""Contour files: a patient's closed contours (JSON, DICOM LPS mm) in an analytic head."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from gkplan.case.limits import parse_limit
from gkplan.case.model import Case
from gkplan.case.phantom import read_head, read_site
from gkplan.errors import CaseError, PlanError
from gkplan.files import sha256_of
from gkplan.frames import LEKSELL_CENTER_MM, Array, Frame, RigidTransform
from gkplan.prescription import Limit, Prescription
from gkplan.structures import Structure, solid_from_contours

DEFAULT_DOSE_GY = 12.5
DEFAULT_SITE = "vestibular-schwannoma"
COCHLEA_MEAN_LIMIT_GY = 4.0  # usual limit in single-fraction treatment of the acoustic nerve


def read_contour_file(
    path: Path, head: str, patient_from_leksell: RigidTransform | None = None
) -> Case:
    """The case in a contour file.

    The file has ``"structures": {name: [contour, ...]}``, each contour a list of [x, y, z] in
    DICOM LPS mm, and ``"slice_spacing_mm"``. Structures whose name begins with "target" are
    targets (12.5 Gy, any isodose from 0.4 to 0.7), the others organs at risk. ``"limits"`` may
    hold limits as phantoms do; a cochlea without one of its mean dose gets 4 Gy.

    Notes
    -----
    There is no image, so nothing says where in the head the target lies. The contours keep
    their orientation and are shifted so that the centroid of all targets comes to the site
    named by ``"site"`` (default "vestibular-schwannoma") of the phantom head: on the patient's
    left when the centroid's LPS x is positive, mirrored to the right otherwise.
    """
    table, content = _read(path)
    spacing = table.get("slice_spacing_mm")
    if spacing is not None and not (isinstance(spacing, int | float) and 0 < spacing < 20):
        raise CaseError(f"{path}: slice_spacing_mm: expected 0 to 20 mm, got {spacing!r}")
    rings = _rings(table, path)
    targets = [name for name in rings if name.lower().startswith("target")]
    if not targets:
        raise CaseError(
            f"{path}: no structure whose name begins with 'target'; there are: {', '.join(rings)}"
        )
    if patient_from_leksell is None:
        centroid = np.concatenate([r for name in targets for r in rings[name]]).mean(axis=0)
        site = str(table.get("site", DEFAULT_SITE))
        patient_from_leksell = _placement(centroid, read_site(head, site))
    to_leksell = patient_from_leksell.inverse
    structures = tuple(
        Structure(
            name,
            "target" if name in targets else "oar",
            solid_from_contours([to_leksell(r) for r in of_name], f"{path}: {name}", spacing),
        )
        for name, of_name in rings.items()
    )
    return Case(
        name=str(table.get("case", path.stem)),
        kind="contours",
        path=str(path.resolve()),
        sha256=sha256_of(content),
        source=str(table.get("source", path.name)),
        head=read_head(head),
        structures=structures,
        prescriptions=tuple(Prescription(name, DEFAULT_DOSE_GY) for name in targets),
        limits=_limits(table.get("limits", []), structures, path),
        patient_from_leksell=patient_from_leksell,
    )


def _limits(entries: Any, structures: tuple[Structure, ...], path: Path) -> tuple[Limit, ...]:
    if not isinstance(entries, list):
        raise CaseError(f"{path}: limits: expected a list, got {entries!r}")
    try:
        own = [parse_limit(entry, f"limit {n}") for n, entry in enumerate(entries, start=1)]
    except (ValueError, TypeError, PlanError) as error:
        raise CaseError(f"{path}: {error}") from error
    has_mean = {limit.structure for limit in own if limit.kind == "mean"}
    return tuple(own) + tuple(
        Limit(s.name, "mean", COCHLEA_MEAN_LIMIT_GY)
        for s in structures
        if s.name.lower().startswith("cochlea") and s.name not in has_mean
    )


def _read(path: Path) -> tuple[dict[str, Any], bytes]:
    try:
        content = path.read_bytes()
        table = json.loads(content.decode("utf-8"))
    except OSError as error:
        raise CaseError(f"{path}: cannot read the contour file: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise CaseError(
            f"{path}: not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}; "
            f"is the file complete?"
        ) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise CaseError(f"{path}: not a contour file (JSON): {error}") from error
    if not isinstance(table, dict) or not isinstance(table.get("structures"), dict):
        raise CaseError(f"{path}: expected a JSON object with a table 'structures'")
    return table, content


def _rings(table: dict[str, Any], path: Path) -> dict[str, list[Array]]:
    rings: dict[str, list[Array]] = {}
    for name, contours in table["structures"].items():
        if not isinstance(contours, list) or not contours:
            raise CaseError(f"{path}: structure {name!r} is empty")
        rings[name] = []
        for n, contour in enumerate(contours, start=1):
            where = f"{path}: structure {name!r}, contour {n}"
            try:
                ring = np.array(contour, dtype=np.float64)
            except (ValueError, TypeError):
                raise CaseError(f"{where}: expected a list of [x, y, z] numbers") from None
            if ring.ndim != 2 or ring.shape[1] != 3 or len(ring) < 3:
                raise CaseError(f"{where}: expected at least 3 points [x, y, z], got {ring.shape}")
            if not np.isfinite(ring).all():
                raise CaseError(f"{where}: a coordinate is not a finite number")
            rings[name].append(ring)
    return rings


def _placement(centroid_lps: Array, left_site_mm: tuple[float, float, float]) -> RigidTransform:
    """Leksell to patient, so that `centroid_lps` lies at the site, on its own side."""
    x, y, z = left_site_mm
    middle = LEKSELL_CENTER_MM[0]
    site = np.array([x if centroid_lps[0] >= 0 else 2 * middle - x, y, z])
    half_turn = np.diag([1.0, -1.0, -1.0])
    shift = centroid_lps - half_turn @ site
    return RigidTransform(half_turn, shift, Frame.LEKSELL, Frame.PATIENT)
