"""Which series and which structure set of a folder are meant; what could be either is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from gkplan.dicom.read.rois import Roi
from gkplan.dicom.read.scan import Found, Inventory, Series
from gkplan.dicom.reading import reading
from gkplan.errors import CaseError

T = TypeVar("T", Found, Series)


def choose_structures(inventory: Inventory, wanted: str | None, series: str | None) -> Found:
    """The structure set called `wanted` (number or UID), or the only one that there is.

    Raises
    ------
    CaseError
        With the choices if there are several, with what is there if there is none.
    """
    sets = inventory.structures
    if wanted is not None:
        return _called(wanted, sets, "--structures", inventory, _set_line)
    if not sets:
        raise CaseError(
            f"{inventory.folder}: no RTSTRUCT in or below it; {_what_is_there(inventory)}"
        )
    if len(sets) > 1 and series is not None:
        images = series_of(inventory, series)
        drawn_on_it = [s for s in sets if images.uid in referenced_series(s)]
        sets = tuple(drawn_on_it) if len(drawn_on_it) == 1 else sets
    if len(sets) > 1:
        raise CaseError(
            f"{inventory.folder}: holds {len(sets)} structure sets; choose one with --structures: "
            f"{_lines(inventory.structures, _set_line)}"
        )
    return sets[0]


def choose_series(inventory: Inventory, structures: Found, wanted: str | None) -> Series:
    """The image series called `wanted`, or the one that the structure set was drawn on.

    Raises
    ------
    CaseError
        With the choices if several could be meant, with what is there if none.
    """
    images = inventory.images
    if wanted is not None:
        return series_of(inventory, wanted)
    if not images:
        raise CaseError(
            f"{inventory.folder}: no CT or MR images in or below it; {_what_is_there(inventory)}"
        )
    drawn_on = referenced_series(structures)
    frames = frame_uids(structures)
    candidates = [s for s in images if s.uid in drawn_on]
    candidates = candidates or [s for s in images if s.frame_uid and s.frame_uid in frames]
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise CaseError(
            f"{structures.path}: is of the frame of reference "
            f"{' or '.join(sorted(frames)) or '?'}, and no images in "
            f"{inventory.folder} are; there are: "
            f"{_lines(images, _series_line, with_frame=True)}"
        )
    raise CaseError(
        f"{inventory.folder}: {len(candidates)} image series fit to the structure set "
        f"{structures.path.name}; choose one with --series: {_lines(images, _series_line)}"
    )


def missing_images(structures: Found, there: Iterable[str]) -> tuple[int, int]:
    """How many images with contours are not `there` (SOPInstanceUIDs), and of how many."""
    wanted: set[str] = set()
    with reading(structures.path):
        for roi in structures.header.get("ROIContourSequence") or ():
            for contour in roi.get("ContourSequence") or ():
                for image in contour.get("ContourImageSequence") or ():
                    wanted.add(str(image.get("ReferencedSOPInstanceUID") or ""))
    wanted.discard("")
    return len(wanted.difference(there)), len(wanted)


def series_of(inventory: Inventory, wanted: str) -> Series:
    """The image series of this number or UID.

    Raises
    ------
    CaseError
        With what is there if there is none.
    """
    return _called(wanted, inventory.images, "--series", inventory, _series_line)


def only_series(inventory: Inventory, wanted: str | None, option: str) -> Series:
    """The image series that `option` asks for (number or UID), or the only one that there is.

    Raises
    ------
    CaseError
        With the choices if there are several, with what is there if there is none.
    """
    images = inventory.images
    if wanted is not None:
        return _called(wanted, images, option, inventory, _series_line)
    if not images:
        raise CaseError(
            f"{inventory.folder}: no CT or MR images in or below it; {_what_is_there(inventory)}"
        )
    if len(images) > 1:
        raise CaseError(
            f"{inventory.folder}: holds {len(images)} image series; choose one with {option}: "
            f"{_lines(images, _series_line)}"
        )
    return images[0]


def check_frame(roi: Roi, structures: Found, series: Series) -> None:
    """Refuse a region that was drawn in another frame of reference than that of the images."""
    if series.frame_uid and roi.frame_uid:
        fits = series.frame_uid == roi.frame_uid
    else:
        fits = series.uid in referenced_series(structures)
    if not fits:
        raise CaseError(
            f"{structures.path}: ROI {roi.name!r}: ReferencedFrameOfReferenceUID is "
            f"{roi.frame_uid or 'missing'}, but {series.frame_uid or 'missing'} in the images "
            f"({series.title}, {series.first.path.name}, ...): contours and images do not belong "
            f"together; use the structure set of these images, or register the two"
        )


def check_clashes(inventory: Inventory, used: Sequence[Found]) -> None:
    """Refuse a file in use that another one contradicts: which of the two holds nobody can tell."""
    paths = {file.uid: file.path for file in used}
    for clash in inventory.clashes:
        if clash.uid in paths:
            raise CaseError(
                f"{clash.path}: SOPInstanceUID: is that of {paths[clash.uid]}, but its content is "
                f"another; remove one of the two"
            )


def referenced_series(structures: Found) -> set[str]:
    """UIDs of the series that a structure set says it was drawn on."""
    uids: set[str] = set()
    with reading(structures.path):
        for frame in structures.header.get("ReferencedFrameOfReferenceSequence") or ():
            for study in frame.get("RTReferencedStudySequence") or ():
                for series in study.get("RTReferencedSeriesSequence") or ():
                    uids.add(str(series.get("SeriesInstanceUID") or ""))
    return uids - {""}


def frame_uids(structures: Found) -> set[str]:
    """The frames of reference that a structure set or its regions name."""
    header = structures.header
    with reading(structures.path):
        uids = {
            str(item.get("FrameOfReferenceUID") or "")
            for item in header.get("ReferencedFrameOfReferenceSequence") or ()
        }
        uids |= {
            str(item.get("ReferencedFrameOfReferenceUID") or "")
            for item in header.get("StructureSetROISequence") or ()
        }
    return uids - {""}


def _called(
    wanted: str, things: Sequence[T], option: str, inventory: Inventory, line: Callable[[T], str]
) -> T:
    for number, thing in enumerate(things, start=1):
        if wanted in (str(number), thing.uid):
            return thing
    raise CaseError(
        f"{option} {wanted}: {inventory.folder} has none of this number or UID; there are: "
        f"{_lines(things, line)}"
    )


def _lines(things: Sequence[T], line: Callable[[T], str], with_frame: bool = False) -> str:
    def told(thing: T) -> str:
        frame = f", frame of reference {thing.frame_uid or '?'}" if with_frame else ""
        return f"{line(thing)}{frame}"

    return "; ".join(f"{n}: {told(t)}" for n, t in enumerate(things, start=1)) or "none"


def _series_line(series: Series) -> str:
    return f"{series.title} ({series.uid})"


def _set_line(file: Found) -> str:
    return f"{file.label or 'no label'}, {file.path.name} ({file.uid})"


def _what_is_there(inventory: Inventory) -> str:
    parts = [series.title for series in (*inventory.images, *inventory.others)]
    for name, files in (
        ("RTSTRUCT", inventory.structures),
        ("RTPLAN", inventory.plans),
        ("RTDOSE", inventory.doses),
    ):
        parts += [f"{len(files)} {name}"] if files else []
    if inventory.unreadable:
        path, reason = inventory.unreadable[0]
        parts.append(f"{len(inventory.unreadable)} unreadable, as {path.name} ({reason})")
    return f"there are: {', '.join(parts) or 'no DICOM files'}"
