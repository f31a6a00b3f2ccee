"""A phantom as a DICOM folder of another system: images and contours, nothing private."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gkplan.case import Case
from gkplan.dicom.common import Study, write
from gkplan.dicom.geometry import check_axial, flipped
from gkplan.dicom.rtstruct import rtstruct_dataset
from gkplan.dicom.write.ct import head_image, write_ct
from gkplan.errors import OutputError


def write_as_foreign(
    case: Case, folder: Path, report: Callable[[str], None] = lambda _: None
) -> list[Path]:
    """Write the CT of a case and the structure set drawn on it, as any system would.

    Parameters
    ----------
    folder : an existing, empty folder

    Returns
    -------
    list of Path
        The structure set, then the slices from inferior to superior.

    Notes
    -----
    There is no private element, no plan, no dose and no stereotactic frame: a reader has only
    what other systems give. The head is the ROI ``*Skull`` of type EXTERNAL.
    """
    check_axial(case.patient_from_leksell)
    study = Study.of(case.name)
    try:
        report("CT slices")
        (folder / "ct").mkdir()
        image = flipped(head_image(case), case.patient_from_leksell)
        slices, paths = write_ct(image, study, folder / "ct")
        structures = rtstruct_dataset(case, slices, study, report)
        # The names in full and the roles are private to gkplan.
        structures.remove_private_tags()
        return [write(structures, folder / "rtstruct.dcm"), *paths]
    except OSError as error:
        where = error.filename or folder
        raise OutputError(f"{where}: cannot write there: {error.strerror}") from error
