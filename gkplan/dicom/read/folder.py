"""An export of gkplan in a folder: the plan and what it refers to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from gkplan.dicom.common import MANUFACTURER
from gkplan.dicom.private import has_block
from gkplan.dicom.read.choose import check_clashes, referenced_series
from gkplan.dicom.read.scan import Found, Inventory, Series, scan
from gkplan.dicom.reading import reading
from gkplan.errors import CaseError


@dataclass(frozen=True, slots=True, eq=False)
class DicomFolder:
    """The files of an export of ours: the plan, its structure set, and the images of both."""

    path: Path
    plan: Found
    structures: Found
    images: Series


def open_folder(folder: Path) -> DicomFolder:
    """Find the one plan in and below `folder` and what it refers to, whatever the file names.

    Raises
    ------
    CaseError
        If there is no DICOM, no export of gkplan, not exactly one plan, or a part is missing.
    """
    inventory = scan(folder)
    folder = inventory.folder
    for path, reason in inventory.unreadable:
        raise CaseError(f"{path}: {reason}")
    if not inventory.files:
        raise CaseError(f"{folder}: no DICOM file in or below it; expected an export of gkplan")
    plans = [p for p in inventory.plans if p.text("Manufacturer") == MANUFACTURER]
    if not any(has_block(p.header) for p in plans):
        raise CaseError(_foreign(inventory, stripped=bool(plans)))
    if len(plans) != 1:
        raise CaseError(
            f"{folder}: holds {len(plans)} RTPLAN files; expected one export of gkplan, complete"
        )
    (plan,) = plans
    with reading(plan.path):
        wanted = str(plan.header.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID)
    structures = [f for f in inventory.structures if f.uid == wanted]
    if not structures:
        raise CaseError(f"{folder}: the RTSTRUCT of {plan.path.name} is missing; add it")
    drawn_on = referenced_series(structures[0])
    images = [s for s in inventory.images if s.uid in drawn_on]
    if not images:
        raise CaseError(
            f"{folder}: the images of {plan.path.name} are missing (CT or MR, SeriesInstanceUID "
            f"{', '.join(sorted(drawn_on))}); add them"
        )
    check_clashes(inventory, (plan, structures[0], *images[0].files))
    return DicomFolder(folder, plan, structures[0], images[0])


def _foreign(inventory: Inventory, stripped: bool) -> str:
    files = inventory.files
    counts = Counter(f.modality for f in files)
    found = ", ".join(f"{n} {modality}" for modality, n in sorted(counts.items()))
    makers = sorted({f.text("Manufacturer") or "an unnamed maker" for f in files})
    what = f"{inventory.folder}: found {found} by {', '.join(makers)}"
    if stripped:
        return (
            f"{what}, but the plan's private elements are gone (anonymised?): the sectors of the "
            f"shots are missing; use the original export, or anonymise it with private tags kept"
        )
    return (
        f"{what}, no plan of gkplan; say what is to be planned with --target NAME --dose GY "
        f"(gkplan inspect lists the names)"
    )
