"""The DICOM files in and below a folder, and reading them without surprises."""

from __future__ import annotations

import struct
import textwrap
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError

from gkplan.dicom.common import MANUFACTURER
from gkplan.dicom.private import has_block
from gkplan.errors import CaseError, PlanError

# What pydicom and conversions of its values raise when a file is cut off or damaged.
_DAMAGE = (
    InvalidDicomError,
    BytesLengthException,
    EOFError,
    ValueError,
    KeyError,
    AttributeError,
    TypeError,
    IndexError,
    OverflowError,
    NotImplementedError,
    struct.error,
)


@dataclass(frozen=True, slots=True, eq=False)
class DicomFile:
    """A DICOM file, all of it but the pixels, and the values that tell what it is."""

    path: Path
    header: Dataset
    modality: str
    manufacturer: str
    uid: str
    has_block: bool


@dataclass(frozen=True, slots=True, eq=False)
class DicomFolder:
    """The files of an export of ours: the plan, its structure set, and the CT slices."""

    path: Path
    plan: DicomFile
    structures: DicomFile
    ct: tuple[DicomFile, ...]


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever a damaged file makes pydicom raise into a CaseError that names it."""
    try:
        with warnings.catch_warnings():
            # pydicom warns of oddities that either do not matter or fail below.
            warnings.simplefilter("ignore")
            yield
    except OSError as error:
        raise CaseError(f"{path}: cannot read the file: {error.strerror or error}") from error
    except PlanError as error:
        raise CaseError(f"{path}: {error}") from error
    except _DAMAGE as error:
        what = f"missing {error.args[0]}" if isinstance(error, KeyError) else str(error)
        if isinstance(error, AttributeError):
            what = f"missing {error.name}" if error.name else what
        what = textwrap.shorten(what, 200) or type(error).__name__
        raise CaseError(
            f"{path}: incomplete or damaged DICOM file ({what}); export it again"
        ) from error


def open_folder(folder: Path) -> DicomFolder:
    """Find the one plan in and below `folder` and what it refers to, whatever the file names.

    Raises
    ------
    CaseError
        If there is no DICOM, no export of gkplan, not exactly one plan, or a part is missing.
    """
    folder = folder.absolute()
    files = dicom_files(folder)
    if not files:
        raise CaseError(f"{folder}: no DICOM file in or below it; expected an export of gkplan")
    ours = [f for f in files if f.manufacturer == MANUFACTURER]
    plans = [f for f in ours if f.modality == "RTPLAN"]
    if not ours or (plans and not any(p.has_block for p in plans)):
        raise CaseError(_foreign(folder, files, stripped=bool(ours)))
    if len(plans) != 1:
        raise CaseError(
            f"{folder}: holds {len(plans)} RTPLAN files; expected one export of gkplan, complete"
        )
    (plan,) = plans
    with reading(plan.path):
        wanted = str(plan.header.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID)
    structures = [f for f in ours if f.uid == wanted]
    if not structures:
        raise CaseError(f"{folder}: the RTSTRUCT of {plan.path.name} is missing; add it")
    ct = tuple(f for f in ours if f.modality == "CT")
    if not ct:
        raise CaseError(f"{folder}: the CT slices of {plan.path.name} are missing; add them")
    return DicomFolder(folder, plan, structures[0], ct)


def dicom_files(folder: Path) -> list[DicomFile]:
    """All DICOM files in and below `folder`, sorted by path.

    Raises
    ------
    CaseError
        Naming a file that cannot be read.
    """
    return [file for path in _paths(folder) if (file := _open(path)) is not None]


def _paths(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.rglob("*") if path.is_file())
    except OSError as error:
        raise CaseError(f"{error.filename or folder}: cannot read it: {error.strerror}") from error


def _open(path: Path) -> DicomFile | None:
    """The file, or None if it is of another kind; a .dcm file has to be DICOM."""
    with reading(path):
        with path.open("rb") as stream:
            is_dicom = stream.read(132)[128:] == b"DICM"
        if not is_dicom and path.suffix.lower() != ".dcm":
            return None
        header = dcmread(path, stop_before_pixels=True)
        keywords = ("Modality", "Manufacturer", "SOPInstanceUID")
        modality, manufacturer, uid = (str(header.get(k) or "") for k in keywords)
        return DicomFile(path, header, modality, manufacturer, uid, has_block(header))


def _foreign(folder: Path, files: list[DicomFile], stripped: bool) -> str:
    counts = Counter(f.modality or "file of no modality" for f in files)
    found = ", ".join(f"{n} {modality}" for modality, n in sorted(counts.items()))
    makers = sorted({f.manufacturer or "an unnamed maker" for f in files})
    if stripped:
        return (
            f"{folder}: found {found} by {', '.join(makers)}, but the plan's private elements are "
            f"gone (anonymised?) and shots cannot be read without them; use the original export"
        )
    return (
        f"{folder}: found {found} by {', '.join(makers)}; foreign DICOM is not supported yet, "
        f"only a folder that gkplan exported"
    )
