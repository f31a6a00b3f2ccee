"""Head and structures of a structure set of another system, by public elements."""

from __future__ import annotations

import numpy as np
from pydicom import Dataset

from gkplan.dicom.reading import reading
from gkplan.dicom.rtstruct import SKULL
from gkplan.dicom.scan import Found
from gkplan.errors import CaseError
from gkplan.frames import RigidTransform
from gkplan.head import Head
from gkplan.structures import Structure, solid_from_contours

_TARGETS = ("PTV", "GTV", "CTV", "TREATED_VOLUME")


def read_rois(
    file: Found, leksell_from_patient: RigidTransform
) -> tuple[Head, tuple[Structure, ...], list[str]]:
    """The head (EXTERNAL, or named *Skull), the other structures, and what was left out.

    Raises
    ------
    CaseError
        If there is no outline of the head, naming the regions that there are.
    """
    notes, structures, head = [], [], None
    with reading(file.path):
        names = {int(i.ROINumber): str(i.ROIName) for i in file.header.StructureSetROISequence}
        kinds = {
            int(o.ReferencedROINumber): str(o.get("RTROIInterpretedType") or "")
            for o in file.header.get("RTROIObservationsSequence", [])
        }
        if not any(_is_head(name, kinds.get(n, "")) for n, name in names.items()):
            raise CaseError(
                f"{file.path}: no outline of the head: expected a region {SKULL!r} or one of the "
                f"type EXTERNAL, found {', '.join(names.values()) or 'none'}"
            )
        for item in file.header.ROIContourSequence:
            number = int(item.ReferencedROINumber)
            name, kind = names[number], kinds.get(number, "")
            rings = _rings(item, leksell_from_patient)
            if not rings:
                notes.append(f"structure {name!r} has no closed contours: left out")
                continue
            solid = solid_from_contours(rings, name)
            if _is_head(name, kind) and (head is None or name == SKULL):
                head = Head(name, solid)
            else:
                role = "target" if kind in _TARGETS else "oar"
                structures.append(Structure(name, role, solid))  # type: ignore[arg-type]
    if head is None:
        raise CaseError(f"{file.path}: the outline of the head has no closed contours")
    return head, tuple(structures), notes


def _is_head(name: str, kind: str) -> bool:
    return name == SKULL or kind == "EXTERNAL"


def _rings(item: Dataset, leksell_from_patient: RigidTransform) -> list[np.ndarray]:
    rings = []
    for contour in item.get("ContourSequence", []):
        if contour.ContourGeometricType != "CLOSED_PLANAR":
            continue
        points = np.array(contour.ContourData, dtype=np.float64).reshape(-1, 3)
        if len(points) >= 3:
            rings.append(leksell_from_patient(points))
    return rings
