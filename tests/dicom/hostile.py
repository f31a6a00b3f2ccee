"""A seeded corpus of damaged folders. `python -m tests.dicom.hostile 520` reads them all."""

from __future__ import annotations

import io
import math
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from gkplan.case import Case
from gkplan.case.check import check_case
from gkplan.case.phantom import volume_cc
from gkplan.case.selection import Selection
from gkplan.dicom import read_foreign
from gkplan.dicom.read.listing import list_folder
from gkplan.dicom.read.scan import scan
from gkplan.errors import GkplanError
from gkplan.frames import patient_from_leksell
from gkplan.prescription import Prescription
from tests.dicom.other_system import BALL_AT_MM, BALL_MM, whole_folder

Files = dict[str, bytes]
CHOICE = Selection((Prescription("GTV", 15.0),))
PLACE = patient_from_leksell((0.0, 0.0, 0.0))
HEAD = np.array([89.0, 104.0, 88.0])
# Half of the damage is done to the structure set: most that can go wrong is in there.
_SHARE_OF_SET = 0.5


@dataclass(frozen=True)
class Outcome:
    """What reading a damaged folder came to; `problem` is empty if it was as it should be."""

    kind: str
    said: str
    problem: str
    seconds: float


def _bits(content: bytes, rng: np.random.Generator) -> bytes:
    data = np.frombuffer(content, np.uint8).copy()
    # Most in the headers: flips among thousands of pixels change little.
    top = len(data) if rng.random() < 0.3 else min(len(data), 2500)
    for _ in range(int(rng.integers(1, 12))):
        data[rng.integers(0, top)] ^= 1 << rng.integers(0, 8)
    return data.tobytes()


def _truncated(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: int(rng.integers(0, len(content)))]


def _edited(content: bytes, change: Callable[[Dataset], None]) -> bytes:
    made = dcmread(io.BytesIO(content))
    change(made)
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.save_as(stream)
    return stream.getvalue()


def _tag_removed(content: bytes, rng: np.random.Generator) -> bytes:
    def change(made: Dataset) -> None:
        places = [(d, e.tag) for d in _datasets(made) for e in d]
        holder, tag = places[rng.integers(0, len(places))]
        del holder[tag]

    return _edited(content, change)


def _datasets(made: Dataset) -> list[Dataset]:
    found = [made]
    for element in made:
        if element.VR == "SQ":
            # Of many alike the first ones will do.
            for item in list(element.value)[:3]:
                found += _datasets(item)
    return found


def _emptied(content: bytes, rng: np.random.Generator) -> bytes:
    def change(made: Dataset) -> None:
        places = [(d, e) for d in _datasets(made) for e in d if e.VR != "SQ"]
        _, element = places[rng.integers(0, len(places))]
        element.value = None

    return _edited(content, change)


_VRS = (b"AE", b"AS", b"CS", b"DA", b"DS", b"FD", b"FL", b"IS", b"LO", b"OB", b"OW", b"SH", b"SQ")
_VRS += (b"SS", b"TM", b"UI", b"UL", b"UN", b"US", b"UT", b"XX")


def _places_of(content: bytes, vrs: tuple[bytes, ...]) -> list[int]:
    """Where a value representation stands in the bytes."""
    places = []
    for vr in vrs:
        at = content.find(vr, 132)
        while at >= 0:
            places.append(at)
            at = content.find(vr, at + 1)
    return sorted(places)


def _wrong_vr(content: bytes, rng: np.random.Generator) -> bytes:
    places = _places_of(content, _VRS)
    at = places[rng.integers(0, len(places))]
    return content[:at] + _VRS[rng.integers(0, len(_VRS))] + content[at + 2 :]


def _huge_length(content: bytes, rng: np.random.Generator) -> bytes:
    places = _places_of(content, _VRS)
    at = places[rng.integers(0, len(places))]
    if content[at : at + 2] in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
        length = int(rng.choice([0x7FFFFFFE, 0xFFFFFFFE, 0x80000000, 0xFFFFFFFF]))
        return content[: at + 4] + length.to_bytes(4, "little") + content[at + 8 :]
    length = int(rng.choice([0xFFFE, 0x8000, 0x0FFF]))
    return content[: at + 2] + length.to_bytes(2, "little") + content[at + 4 :]


_COUNTS = (0, 1, 2, 3, 7, 255, 4095, 32768, 65535, 2**31 - 1, -1)
_COUNTED = ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation")
_COUNTED += ("SamplesPerPixel", "NumberOfFrames", "NumberOfContourPoints", "ROINumber")
_COUNTED += ("ReferencedROINumber", "InstanceNumber")


def _wrong_count(content: bytes, rng: np.random.Generator) -> bytes:
    def change(made: Dataset) -> None:
        places = [(d, k) for d in _datasets(made) for k in _COUNTED if k in d]
        holder, keyword = places[rng.integers(0, len(places))]
        value = int(rng.choice(_COUNTS))
        is_text = holder[keyword].VR == "IS"
        setattr(holder, keyword, value if is_text else value % 65536)

    return _edited(content, change)


_NUMBERS = (b"nan", b"inf", b"-inf", b"1e400", b"1e30", b"-99999999", b"", b"abc", b"0")


def _bad_number(content: bytes, rng: np.random.Generator) -> bytes:
    """A number of a decimal string, written over in place."""
    places = [p for p in _places_of(content, (b"DS",)) if content[p + 2] + content[p + 3] >= 8]
    at = places[rng.integers(0, len(places))]
    length = int.from_bytes(content[at + 2 : at + 4], "little")
    value = content[at + 4 : at + 4 + length].rstrip(b" ").split(b"\\")
    value[rng.integers(0, len(value))] = _NUMBERS[rng.integers(0, len(_NUMBERS))]
    text = b"\\".join(value)[:65534]
    text += b" " * (len(text) % 2)
    content = (
        content[: at + 2] + len(text).to_bytes(2, "little") + text + content[at + 4 + length :]
    )
    return content


def _two_gigabytes(content: bytes, rng: np.random.Generator) -> bytes:
    """A file of 2 kB that says it holds 2 GB."""

    def change(made: Dataset) -> None:
        if "PixelData" in made:
            made.Rows = made.Columns = 32767 if rng.random() < 0.5 else 4096
            made.PixelData = made.PixelData[:600]

    content = _edited(content, change)
    at = content.rfind(b"OW")
    if at > 0:
        content = content[: at + 4] + (2**31 - 2).to_bytes(4, "little") + content[at + 8 :]
    return content[:2000]


def _deep(content: bytes, rng: np.random.Generator) -> bytes:
    """Sequences within sequences."""
    depth = int(rng.integers(200, 1500))
    start = b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    at = content.find(b"\x08\x00\x60\x00CS")
    return content[:at] + start * depth + content[at:]


_SYNTAXES = (b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.2", b"1.2.840.10008.1.2.1.99")
_SYNTAXES += (b"1.2.840.10008.1.2.4.50", b"1.2.840.10008.1.2.4.90", b"1.2.840.10008.1.2.5")


def _wrong_syntax(content: bytes, rng: np.random.Generator) -> bytes:
    syntax = _SYNTAXES[rng.integers(0, len(_SYNTAXES))]
    old = b"1.2.840.10008.1.2.1\x00"
    at = content.find(old)
    syntax = syntax[: len(old)]
    # As long as before, or longer by a corrected length.
    if len(syntax) <= len(old):
        return content.replace(old, syntax + b"\x00" * (len(old) - len(syntax)), 1)
    return content[:at] + syntax + content[at + len(old) :]


def _swapped(content: bytes, rng: np.random.Generator) -> bytes:
    """Pieces of the file in another order."""
    a, b = sorted(int(n) for n in rng.integers(132, len(content), 2))
    return content[:132] + content[a:b] + content[132:a] + content[b:]


OF_A_FILE: dict[str, Callable[[bytes, np.random.Generator], bytes]] = {
    "bits": _bits,
    "truncated": _truncated,
    "tag removed": _tag_removed,
    "emptied": _emptied,
    "wrong VR": _wrong_vr,
    "huge length": _huge_length,
    "wrong count": _wrong_count,
    "bad number": _bad_number,
    "two gigabytes": _two_gigabytes,
    "deep": _deep,
    "wrong syntax": _wrong_syntax,
    "swapped": _swapped,
}


def _mixed(files: Files, rng: np.random.Generator) -> Files:
    """Slices of another series, size, place, orientation or frame among those of the first."""
    files = dict(files)
    keyword, value = (
        ("SeriesInstanceUID", "1.2.3"),
        ("FrameOfReferenceUID", "1.2.3"),
        ("ImagePositionPatient", [10.0, -64.0, 3.0]),
        ("ImageOrientationPatient", [1, 0, 0, 0, 0, -1]),
        ("PixelSpacing", [2.0, 4.0]),
        ("RescaleIntercept", "0"),
        ("Modality", "MR"),
        ("Rows", 16),
    )[rng.integers(0, 8)]

    def change(made: Dataset) -> None:
        setattr(made, keyword, value)
        if rng.random() < 0.5:
            made.SOPInstanceUID = generate_uid(entropy_srcs=[str(rng.integers(0, 2**31))])

    names = [name for name in files if name.startswith("IM")]
    for name in rng.choice(names, int(rng.integers(1, 4)), replace=False):
        as_name = str(name) if rng.random() < 0.5 else f"{name}b"
        files[as_name] = _edited(files[str(name)], change)
    return files


def _lost(files: Files, rng: np.random.Generator) -> Files:
    names = [name for name in files if name.startswith("IM")]
    gone = set(rng.choice(names, int(rng.integers(1, 6)), replace=False))
    return {name: content for name, content in files.items() if name not in gone}


def damaged(files: Files, number: int) -> tuple[str, Files]:
    """The kind of damage, and the folder with it; the same for the same number."""
    rng = np.random.default_rng([20260101, number])
    kinds = [*OF_A_FILE, "mixed", "lost"]
    kind = kinds[number % len(kinds)]
    if kind == "mixed":
        return kind, _mixed(files, rng)
    if kind == "lost":
        return kind, _lost(files, rng)
    names = sorted(files)
    name = "RS0001.dcm" if rng.random() < _SHARE_OF_SET else names[rng.integers(0, len(names))]
    return kind, {**files, name: OF_A_FILE[kind](files[name], rng)}


def read(files: Files, kind: str) -> Outcome:
    """Look at the folder, then make a case of it; say what came of it and what is wrong."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        said, problem = "", ""
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                list_folder(scan(folder))
                case = check_case(read_foreign(folder, CHOICE, PLACE))
            except GkplanError as error:
                said = str(error).replace(name, "")
                if "\n" in said or not 20 < len(said) < 900:
                    problem = f"no sentence: {said!r}"
            except Exception:  # what the corpus is there to find
                problem = traceback.format_exc()
            else:
                said = "; ".join(str(w.message).replace(name, "") for w in told)
                # Flipped bits and overwritten digits may be a different, healthy file.
                if not said and kind not in ("bits", "bad number", "swapped", "wrong VR"):
                    problem = difference(case)
    seconds = time.perf_counter() - start
    if seconds > 10.0 and not problem:
        problem = f"{seconds:.1f} s"
    return Outcome(kind, said, problem, seconds)


def difference(case: Case) -> str:
    """How a case differs from that of the undamaged folder, which it should be like."""
    wanted = 4 / 3 * math.pi * BALL_MM**3 / 1000
    got = volume_cc(case.targets[0])
    x, y, z = BALL_AT_MM
    off = case.targets[0].solid.bounds.mean(axis=0) - (100.0 + x, 100.0 - y, 100.0 - z)
    size = case.head.bounds[1] - case.head.bounds[0]
    # Within two pixels: without its EXTERNAL contours the head is that of the image.
    head_is_off = np.abs(size - HEAD).max() > 8.0
    if abs(got / wanted - 1) > 0.02 or np.abs(off).max() > 1.0 or head_is_off:
        return f"silently another case: {got:.3f} cc, off by {off.tolist()}, head {size.tolist()}"
    return ""


def main(count: int) -> int:
    files = whole_folder()
    outcomes = []
    for number in range(count):
        kind, hostile = damaged(files, number)
        outcome = replace(read(hostile, kind), kind=kind)
        outcomes.append(outcome)
        if outcome.problem:
            sys.stdout.write(f"{number} {kind}: {outcome.problem}\n")
    told = Counter((o.kind, "read" if not o.said else "told") for o in outcomes)
    sys.stdout.write(f"{sorted(told.items())}\n")
    slowest = max(o.seconds for o in outcomes)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wrong = sum(bool(o.problem) for o in outcomes)
    sys.stdout.write(
        f"{count} folders, {wrong} problems, slowest {slowest:.2f} s, {peak:.0f} MB at most\n"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
