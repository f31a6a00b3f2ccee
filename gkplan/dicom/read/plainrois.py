"""Head and structures of a structure set of another system, by public elements."""

from __future__ import annotations

from gkplan.dicom.read.rois import read_rois, rings_of
from gkplan.dicom.read.scan import Found
from gkplan.dicom.rtstruct import SKULL
from gkplan.errors import CaseError
from gkplan.frames import RigidTransform
from gkplan.head import Head
from gkplan.structures import Structure, solid_from_contours

_TARGETS = ("PTV", "GTV", "CTV", "TREATED_VOLUME")


def head_and_structures(
    file: Found, leksell_from_patient: RigidTransform
) -> tuple[Head, tuple[Structure, ...], list[str]]:
    """The head (EXTERNAL, or named *Skull), the other structures, and what was left out.

    Raises
    ------
    CaseError
        If there is no outline of the head, naming the regions that there are, or a contour is
        damaged.

    Warns
    -----
    CaseWarning
        For contours that are left out (see `rings_of`).
    """
    notes, structures, head = [], [], None
    rois = read_rois(file)
    if not any(roi.is_external for roi in rois):
        raise CaseError(
            f"{file.path}: no outline of the head: expected a region {SKULL!r} or one of the "
            f"type EXTERNAL, found {', '.join(roi.name for roi in rois) or 'none'}"
        )
    for roi in rois:
        if not roi.n_closed:
            notes.append(f"structure {roi.name!r} has no closed contours: left out")
            continue
        rings = [leksell_from_patient(ring) for ring in rings_of(roi, file)]
        solid = solid_from_contours(rings, roi.name)
        if roi.is_external and (head is None or roi.name == SKULL):
            head = Head(roi.name, solid)
        else:
            role = "target" if roi.kind in _TARGETS else "oar"
            structures.append(Structure(roi.name, role, solid))  # type: ignore[arg-type]
    if head is None:
        raise CaseError(f"{file.path}: the outline of the head has no closed contours")
    return head, tuple(structures), notes
