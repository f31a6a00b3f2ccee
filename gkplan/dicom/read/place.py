"""Where a given stereotactic frame lies in the images that are meant in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gkplan.case.selection import Selection
from gkplan.dicom.read.choose import choose_series, choose_structures
from gkplan.dicom.read.scan import scan
from gkplan.dicom.registration import read_frame
from gkplan.frames import RigidTransform


def frame_in(
    folder: Path, selection: Selection, path: Path, report: Callable[[str], None] = lambda _: None
) -> RigidTransform:
    """Patient from Leksell, of a localisation.json or a Spatial Registration.

    Raises
    ------
    CaseError
        If it is not clear which images are meant, or `path` is not about these.
    """
    inventory = scan(folder, report)
    structures = choose_structures(inventory, selection.structures, selection.series)
    series = choose_series(inventory, structures, selection.series)
    return read_frame(path, series.frame_uid).inverse
