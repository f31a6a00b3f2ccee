"""An association with a DICOM server: opened, asked by C-ECHO, released; why it could not be."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

from pydicom.uid import UID

from gkplan.errors import OutputError

CALLING_AE_TITLE = "GKPLAN"
_VERIFICATION = UID("1.2.840.10008.1.1")
_IMPLICIT = UID("1.2.840.10008.1.2")
# Seconds: to connect and be let in, for an answer to a file, to say that we leave.
_CONNECT_S, _ANSWER_S, _LEAVE_S = 10, 60, 2
_MOST_CONTEXTS = 128
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


def echo(peer: Peer) -> None:
    """Ask the server whether it is there and talks to us (C-ECHO).

    Raises
    ------
    OutputError
        If pynetdicom is not installed, the server is not there, rejects the association or does
        not answer.
    """
    with associated(peer, [(_VERIFICATION, _IMPLICIT)]) as association:
        status = association.send_c_echo()
    if not status or status.Status != 0:
        raise OutputError(f"{peer}: does not answer an echo; nothing was sent")


@contextmanager
def associated(peer: Peer, contexts: Sequence[tuple[UID, UID]]) -> Iterator[Any]:
    """An association for pairs of SOP class and transfer syntax; aborted if the block is.

    Raises
    ------
    OutputError
        If pynetdicom is not installed, or the server is not there or rejects the association.
    """
    try:
        from pynetdicom import AE
        from pynetdicom.events import EVT_CONN_OPEN
    except ImportError as error:
        raise OutputError(
            "sending needs pynetdicom; install it with: pip install 'gkplan[network]'"
        ) from error
    entity: Any = AE(ae_title=peer.calling)
    entity.connection_timeout = entity.acse_timeout = _CONNECT_S
    entity.dimse_timeout = entity.network_timeout = _ANSWER_S
    for sop_class, syntax in contexts[:_MOST_CONTEXTS]:
        entity.add_requested_context(sop_class, syntax)
    opened: list[Any] = []
    stopped = Event()

    def open_(event: Any) -> None:
        # Small packets go at once: waiting for more costs a tenth of a second a file.
        link = event.assoc.dul.socket.socket
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.append(event.assoc)
        if stopped.is_set():
            event.assoc.abort(block=False)

    try:
        association = entity.associate(
            peer.host, peer.port, ae_title=peer.called, evt_handlers=[(EVT_CONN_OPEN, open_)]
        )
    except KeyboardInterrupt:
        # Its thread would go on, and keep the program from its end.
        stopped.set()
        for one in opened:
            leave(one)
        raise
    if not association.is_established:
        raise OutputError(f"{peer}: {_why_not(association)}")
    try:
        yield association
    except BaseException:
        leave(association)
        raise
    association.release()


def leave(association: Any) -> None:
    """Abort; hang up on a server that does not even take that in."""
    association.acse_timeout = _LEAVE_S
    aborting = Thread(target=association.abort, daemon=True)
    aborting.start()
    aborting.join(2 * _LEAVE_S)
    if aborting.is_alive():
        with suppress(OSError, AttributeError):
            association.dul.socket.socket.shutdown(socket.SHUT_RDWR)


def _why_not(association: Any) -> str:
    if association.is_rejected:
        answer = association.acceptor.primitive
        return (
            f"rejected the association: {answer.reason_str.lower()}; are --aet and --calling-aet "
            f"those that the server knows?"
        )
    if association.rejected_contexts:
        kinds = sorted({context.abstract_syntax.name for context in association.rejected_contexts})
        return f"the server takes none of what is to be sent ({', '.join(kinds)})"
    if association.is_aborted and association.acceptor.primitive is not None:
        return "broke the association off"
    return "no DICOM server answers there; is it running, and is the address right?"
