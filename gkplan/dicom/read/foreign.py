"""A case from the images and contours of another system, with what the user says is meant."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from gkplan.case.model import Case
from gkplan.case.selection import Selection
from gkplan.dicom.read.choose import (
    check_clashes,
    check_frame,
    choose_series,
    choose_structures,
    missing_images,
    referenced_series,
)
from gkplan.dicom.read.images import read_volume
from gkplan.dicom.read.rois import Roi, read_rois, rings_of, roi_named
from gkplan.dicom.read.scan import Found, Inventory, Series, scan
from gkplan.dicom.read.stack import Stack, stack_of
from gkplan.errors import CaseError, CaseWarning
from gkplan.frames import Array, RigidTransform, patient_from_leksell
from gkplan.grid import Volume
from gkplan.head import Head, surface_from_image
from gkplan.head.thresholds import cut_off_sides, mr_threshold
from gkplan.solids import LevelSet, sample
from gkplan.structures import Structure, solid_from_contours
from gkplan.structures.model import Role

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """What was chosen: images, their geometry, structure set and its regions."""

    series: Series
    stack: Stack
    structures: Found
    rois: tuple[Roi, ...]


def read_foreign(
    folder: Path,
    selection: Selection,
    to_patient: RigidTransform | None = None,
    report: Report = lambda _: None,
) -> Case:
    """The case that `selection` makes of the images and contours in or below `folder`.

    Parameters
    ----------
    folder : anything may be in it; `scan` sorts it
    selection : targets with doses, organs at risk, and choices where several are possible
    to_patient : from Leksell to the patient frame; if not given, (100, 100, 100) is put at the
        centroid of the head, to 0.1 mm, the axes parallel to the patient's
    report : is told what is being done

    Raises
    ------
    CaseError
        For what is missing, ambiguous, damaged or of another frame of reference: with file, tag
        or name, and what there is.

    Warns
    -----
    CaseWarning
        For everything that was assumed, bridged or left out.
    """
    inventory = scan(folder, report)
    structures = choose_structures(inventory, selection.structures, selection.series)
    series = choose_series(inventory, structures, selection.series)
    _warn_of_unreadable(inventory)
    parts = _Parts(series, stack_of(series), structures, read_rois(structures))
    check_clashes(inventory, (structures, *series.files))
    _warn_of_missing(series, structures)
    chosen = [(p.target, _region(parts, p.target), "target") for p in selection.prescriptions]
    chosen += [(name, _region(parts, name), "oar") for name in selection.oars]
    # Contours first: what is wrong with them is told before minutes of reading images.
    rings = {name: rings_of(roi, structures) for name, roi, _ in chosen}
    head, to_patient = _head(parts, selection, to_patient, report)
    to_leksell = to_patient.inverse
    roles: dict[str, Role] = {"target": "target", "oar": "oar"}
    return Case(
        name=inventory.folder.name,
        kind="dicom",
        path=str(inventory.folder),
        sha256=_fingerprint(parts),
        source=_source(parts),
        head=head,
        structures=tuple(
            Structure(roi.name, roles[role], _solid(rings[name], roi.name, parts, to_leksell))
            for name, roi, role in chosen
        ),
        prescriptions=tuple(
            replace(p, target=roi.name)
            for p, (_, roi, _) in zip(selection.prescriptions, chosen, strict=False)
        ),
        limits=tuple(
            replace(m, structure=_region(parts, m.structure).name) for m in selection.limits
        ),
        patient_from_leksell=to_patient,
        selection=replace(selection, series=series.uid, structures=structures.uid),
    )


def _warn_of_unreadable(inventory: Inventory) -> None:
    if inventory.unreadable:
        path, reason = inventory.unreadable[0]
        warnings.warn(
            CaseWarning(
                f"{inventory.folder}: {len(inventory.unreadable)} files cannot be read and are "
                f"left out, as {path.name} ({reason})"
            ),
            stacklevel=3,
        )


def _warn_of_missing(series: Series, structures: Found) -> None:
    missing, wanted = missing_images(structures, [file.uid for file in series.files])
    if missing and series.uid in referenced_series(structures):
        warnings.warn(
            CaseWarning(
                f"{structures.path}: was drawn on {missing} images (of {wanted} contoured) that "
                f"are not in {series.first.path.parent}; add them if the head is cut off"
            ),
            stacklevel=3,
        )


def _region(parts: _Parts, name: str) -> Roi:
    roi = roi_named(parts.rois, name, parts.structures)
    check_frame(roi, parts.structures, parts.series)
    return roi


def _head(
    parts: _Parts, selection: Selection, to_patient: RigidTransform | None, report: Report
) -> tuple[Head, RigidTransform]:
    """The head in Leksell mm, and where Leksell lies: as given, or about the head's centroid."""
    place = to_patient or patient_from_leksell(np.round(parts.stack.corners.mean(axis=0), 1))
    image = read_volume(parts.stack, place.inverse, report)
    report("surface of the head")
    surface = _surface(parts, selection, image, place.inverse)
    if to_patient is None:
        middle = np.round(place(sample(surface, 3.0).mean(axis=0)), 1)
        shift = place.inverse(middle) - np.full(3, 100.0)
        place = patient_from_leksell(middle)
        x, y, z = middle
        warnings.warn(
            CaseWarning(
                f"{parts.series.first.path.parent}: the images have no stereotactic frame; Leksell "
                f"(100, 100, 100) is put at the centroid of the head, {x:.1f},{y:.1f},{z:.1f} LPS "
                f"mm, axes parallel to the patient's; --frame-centre X,Y,Z puts it elsewhere"
            ),
            stacklevel=3,
        )
        x, y, z = (float(c) for c in np.array(image.grid.origin_mm) - shift)
        image = Volume(image.array, replace(image.grid, origin_mm=(x, y, z)), image.quantity)
        surface = surface.shifted(-shift)
    if sides := cut_off_sides(surface, image):
        warnings.warn(
            CaseWarning(
                f"{parts.series.first.path.parent}: the head goes on beyond the {', '.join(sides)} "
                f"side of the images; depths of beams from there come out too small"
            ),
            stacklevel=3,
        )
    return Head(parts.series.title, surface, image=image), place


def _surface(
    parts: _Parts, selection: Selection, image: Volume, to_leksell: RigidTransform
) -> LevelSet:
    wanted = selection.surface
    if wanted == "image":
        return _from_image(selection, image)
    if wanted is not None:
        roi = _region(parts, wanted)
    else:
        outer = [roi for roi in parts.rois if roi.is_external and roi.n_closed]
        outer = [roi for roi in outer if roi.kind == "EXTERNAL"] or outer
        if len(outer) > 1:
            raise CaseError(
                f"{parts.structures.path}: {len(outer)} ROIs could be the outer surface of the "
                f"head; choose with --surface: {', '.join(roi.name for roi in outer)}, or image"
            )
        if not outer:
            return _from_image(selection, image)
        roi = outer[0]
        check_frame(roi, parts.structures, parts.series)
    return _solid(rings_of(roi, parts.structures), roi.name, parts, to_leksell)


def _from_image(selection: Selection, image: Volume) -> LevelSet:
    threshold = selection.threshold
    if threshold is None and image.quantity != "hu":
        threshold = mr_threshold(image)
        warnings.warn(
            CaseWarning(
                f"head: what has at least the signal {threshold:.4g} is taken for head, half-way "
                f"from air to tissue; --threshold VALUE says otherwise"
            ),
            stacklevel=3,
        )
    return surface_from_image(image, threshold, bridge_mm=selection.bridge_mm)


def _solid(rings: list[Array], name: str, parts: _Parts, to_leksell: RigidTransform) -> LevelSet:
    """The solid of contours (LPS mm), in Leksell mm."""
    normal = parts.stack.axes[2]
    heights = np.unique(np.round([float((ring @ normal).mean()) for ring in rings], 2))
    # One contour alone does not say how thick it is; the images do.
    spacing = parts.stack.step_mm if len(heights) == 1 else None
    return solid_from_contours([to_leksell(ring) for ring in rings], name, spacing)


def _fingerprint(parts: _Parts) -> str:
    """Of the structure set and all slices; what else is in the folder does not count."""
    digest = sha256(parts.structures.path.read_bytes())
    for file in sorted(parts.stack.files, key=lambda f: f.uid):
        digest.update(file.path.read_bytes())
    return digest.hexdigest()


def _source(parts: _Parts) -> str:
    first = parts.series.first
    maker = first.text("Manufacturer") or "unknown maker"
    label = parts.structures.label or "no label"
    return f"DICOM: {parts.series.title} ({maker}), structure set {label}"
