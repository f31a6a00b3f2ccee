"""What `gkplan inspect` says of a folder: every object, what it refers to, what is missing."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset
from pydicom.uid import UID

from gkplan.dicom.read.choose import frame_uids, missing_images, referenced_series
from gkplan.dicom.read.rois import read_rois
from gkplan.dicom.read.scan import Found, Inventory, Series
from gkplan.dicom.read.stack import Stack, stack_of
from gkplan.dicom.reading import reading
from gkplan.errors import CaseError

_SIDES = ("sagittal", "coronal", "axial")


@dataclass(frozen=True, slots=True)
class SeriesEntry:
    """An image series; `number` is what ``--series`` takes, 0 for what cannot be planned on."""

    number: int
    modality: str
    description: str
    files: int
    geometry: str
    maker: str
    uid: str
    study_uid: str
    frame_uid: str
    folder: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RoiEntry:
    """A region of a structure set, and how many contours of which type it has."""

    number: int
    name: str
    kind: str
    contours: dict[str, int]


@dataclass(frozen=True, slots=True)
class ObjectEntry:
    """A structure set (`number` is what ``--structures`` takes), plan or dose.

    `refers_to` are sentences like "series 1" or "RTPLAN 1.2.3: missing".
    """

    number: int
    modality: str
    label: str
    maker: str
    uid: str
    file: str
    refers_to: tuple[str, ...]
    notes: tuple[str, ...]
    rois: tuple[RoiEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """All of it, ready for a table or a JSON file."""

    folder: str
    series: tuple[SeriesEntry, ...]
    structures: tuple[ObjectEntry, ...]
    plans: tuple[ObjectEntry, ...]
    doses: tuple[ObjectEntry, ...]
    unreadable: tuple[str, ...]
    copies: int
    strays: int


def list_folder(inventory: Inventory) -> Listing:
    """The listing of a folder; nothing in it makes this fail."""
    unreadable = [f"{path}: {reason}" for path, reason in inventory.unreadable]
    unreadable += [
        f"{clash.path}: has the SOPInstanceUID of another file, but other content"
        for clash in inventory.clashes
    ]
    return Listing(
        str(inventory.folder),
        tuple(
            [_series(n, s, inventory) for n, s in enumerate(inventory.images, start=1)]
            + [_series(0, s, inventory) for s in inventory.others]
        ),
        tuple(_structures(n, f, inventory) for n, f in enumerate(inventory.structures, start=1)),
        tuple(_plan(n, f, inventory) for n, f in enumerate(inventory.plans, start=1)),
        tuple(_dose(n, f, inventory) for n, f in enumerate(inventory.doses, start=1)),
        tuple(unreadable),
        len(inventory.copies),
        inventory.strays,
    )


def _series(number: int, series: Series, inventory: Inventory) -> SeriesEntry:
    first = series.first
    notes: list[str] = []
    geometry = ""
    if number:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                geometry = _geometry(stack_of(series))
            except CaseError as error:
                notes.append(str(error))
        notes += [str(w.message) for w in told]
    else:
        notes.append(f"not CT or MR: {_class_of(first)}")
    if packed := _packing(series):
        notes.append(packed)
    return SeriesEntry(
        number,
        series.modality,
        first.text("SeriesDescription"),
        len(series.files),
        geometry,
        _maker(first),
        series.uid,
        first.study_uid,
        first.frame_uid,
        _below(first, inventory).rpartition("/")[0] or ".",
        tuple(notes),
    )


def _geometry(stack: Stack) -> str:
    main = np.abs(stack.axes[2])
    side = int(main.argmax())
    name = _SIDES[side] if main[side] > 1 - 1e-6 else f"oblique (nearly {_SIDES[side]})"
    dx, dy = stack.spacing_mm
    rows, columns = stack.shape
    return (
        f"{name}, {columns} x {rows} x {len(stack.files)}, {dx:.3g} x {dy:.3g} x "
        f"{stack.step_mm:.3g} mm"
    )


def _packing(series: Series) -> str:
    """What of a series is compressed, or in no transfer syntax that there is."""
    names: Counter[tuple[str, str]] = Counter()
    for file in series.files:
        meta = getattr(file.header, "file_meta", Dataset())
        syntax = UID(str(meta.get("TransferSyntaxUID") or "1.2.840.10008.1.2.1"))
        if not syntax.is_transfer_syntax:
            names["unknown transfer syntax", str(syntax)] += 1
        elif syntax.is_compressed:
            names["compressed", syntax.name] += 1
    return ", ".join(f"{n} files {what}: {name}" for (what, name), n in names.items())


def _structures(number: int, file: Found, inventory: Inventory) -> ObjectEntry:
    notes: list[str] = []
    rois: tuple[RoiEntry, ...] = ()
    refers: list[str] = []
    try:
        rois = tuple(
            RoiEntry(roi.number, roi.name, roi.kind, dict(roi.shapes)) for roi in read_rois(file)
        )
        refers = [_of_series(uid, inventory) for uid in sorted(referenced_series(file))]
        notes += _images_of(file, inventory)
        frames = frame_uids(file)
        if inventory.images and not any(s.frame_uid in frames for s in inventory.images):
            notes.append(
                f"no images here are of its frame of reference ({', '.join(sorted(frames)) or '?'})"
            )
    except CaseError as error:
        notes.append(str(error))
    empty = [roi.name for roi in rois if not roi.contours]
    if empty:
        notes.append(f"without contours: {', '.join(empty)}")
    return _entry(number, file, inventory, refers, notes, rois)


def _of_series(uid: str, inventory: Inventory) -> str:
    for number, series in enumerate(inventory.images, start=1):
        if series.uid == uid:
            return f"series {number}"
    return f"series {uid}: missing"


def _images_of(file: Found, inventory: Inventory) -> list[str]:
    """How many of the images that contours refer to are not there, or of another class."""
    classes = {f.uid: f.text("SOPClassUID") for s in inventory.images for f in s.files}
    missing, wanted = missing_images(file, classes)
    notes = [f"{missing} of {wanted} images with contours are missing"] if missing else []
    wrong: set[str] = set()
    with reading(file.path):
        for roi in file.header.get("ROIContourSequence") or ():
            for contour in roi.get("ContourSequence") or ():
                for image in contour.get("ContourImageSequence") or ():
                    uid = str(image.get("ReferencedSOPInstanceUID") or "")
                    sop_class = str(image.get("ReferencedSOPClassUID") or "")
                    if classes.get(uid, sop_class) != sop_class:
                        wrong.add(uid)
    if wrong:
        notes.append(f"{len(wrong)} images are referred to by a wrong ReferencedSOPClassUID")
    return notes


def _plan(number: int, file: Found, inventory: Inventory) -> ObjectEntry:
    return _object(number, file, inventory, "ReferencedStructureSetSequence", inventory.structures)


def _dose(number: int, file: Found, inventory: Inventory) -> ObjectEntry:
    return _object(number, file, inventory, "ReferencedRTPlanSequence", inventory.plans)


def _object(
    number: int, file: Found, inventory: Inventory, sequence: str, there: Iterable[Found]
) -> ObjectEntry:
    known = {other.uid: other for other in there}
    refers, notes = [], []
    try:
        with reading(file.path):
            for item in file.header.get(sequence) or ():
                uid = str(item.get("ReferencedSOPInstanceUID") or "")
                other = known.get(uid)
                refers.append(_below(other, inventory) if other else f"{uid}: missing")
            if beams := file.header.get("BeamSequence"):
                notes.append(f"{len(beams)} beams")
    except CaseError as error:
        notes.append(str(error))
    if not refers:
        notes.append(f"no {sequence}")
    return _entry(number, file, inventory, refers, notes)


def _entry(
    number: int,
    file: Found,
    inventory: Inventory,
    refers: Sequence[str],
    notes: Sequence[str],
    rois: tuple[RoiEntry, ...] = (),
) -> ObjectEntry:
    return ObjectEntry(
        number,
        file.modality,
        file.label,
        _maker(file),
        file.uid,
        _below(file, inventory),
        tuple(refers),
        tuple(notes),
        rois,
    )


def _maker(file: Found) -> str:
    words = (file.text("Manufacturer"), file.text("ManufacturerModelName"))
    return " ".join(dict.fromkeys(word for word in words if word))


def _class_of(file: Found) -> str:
    return UID(file.text("SOPClassUID")).name or "no SOPClassUID"


def _below(file: Found, inventory: Inventory) -> str:
    return str(file.path.relative_to(inventory.folder))
