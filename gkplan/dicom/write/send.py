"""DICOM files over the network: C-STORE to a server, and what it said to each of them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from gkplan.errors import OutputError

CALLING_AE_TITLE = "GKPLAN"
_CONNECT_S, _ANSWER_S = 10, 60
_MOST_CONTEXTS = 127  # an association has 128; one is for the echo
_LONGEST_TITLE = 16


@dataclass(frozen=True, slots=True)
class Peer:
    """A DICOM server: where it is, its application entity title, and ours."""

    host: str
    port: int
    called: str
    calling: str = CALLING_AE_TITLE

    def __post_init__(self) -> None:
        if not 0 < self.port < 65536:
            raise OutputError(f"{self.host}:{self.port}: expected a port from 1 to 65535")
        for title in (self.called, self.calling):
            plain = title.strip() and title.isascii() and title.isprintable() and "\\" not in title
            if not plain or len(title) > _LONGEST_TITLE:
                raise OutputError(
                    f"AE title {title!r}: expected 1 to {_LONGEST_TITLE} plain characters"
                )

    @classmethod
    def at(cls, address: str, called: str, calling: str = CALLING_AE_TITLE) -> Peer:
        """The peer at "HOST:PORT"."""
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            raise OutputError(f"{address}: expected HOST:PORT, for instance 127.0.0.1:4242")
        return cls(host.strip("[]"), int(port), called, calling)

    def __str__(self) -> str:
        return f"{self.called} at {self.host}:{self.port}"


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
    """
    try:
        from pynetdicom import AE
        from pynetdicom.events import EVT_CONN_OPEN
    except ImportError as error:
        raise OutputError(
            "sending needs pynetdicom; install it with: pip install 'gkplan[network]'"
        ) from error
    files = _files(folder)
    entity: Any = AE(ae_title=peer.calling)
    entity.connection_timeout = _CONNECT_S
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = _ANSWER_S
    entity.add_requested_context("1.2.840.10008.1.1")
    for sop_class, syntax in sorted({(f.sop_class, f.syntax) for f in files})[:_MOST_CONTEXTS]:
        entity.add_requested_context(sop_class, syntax)
    report(f"calling {peer}")
    association = entity.associate(
        peer.host, peer.port, ae_title=peer.called, evt_handlers=[(EVT_CONN_OPEN, _at_once)]
    )
    if not association.is_established:
        raise OutputError(f"{peer}: {_why_not(association)}")
    try:
        _check_echo(association, peer)
        answers = []
        for n, file in enumerate(files, start=1):
            report(f"sending {n} of {len(files)}: {file.path.name}")
            answers.append(_stored(association, file))
    except BaseException:
        association.abort()
        raise
    association.release()
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
    """The DICOM files of a folder: images before what refers to them."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            meta = dcmread(path, specific_tags=["SOPClassUID"], stop_before_pixels=True).file_meta
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


def _at_once(event: Any) -> None:
    """Send small packets at once: waiting for more costs a tenth of a second a file."""
    link = event.assoc.dul.socket.socket
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _why_not(association: Any) -> str:
    if association.is_rejected:
        answer = association.acceptor.primitive
        return (
            f"rejected the association: {answer.reason_str.lower()}; are --aet and --calling-aet "
            f"those that the server knows?"
        )
    if association.is_aborted and association.acceptor.primitive is not None:
        return "broke the association off"
    return "no DICOM server answers there; is it running, and is the address right?"


def _check_echo(association: Any, peer: Peer) -> None:
    if not any(c.abstract_syntax == "1.2.840.10008.1.1" for c in association.accepted_contexts):
        return
    status = association.send_c_echo()
    if not status or status.Status != 0:
        raise OutputError(f"{peer}: does not answer an echo; nothing was sent")


def _stored(association: Any, file: _File) -> Sent:
    from pynetdicom.status import STORAGE_SERVICE_CLASS_STATUS, code_to_category

    if not association.is_established:
        return Sent(file.path, False, "not sent, the server had broken off")
    try:
        status = association.send_c_store(dcmread(file.path))
    except ValueError:
        return Sent(
            file.path,
            False,
            f"the server takes no {file.sop_class.name} in {file.syntax.name}",
        )
    except RuntimeError:
        return Sent(file.path, False, "the server broke off")
    if not status:
        return Sent(file.path, False, "no answer")
    code = int(status.Status)
    known = STORAGE_SERVICE_CLASS_STATUS.get(code, ("", ""))[1]
    said = str(status.get("ErrorComment", "")).strip() or known or "no reason given"
    answer = f"{code_to_category(code).lower()} {code:04X}H, {said}"
    accepted = code == 0 or code_to_category(code) == "Warning"
    return Sent(file.path, accepted, "" if code == 0 else answer)
