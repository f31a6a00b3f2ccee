"""DICOM files over the network: C-STORE to a server, and what it said to each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, MediaStorageDirectoryStorage

from gkplan.dicom.write.association import Peer, associated, leave
from gkplan.errors import OutputError, StoppedError


@dataclass(frozen=True, slots=True)
class Sent:
    """A file, whether the server took it, and what it said."""

    path: Path
    accepted: bool
    answer: str


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    sop_class: UID
    syntax: UID


def send_folder(folder: Path, peer: Peer, report: Callable[[str], None]) -> tuple[Sent, ...]:
    """Send every DICOM file in and below a folder; one answer a file, in the order sent.

    Images go first, then what refers to them. When the server breaks off, the files not sent yet
    count as refused.

    Raises
    ------
    OutputError
        If pynetdicom is not installed, the folder has no DICOM, or the server is not there or
        rejects the association.
    StoppedError
        After Ctrl-C; the message says what was accepted until then.
    """
    files = _files(folder)
    contexts = sorted({(f.sop_class, f.syntax) for f in files})
    answers: list[Sent] = []
    report(f"calling {peer}")
    try:
        with associated(peer, contexts) as association:
            for n, file in enumerate(files, start=1):
                report(f"sending {n} of {len(files)}: {file.path.name}")
                answers.append(_stored(association, file))
    except KeyboardInterrupt as stop:
        accepted = sum(one.accepted for one in answers)
        raise StoppedError(
            f"{peer} had accepted {accepted} of {len(files)} files, and may have the next"
        ) from stop
    return tuple(answers)


def account(sent: Sequence[Sent], peer: Peer) -> str:
    """What was accepted, and what not and why, in one sentence.

    Raises
    ------
    OutputError
        With that sentence, if anything was refused.
    """
    refused = [s for s in sent if not s.accepted]
    if not refused:
        noted = sorted({s.answer for s in sent if s.answer})
        return f"{peer} accepted {len(sent)} files" + "".join(f"; {note}" for note in noted)
    reasons: dict[str, list[str]] = {}
    for one in refused:
        reasons.setdefault(one.answer, []).append(one.path.name)
    told = "; ".join(
        f"{', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}: {reason}"
        for reason, names in reasons.items()
    )
    raise OutputError(
        f"{peer} accepted {len(sent) - len(refused)} of {len(sent)} files, and refused {told}"
    )


def _files(folder: Path) -> list[_File]:
    """The DICOM files in and below a folder: images before what refers to them."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            meta = dcmread(path, specific_tags=["SOPClassUID"], stop_before_pixels=True).file_meta
            if meta.MediaStorageSOPClassUID != MediaStorageDirectoryStorage:
                found.append(_File(path, meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID))
        except (InvalidDicomError, AttributeError):
            continue
        except OSError as error:
            raise OutputError(f"{path}: cannot read it: {error.strerror}") from error
    if not found:
        raise OutputError(f"{folder}: has no DICOM file to send")
    # RTSTRUCT refers to images, RTPLAN to RTSTRUCT, RTDOSE to RTPLAN: .481.3, .481.5, .481.2.
    last = {"1.2.840.10008.5.1.4.1.1.481.3": 1, "1.2.840.10008.5.1.4.1.1.481.5": 2,
            "1.2.840.10008.5.1.4.1.1.481.2": 3}  # fmt: skip
    return sorted(found, key=lambda file: (last.get(file.sop_class, 0), file.path))


def _stored(association: Any, file: _File) -> Sent:
    from pynetdicom.status import STORAGE_SERVICE_CLASS_STATUS, code_to_category

    if not association.is_established:
        return Sent(file.path, False, "not sent, the server had broken off")
    try:
        status = association.send_c_store(dcmread(file.path))
    except (AttributeError, InvalidDicomError, OSError) as error:
        return Sent(file.path, False, f"not sent, not a whole DICOM object: {error}")
    except ValueError:
        return Sent(
            file.path,
            False,
            f"the server takes no {file.sop_class.name} in {file.syntax.name}",
        )
    except RuntimeError:
        return Sent(file.path, False, "the server broke off")
    if not status:
        # Whoever goes on may wait for as long again, for each file that is left.
        leave(association)
        return Sent(file.path, False, "no answer")
    code = int(status.Status)
    known = STORAGE_SERVICE_CLASS_STATUS.get(code, ("", ""))[1]
    said = str(status.get("ErrorComment", "")).strip() or known or "no reason given"
    answer = f"{code_to_category(code).lower()} {code:04X}H, {said}"
    accepted = code == 0 or code_to_category(code) == "Warning"
    return Sent(file.path, accepted, "" if code == 0 else answer)
