"""One door for every kind of case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gkplan.case.check import check_case
from gkplan.case.model import Case
from gkplan.case.phantom import phantom_names, phantom_path, read_phantom
from gkplan.case.selection import Selection
from gkplan.errors import CaseError
from gkplan.frames import RigidTransform

DEFAULT_HEAD = "head"


def load_case(
    case: str,
    head: str | None = None,
    patient_from_leksell: RigidTransform | None = None,
    selection: Selection | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Case:
    """The case that `case` names.

    Parameters
    ----------
    case : name of a phantom that ships, or path of a phantom's TOML file, of a contour file
        (JSON), or of a DICOM folder
    head : name (or path) of the phantom whose head is used instead of the case's own
    patient_from_leksell : places a contour file, or DICOM of another system, as in a given plan
    selection : what is meant in a DICOM folder of another system; without it, the folder has to
        be one that gkplan wrote
    report : is told what is being done, where reading takes time

    Raises
    ------
    CaseError
        With what was looked for and what is there, or with the place in the file.

    Examples
    --------
    >>> load_case("vestibular-schwannoma").targets[0].name
    'target'
    """
    if selection is not None:
        if not Path(case).is_dir():
            raise CaseError(
                f"{case}: no such folder; targets and organs are chosen (--target, --oar) in a "
                f"DICOM folder, other cases name their own"
            )
        from gkplan.dicom import read_foreign

        return check_case(read_foreign(Path(case), selection, patient_from_leksell, report))
    if case in phantom_names():
        return check_case(read_phantom(phantom_path(case), name=case, head=head))
    path = Path(case)
    if path.is_dir():
        from gkplan.dicom import read_case

        return check_case(read_case(path))
    if path.suffix == ".toml" and path.is_file():
        return check_case(read_phantom(path, head=head))
    if path.is_file():
        from gkplan.case.contourfile import read_contour_file

        return check_case(read_contour_file(path, head or DEFAULT_HEAD, patient_from_leksell))
    if path.suffix or "/" in case:
        raise CaseError(f"{case}: no such file or folder")
    names = ", ".join(phantom_names())
    raise CaseError(
        f"unknown case {case!r}: expected a phantom ({names}), a phantom's .toml file, "
        f"a contour .json file or a DICOM folder"
    )
