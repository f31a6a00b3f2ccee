"""The regions of a structure set of any system, and their closed contours."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.tag import Tag

from gkplan.dicom.common import short
from gkplan.dicom.read.scan import Found
from gkplan.dicom.reading import reading
from gkplan.errors import CaseError, CaseWarning
from gkplan.frames import Array

_CONTOUR_DATA = Tag("ContourData")
_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
_FARTHEST_MM = 10_000.0


@dataclass(frozen=True, slots=True, eq=False)
class Roi:
    """A region as its structure set lists it.

    `kind` is its RTROIInterpretedType, `frame_uid` its frame of reference (or ""), `contours` the
    items of its ContourSequence, `shapes` how many of each ContourGeometricType they are.
    """

    number: int
    name: str
    kind: str
    frame_uid: str
    contours: tuple[Dataset, ...]
    shapes: tuple[tuple[str, int], ...]

    @property
    def is_external(self) -> bool:
        return self.kind == "EXTERNAL" or self.name.lower() in ("*skull", "external", "body")

    @property
    def n_closed(self) -> int:
        return sum(n for shape, n in self.shapes if shape in _CLOSED)


def read_rois(file: Found) -> tuple[Roi, ...]:
    """All regions of a structure set, those without contours too.

    Raises
    ------
    CaseError
        Naming the file, if it is damaged or two regions have one number.
    """
    header = file.header
    with reading(file.path):
        contours: dict[int, list[Dataset]] = {}
        for item in header.get("ROIContourSequence") or ():
            number = int(item.ReferencedROINumber)
            contours.setdefault(number, []).extend(item.get("ContourSequence") or ())
        kinds = {
            int(item.ReferencedROINumber): str(item.get("RTROIInterpretedType") or "")
            for item in header.get("RTROIObservationsSequence") or ()
        }
        rois = [
            _roi(item, contours.get(int(item.ROINumber), []), kinds, header)
            for item in header.StructureSetROISequence
        ]
        counts = Counter(roi.number for roi in rois)
        if doubled := [number for number, n in counts.items() if n > 1]:
            raise ValueError(f"ROINumber: {counts[doubled[0]]} regions have number {doubled[0]}")
    return tuple(rois)


def _roi(item: Dataset, contours: list[Dataset], kinds: dict[int, str], header: Dataset) -> Roi:
    number = int(item.ROINumber)
    frames = header.get("ReferencedFrameOfReferenceSequence") or ()
    named = [str(frame.get("FrameOfReferenceUID") or "") for frame in frames]
    only = named[0] if len(named) == 1 else ""
    shapes = Counter(str(c.get("ContourGeometricType") or "no type") for c in contours)
    return Roi(
        number,
        short(str(item.get("ROIName") or ""), 256) or f"(ROI {number})",
        kinds.get(number, ""),
        str(item.get("ReferencedFrameOfReferenceUID") or "") or only,
        tuple(contours),
        tuple(shapes.items()),
    )


def roi_named(rois: tuple[Roi, ...], name: str, file: Found) -> Roi:
    """The region with this name; capitals and spaces around it count only where needed.

    Raises
    ------
    CaseError
        Listing what is there if there is none, or if several have the name.
    """
    same = [roi for roi in rois if roi.name == name]
    if not same:
        same = [roi for roi in rois if roi.name.strip().lower() == name.strip().lower()]
    if len(same) == 1:
        return same[0]
    if same:
        numbers = ", ".join(str(roi.number) for roi in same)
        raise CaseError(
            f"{file.path}: {len(same)} ROIs are called {name!r} (ROINumber {numbers}); "
            f"give them different names"
        )
    known = ", ".join(_told(roi) for roi in rois) or "none"
    raise CaseError(f"{file.path}: no ROI {name!r}; there are: {known}")


def _told(roi: Roi) -> str:
    return roi.name if roi.n_closed else f"{roi.name} (no closed contour)"


def rings_of(roi: Roi, file: Found) -> list[Array]:
    """The closed contours of a region, each (n, 3) in LPS mm.

    Raises
    ------
    CaseError
        If there is none, or a number is missing, not finite or absurd.

    Warns
    -----
    CaseWarning
        For what is left out: points, open lines, contours of fewer than three points, copies.
    """
    where = f"{file.path}: ROI {roi.name!r}"
    rings: list[Array] = []
    seen: set[bytes] = set()
    left_out: Counter[str] = Counter()
    with reading(file.path):
        for number, contour in enumerate(roi.contours, start=1):
            shape = str(contour.get("ContourGeometricType") or "CLOSED_PLANAR")
            if shape not in _CLOSED:
                left_out[f"{shape} contours"] += 1
                continue
            points = _without_repeats(_points(contour, f"ROI {roi.name!r}, contour {number}"))
            if len(points) < 3:
                left_out["contours of fewer than 3 points"] += 1
            elif (key := points.tobytes()) in seen:
                # Twice the same ring would leave nothing inside, by the even-odd rule.
                left_out["copies of a contour"] += 1
            else:
                seen.add(key)
                rings.append(points)
    what = ", ".join(f"{n} {kind}" for kind, n in left_out.items())
    if not rings:
        raise CaseError(f"{where} is empty: it has {what or 'no contours'}; expected closed ones")
    if what:
        warnings.warn(CaseWarning(f"{where}: left out: {what}"), stacklevel=3)
    return rings


def contour_points(contour: Dataset) -> Array:
    """ContourData (n, 3), mm, without a Python object for every number."""
    element = contour.get_item(_CONTOUR_DATA)
    if element is None:
        raise ValueError("ContourData is missing")
    value: Any = element.value
    if isinstance(value, bytes):
        text = value.decode("ascii").rstrip(" \0")
        value = text.split("\\") if text else []
    numbers = np.array([] if value is None else value, dtype=np.float64)
    if numbers.size != 3 * int(contour.get("NumberOfContourPoints") or numbers.size / 3):
        raise ValueError(
            f"ContourData: {numbers.size} numbers for {contour.get('NumberOfContourPoints')} points"
        )
    return numbers.reshape(-1, 3)


def _points(contour: Dataset, where: str) -> Array:
    try:
        points = contour_points(contour)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    if not np.isfinite(points).all():
        raise ValueError(f"{where}: ContourData: a coordinate is not a finite number")
    if points.size and np.abs(points).max() > _FARTHEST_MM:
        raise ValueError(f"{where}: ContourData: a coordinate is beyond {_FARTHEST_MM:g} mm")
    return points


def _without_repeats(points: Array) -> Array:
    """Without points that repeat the one before, as closing a ring by its first point does."""
    if len(points) < 2:
        return points
    moved = np.abs(points - np.roll(points, 1, axis=0)).max(axis=1) > 0.0
    return np.asarray(points[moved])
