"""What is in a folder: every DICOM file in and below it, grouped, and what cannot be read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.uid import UID

from gkplan.dicom.common import short
from gkplan.dicom.reading import reading
from gkplan.errors import CaseError

_IMAGES = ("CT", "MR")
# Of a file without a modality, its class says what it is.
_MODALITY_OF_CLASS = {
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.481.2": "RTDOSE",
    "1.2.840.10008.5.1.4.1.1.481.3": "RTSTRUCT",
    "1.2.840.10008.5.1.4.1.1.481.5": "RTPLAN",
}
# Without the preamble a file begins with its first element, of group 0002 or 0008.
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00")


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A DICOM file: all of it but the pixels, and the values that tell what it is."""

    path: Path
    header: Dataset
    modality: str
    uid: str
    series_uid: str
    study_uid: str
    frame_uid: str
    label: str
    number: int

    def text(self, keyword: str) -> str:
        """A value of the header as one clean line, empty if absent or damaged."""
        try:
            return short(str(self.header.get(keyword) or ""))
        except Exception:  # a damaged text is no reason to lose the file
            return ""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Files of one series, in the order of their paths."""

    uid: str
    modality: str
    files: tuple[Found, ...]

    @property
    def first(self) -> Found:
        return self.files[0]

    @property
    def frame_uid(self) -> str:
        return self.first.frame_uid

    @property
    def title(self) -> str:
        """As messages name it."""
        words = (f"{len(self.files)} {self.modality}", self.first.text("SeriesDescription"))
        return " ".join(word for word in words if word)


@dataclass(frozen=True, slots=True, eq=False)
class Inventory:
    """Everything that a folder holds.

    `images` are the CT and MR series, `others` the series of other modalities; `unreadable` are
    files that should be DICOM, each with the reason; `copies` are files of an object that is
    there already, `clashes` files with the SOPInstanceUID of another one and other content;
    `strays` is the number of files of other kinds.
    """

    folder: Path
    images: tuple[Series, ...]
    structures: tuple[Found, ...]
    plans: tuple[Found, ...]
    doses: tuple[Found, ...]
    others: tuple[Series, ...]
    unreadable: tuple[tuple[Path, str], ...]
    copies: tuple[Path, ...]
    clashes: tuple[Found, ...]
    strays: int

    @property
    def files(self) -> list[Found]:
        """All that could be read."""
        series = (*self.images, *self.others)
        single = (*self.structures, *self.plans, *self.doses)
        return [file for s in series for file in s.files] + list(single)


def scan(folder: Path, report: Callable[[str], None] = lambda _: None) -> Inventory:
    """Look at all files in and below `folder`; damaged ones are listed, not refused.

    Raises
    ------
    CaseError
        If the folder cannot be read.
    """
    folder = folder.absolute()
    found: dict[str, Found] = {}
    unreadable: list[tuple[Path, str]] = []
    copies: list[Path] = []
    clashes: list[Found] = []
    strays = 0
    paths = _paths(folder)
    for n, path in enumerate(paths, start=1):
        if n % 100 == 0:
            report(f"reading file {n} of {len(paths)}")
        try:
            file = _open(path)
        except CaseError as error:
            unreadable.append((path, str(error).removeprefix(f"{path}: ")))
            continue
        if file is None:
            strays += 1
        elif (other := found.setdefault(file.uid, file)) is not file:
            if path.read_bytes() == other.path.read_bytes():
                copies.append(path)
            else:
                clashes.append(file)
    files = list(found.values())
    return Inventory(
        folder,
        _grouped([f for f in files if f.modality in _IMAGES]),
        _of(files, "RTSTRUCT"),
        _of(files, "RTPLAN"),
        _of(files, "RTDOSE"),
        _grouped(
            [f for f in files if f.modality not in (*_IMAGES, "RTSTRUCT", "RTPLAN", "RTDOSE")]
        ),
        tuple(unreadable),
        tuple(copies),
        tuple(clashes),
        strays,
    )


def _paths(folder: Path) -> list[Path]:
    try:
        next(iter(folder.iterdir()), None)
        return sorted(path for path in folder.rglob("*") if path.is_file())
    except OSError as error:
        raise CaseError(f"{error.filename or folder}: cannot read it: {error.strerror}") from error


def _open(path: Path) -> Found | None:
    """The file, None if it is of another kind; damage raises CaseError."""
    with reading(path):
        with path.open("rb") as stream:
            head = stream.read(132)
        has_preamble = head[128:] == b"DICM"
        if not has_preamble and head[:2] not in _FIRST_GROUPS and path.suffix.lower() != ".dcm":
            return None
        if path.name == "DICOMDIR":
            return None
        header = dcmread(path, stop_before_pixels=True, force=not has_preamble)
        uid = str(header.get("SOPInstanceUID") or "")
        if not uid:
            raise ValueError("no SOPInstanceUID: not a DICOM object, or cut off")
        sop_class = str(header.get("SOPClassUID") or "")
        modality = str(header.get("Modality") or "") or _MODALITY_OF_CLASS.get(sop_class, "")
        words = ("SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")
        series, study, frame = (str(header.get(word) or "") for word in words)
        labels = ("StructureSetLabel", "RTPlanLabel", "SeriesDescription")
        label = next((str(header.get(k)) for k in labels if header.get(k)), "")
        try:
            number = int(header.get("SeriesNumber") or 0)
        except (ValueError, TypeError, OverflowError):
            number = 0  # it only sorts the listing
        return Found(
            path,
            header,
            short(modality, 16) or "?",
            uid,
            series,
            study,
            frame,
            short(label),
            number,
        )


def _of(files: Sequence[Found], modality: str) -> tuple[Found, ...]:
    return tuple(f for f in files if f.modality == modality)


def _grouped(files: Sequence[Found]) -> tuple[Series, ...]:
    groups: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for file in files:
        groups[file.series_uid, file.modality].append(file)
    series = [Series(uid, modality, tuple(group)) for (uid, modality), group in groups.items()]
    return tuple(sorted(series, key=lambda s: (s.first.number, s.uid)))


def class_name(uid: str) -> str:
    """The name of a SOP class, or its UID where the standard knows none."""
    return UID(uid).name
