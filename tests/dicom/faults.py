"""What validators miss in a set of DICOM files: lengths, counts, numbers, dangling references."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.uid import UID

# PS3.5 table 6.2-1: characters of one value, and how a number or a UID is written.
_LONGEST = {"AE": 16, "CS": 16, "DS": 16, "IS": 12, "LO": 64, "PN": 64, "SH": 16, "ST": 1024,
            "UI": 64}  # fmt: skip
_WRITTEN = {
    "CS": re.compile(r"[A-Z0-9 _]*"),
    "DS": re.compile(r" *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)? *|"),
    "IS": re.compile(r" *[+-]?\d+ *|"),
    "UI": re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))*\0?|"),
}
_UNIQUE = {
    "StructureSetROISequence": "ROINumber",
    "ROIContourSequence": "ReferencedROINumber",
    "RTROIObservationsSequence": "ObservationNumber",
    "ContourSequence": "ContourNumber",
    "BeamSequence": "BeamNumber",
    "PatientSetupSequence": "PatientSetupNumber",
    "DoseReferenceSequence": "DoseReferenceNumber",
    "FractionGroupSequence": "FractionGroupNumber",
    "ReferencedBeamSequence": "ReferencedBeamNumber",
}
# Numbers that point to the number of another item, in the same file or one that it refers to.
_POINTS_TO = {
    "ReferencedROINumber": "ROINumber",
    "ReferencedBeamNumber": "BeamNumber",
    "ReferencedPatientSetupNumber": "PatientSetupNumber",
    "ReferencedDoseReferenceNumber": "DoseReferenceNumber",
    "ReferencedFractionGroupNumber": "FractionGroupNumber",
}
_COUNTS = {
    "NumberOfBeams": "ReferencedBeamSequence",
    "NumberOfControlPoints": "ControlPointSequence",
}
_OF_STUDY = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyDate",
             "StudyTime", "StudyID", "AccessionNumber", "StudyDescription")  # fmt: skip


def faults(paths: Iterable[Path]) -> list[str]:
    """One line for everything that is wrong in a set of files which is to be complete in itself."""
    found = []
    data = {path.name: dcmread(path) for path in sorted(paths)}
    for name, one in data.items():
        # The texts come first: afterwards their bytes are converted.
        for check in (_texts, _meta, _numbers, _contours, _control_points, _pixels):
            found += [f"{name}: {line}" for line in check(one)]
    return found + _identity(data) + _references(data)


def _datasets(data: Dataset) -> Iterator[Dataset]:
    yield data
    for element in data:
        if element.VR == "SQ":
            for item in element.value:
                yield from _datasets(item)


def _texts(data: Dataset) -> Iterator[str]:
    """Judge the bytes as they stand in the file: pydicom repairs values when it converts them."""
    for tag in list(data.keys()):
        raw = data.get_item(tag)
        if isinstance(raw, RawDataElement) and raw.VR in _LONGEST:
            text = (raw.value or b"").decode("utf-8")
            for value in text.split("\\") if raw.VR != "ST" else [text]:
                name = f"{keyword_for_tag(tag) or tag} {value!r}"
                if len(value.rstrip(" \0")) > _LONGEST[raw.VR]:
                    yield f"{name}: longer than {_LONGEST[raw.VR]}"
                if raw.VR in _WRITTEN and not _WRITTEN[raw.VR].fullmatch(value):
                    yield f"{name}: no {raw.VR}"
        if raw is not None and raw.VR == "SQ":
            for item in data[tag].value:
                yield from _texts(item)


def _meta(data: Dataset) -> Iterator[str]:
    if data.file_meta.MediaStorageSOPInstanceUID != data.SOPInstanceUID:
        yield "MediaStorageSOPInstanceUID is another"
    if data.file_meta.MediaStorageSOPClassUID != data.SOPClassUID:
        yield "MediaStorageSOPClassUID is another"


def _numbers(data: Dataset) -> Iterator[str]:
    for item in _datasets(data):
        for sequence, number in _UNIQUE.items():
            inside = item.get(sequence) or []
            counted = Counter(int(one[number].value) for one in inside if number in one)
            yield from (f"{number} {n} {k} times" for n, k in counted.items() if k > 1)
        for count, sequence in _COUNTS.items():
            if count in item and item[count].value != len(item.get(sequence) or []):
                yield f"{count} {item[count].value}: {len(item.get(sequence) or [])} are there"


def _contours(data: Dataset) -> Iterator[str]:
    for item in _datasets(data):
        if "ContourData" not in item:
            continue
        name = f"contour {item.get('ContourNumber', '')}"
        values = np.array(item.ContourData, float)
        if len(values) != 3 * int(item.NumberOfContourPoints):
            yield f"{name}: {len(values)} coordinates for {item.NumberOfContourPoints} points"
        if item.ContourGeometricType == "CLOSED_PLANAR" and len(values) < 9:
            yield f"{name}: closed with {len(values) // 3} points"
        if not np.isfinite(values).all():
            yield f"{name}: not finite"
        if not item.get("ContourImageSequence"):
            yield f"{name}: on no image"


def _control_points(data: Dataset) -> Iterator[str]:
    meterset = {}
    for beam in data.get("BeamSequence") or []:
        points = beam.ControlPointSequence
        if [int(p.ControlPointIndex) for p in points] != list(range(len(points))):
            yield f"beam {beam.BeamNumber}: control points not counted from 0"
        if points[-1].CumulativeMetersetWeight != beam.FinalCumulativeMetersetWeight:
            yield f"beam {beam.BeamNumber}: FinalCumulativeMetersetWeight is not the last"
        meterset[int(beam.BeamNumber)] = float(beam.FinalCumulativeMetersetWeight)
    for group in data.get("FractionGroupSequence") or []:
        if {int(b.ReferencedBeamNumber) for b in group.ReferencedBeamSequence} != set(meterset):
            yield f"fraction group {group.FractionGroupNumber}: not every beam"


def _pixels(data: Dataset) -> Iterator[str]:
    if "PixelData" not in data:
        return
    frames = int(data.get("NumberOfFrames", 1))
    size = int(data.Rows) * int(data.Columns) * frames * int(data.BitsAllocated) // 8
    if len(data.PixelData) != size + size % 2:
        yield f"PixelData: {len(data.PixelData)} bytes, expected {size}"
    if "GridFrameOffsetVector" in data and len(data.GridFrameOffsetVector) != frames:
        yield f"GridFrameOffsetVector: {len(data.GridFrameOffsetVector)} for {frames} frames"


def _identity(data: dict[str, Dataset]) -> list[str]:
    files = list(data.values())
    found = [f"SOPInstanceUID {uid} {n} times"
             for uid, n in Counter(str(d.SOPInstanceUID) for d in files).items()
             if n > 1]  # fmt: skip
    series: dict[str, list[Dataset]] = {}
    for one in files:
        series.setdefault(str(one.SeriesInstanceUID), []).append(one)
    for uid, members in series.items():
        for keyword in ("Modality", "StudyInstanceUID", "FrameOfReferenceUID", "SeriesNumber"):
            if len({str(one.get(keyword)) for one in members}) > 1:
                found.append(f"series {uid}: more than one {keyword}")
        if len({str(one.get("InstanceNumber")) for one in members}) < len(members):
            found.append(f"series {uid}: InstanceNumber twice")
    for keyword in ("StudyInstanceUID", *_OF_STUDY):
        if len({str(one.get(keyword)) for one in files}) > 1:
            found.append(f"more than one {keyword}")
    return found


def _references(data: dict[str, Dataset]) -> list[str]:
    """References to objects, series, studies, frames and numbered items that are not there."""
    files = list(data.values())
    classes = {str(d.SOPInstanceUID): UID(d.SOPClassUID) for d in files}
    heights = {str(d.SOPInstanceUID): d for d in files if "ImageOrientationPatient" in d}
    there = {
        "SeriesInstanceUID": {str(d.SeriesInstanceUID) for d in files},
        "FrameOfReferenceUID": {str(d.FrameOfReferenceUID) for d in files},
        "ReferencedFrameOfReferenceUID": {str(d.FrameOfReferenceUID) for d in files},
    }
    numbers = {
        keyword: {int(item[keyword].value) for d in files for item in _datasets(d)
                  if keyword in item}
        for keyword in _POINTS_TO.values()
    }  # fmt: skip
    studies = {str(d.StudyInstanceUID) for d in files}
    found = []
    for name, one in data.items():
        of_studies = {
            id(item) for d in _datasets(one) for item in d.get("RTReferencedStudySequence") or []
        }
        for item in _datasets(one):
            if "ReferencedSOPInstanceUID" in item:
                uid = str(item.ReferencedSOPInstanceUID)
                if id(item) in of_studies:
                    if uid not in studies:
                        found.append(f"{name}: refers to a study that is not there")
                elif uid not in classes:
                    found.append(f"{name}: refers to an object that is not there")
                elif item.ReferencedSOPClassUID != classes[uid]:
                    found.append(f"{name}: refers to {classes[uid].name} as something else")
            for keyword, known in there.items():
                if item is not one and keyword in item and str(item[keyword].value) not in known:
                    found.append(f"{name}: {keyword} of nothing that is there")
            for keyword, target in _POINTS_TO.items():
                if keyword in item and int(item[keyword].value) not in numbers[target]:
                    found.append(f"{name}: {keyword} {item[keyword].value} points to nothing")
            found += [f"{name}: {line}" for line in _off_plane(item, heights)]
    return found


def _off_plane(item: Dataset, images: dict[str, Dataset]) -> Iterator[str]:
    """A contour that does not lie on the image that it refers to, mm."""
    for of in item.get("ContourImageSequence") or []:
        image = images.get(str(of.ReferencedSOPInstanceUID))
        if image is None or "ContourData" not in item:
            continue
        normal = np.cross(*np.array(image.ImageOrientationPatient, float).reshape(2, 3))
        points = np.array(item.ContourData, float)
        points = points[: len(points) // 3 * 3].reshape(-1, 3)
        away = np.abs((points - np.array(image.ImagePositionPatient, float)) @ normal)
        if away.size and away.max() > 0.01:
            yield f"contour {item.get('ContourNumber', '')}: {away.max():.2f} mm off its image"


Edit = Callable[[Dataset], None]


def edited(path: Path, out: Path, edit: Edit) -> Path:
    """A copy of a file with something changed."""
    data = dcmread(path)
    edit(data)
    data.save_as(out / path.name)
    return out / path.name


def with_one_edited(paths: Sequence[Path], name: str, out: Path, edit: Edit) -> list[Path]:
    """The same set, one file of it changed."""
    return [edited(path, out, edit) if path.name == name else path for path in paths]
