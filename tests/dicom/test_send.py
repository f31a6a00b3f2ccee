"""Sending to a DICOM server: one of pynetdicom, on loopback, in a thread."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from gkplan.cli import main
from gkplan.dicom.write import association
from gkplan.dicom.write.association import Peer, echo
from gkplan.dicom.write.send import account, send_folder
from gkplan.errors import OutputError, StoppedError
from tests.dicom.conftest import Exported

pynetdicom: Any = pytest.importorskip("pynetdicom")


def silent(_: str) -> None:
    pass


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(
    answer: Callable[[Any], int] = lambda _: 0,
    classes: Sequence[str] | None = None,
    strict: bool = False,
    ends: list[str] | None = None,
) -> Iterator[tuple[Peer, dict[str, bytes]]]:
    """A server that answers each dataset with a status, and keeps what it accepts.

    `ends` gets a word for each association that ends.
    """
    kept: dict[str, bytes] = {}
    told = ends if ends is not None else []

    def store(event: Any) -> int:
        status = answer(event.dataset)
        if status in (0, 0xB000):
            kept[str(event.request.AffectedSOPInstanceUID)] = event.request.DataSet.getvalue()
        return status

    entity = pynetdicom.AE(ae_title="ARCHIVE")
    entity.require_called_aet = strict
    entity.supported_contexts = [
        context
        for context in pynetdicom.AllStoragePresentationContexts
        if classes is None or context.abstract_syntax in classes
    ]
    entity.add_supported_context(pynetdicom.sop_class.Verification)
    port = free_port()
    events = pynetdicom.evt
    handlers = [
        (events.EVT_C_STORE, store),
        (events.EVT_RELEASED, lambda _: told.append("released")),
        (events.EVT_ABORTED, lambda _: told.append("aborted")),
    ]
    running = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    try:
        yield Peer("127.0.0.1", port, "ARCHIVE"), kept
    finally:
        running.shutdown()


@pytest.fixture(scope="module")
def folder(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was exported, of the CT three slices: the network is slow."""
    few = tmp_path_factory.mktemp("few")
    for path in exported.files[:6]:
        shutil.copy(path, few)
    return few


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def body(path: Path) -> bytes:
    """The dataset of a file without its preamble and meta information."""
    meta = dcmread(path).file_meta
    return path.read_bytes()[132 + 12 + int(meta.FileMetaInformationGroupLength) :]


def test_every_file_arrives_byte_for_byte_images_first(folder: Path) -> None:
    told: list[str] = []
    with server() as (peer, kept):
        sent = send_folder(folder, peer, told.append)
    assert len(sent) == len(kept) == 6
    assert all(s.accepted and s.answer == "" for s in sent)
    assert [s.path.name for s in sent[-3:]] == ["rtstruct.dcm", "rtplan.dcm", "rtdose.dcm"]
    for path in files_in(folder):
        assert kept[str(dcmread(path).SOPInstanceUID)] == body(path)
    assert account(sent, peer) == f"{peer} accepted {len(sent)} files"
    assert told[1].startswith(f"sending 1 of {len(sent)}")


def test_what_is_refused_is_named_with_the_reason(folder: Path) -> None:
    def full(data: Any) -> int:
        return 0xA700 if data.Modality == "RTDOSE" else 0xB000 if data.Modality == "RTPLAN" else 0

    with server(full) as (peer, kept):
        sent = send_folder(folder, peer, silent)
    assert len(kept) == len(sent) - 1
    answers = {s.path.name: s.answer for s in sent if s.answer}
    assert set(answers) == {"rtdose.dcm", "rtplan.dcm"}
    assert answers["rtplan.dcm"].startswith("warning B000H")
    with pytest.raises(OutputError, match=rf"{len(kept)} of {len(sent)} files, and refused rtdose"):
        account(sent, peer)


def test_a_kind_that_the_server_does_not_take_is_named(folder: Path) -> None:
    with server(classes=["1.2.840.10008.5.1.4.1.1.2"]) as (peer, kept):
        sent = send_folder(folder, peer, silent)
    assert len(kept) == 3
    assert "the server takes no RT Structure Set Storage" in sent[3].answer
    with (
        server(classes=[]) as (peer, _),
        pytest.raises(OutputError, match=r"takes none of what is to be sent \(CT Image Storage"),
    ):
        send_folder(folder, peer, silent)


# pynetdicom's server leaves the socket of a rejected association to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_wrong_title_and_a_silent_port_are_said(folder: Path) -> None:
    with server(strict=True) as (peer, _):
        wrong = Peer(peer.host, peer.port, "OTHER")
        with pytest.raises(OutputError, match=r"OTHER at .*rejected the association: called ae"):
            send_folder(folder, wrong, silent)
    gc.collect()
    with pytest.raises(OutputError, match="no DICOM server answers there"):
        send_folder(folder, Peer("127.0.0.1", free_port(), "ARCHIVE"), silent)


def test_a_server_that_breaks_off_is_told(folder: Path) -> None:
    with server() as (peer, _):
        count = 0

        def answer(event: Any) -> int:
            nonlocal count
            count += 1
            if count == 3:
                event.assoc.abort()
            return 0

        entity = pynetdicom.AE(ae_title="ARCHIVE")
        entity.supported_contexts = pynetdicom.AllStoragePresentationContexts
        port = free_port()
        handlers = [(pynetdicom.evt.EVT_C_STORE, answer)]
        running = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
        try:
            sent = send_folder(folder, Peer(peer.host, port, "ARCHIVE"), silent)
        finally:
            running.shutdown()
    assert [s.accepted for s in sent[:2]] == [True, True]
    assert not any(s.accepted for s in sent[2:])
    assert "broken off" in sent[-1].answer


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--send", "nowhere", "--aet", "A"], "nowhere: expected HOST:PORT"),
        (["--send", "h:70000", "--aet", "A"], "expected a port from 1 to 65535"),
        (["--send", "h:104", "--aet", "A" * 17], "expected 1 to 16 plain characters"),
        (["--send", "h:104"], "give the AE title of the server"),
        ([], "where to? give --out DIR, or --send"),
    ],
)
def test_wrong_addresses_are_one_sentence(
    options: list[str], sentence: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(folder), *options]) == 2
    assert sentence in capsys.readouterr().err


def test_the_command_sends_a_folder_as_it_is(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with server() as (peer, kept):
        address = ["--send", f"{peer.host}:{peer.port}", "--aet", peer.called]
        assert main(["export", str(folder), *address]) == 0
    assert set(kept) == {str(dcmread(path).SOPInstanceUID) for path in files_in(folder)}
    assert "ARCHIVE at 127.0.0.1" in capsys.readouterr().out


def test_a_folder_without_dicom_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(OutputError, match="has no DICOM file to send"):
        send_folder(tmp_path, Peer("127.0.0.1", 1, "ARCHIVE"), silent)


def export_to(peer: Peer, *args: str) -> int:
    return main(["export", *args, "--send", f"{peer.host}:{peer.port}", "--aet", peer.called])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_wrong_address_is_said_before_anything_is_computed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plan is not even looked for: it does not exist."""
    plan = [str(tmp_path / "no.json"), "--out", str(tmp_path / "out")]
    assert export_to(Peer("127.0.0.1", free_port(), "ARCHIVE"), *plan) == 2
    assert "no DICOM server answers there" in capsys.readouterr().err
    with server(strict=True) as (peer, _):
        assert export_to(Peer(peer.host, peer.port, "OTHER"), *plan) == 2
        assert "rejected the association" in capsys.readouterr().err
        assert export_to(peer, *plan) == 2
        assert "no.json" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    gc.collect()


def test_what_listens_but_is_silent_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(association, "_CONNECT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        peer = Peer("127.0.0.1", listening.getsockname()[1], "ARCHIVE")
        with pytest.raises(OutputError, match="no DICOM server answers there"):
            echo(peer)


def test_ctrl_c_aborts_and_says_what_was_accepted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pressed while a slow server takes its time over the fourth file."""
    went_on = threading.Event()

    def slow(data: Any) -> int:
        if data.Modality == "RTSTRUCT":
            os.kill(os.getpid(), signal.SIGINT)
            went_on.wait(10.0)
        return 0

    ends: list[str] = []
    with server(slow, ends=ends) as (peer, kept):
        assert export_to(peer, str(folder)) == 130
        assert len(kept) == 3
        went_on.set()
    assert ends == ["released", "aborted"]  # that of the echo, and that of the files
    said = capsys.readouterr()
    assert f"gkplan: stopped; {peer} had accepted 3 of 6 files" in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


def congested(listening: socket.socket, peer: Peer, go_on: threading.Event) -> list[int]:
    """Pass an association on, then read nothing, as a server does that hangs, and press Ctrl-C.

    Later the bytes that were under way are counted.
    """
    near, _ = listening.accept()
    with near, socket.create_connection((peer.host, peer.port)) as far:
        far.sendall(near.recv(1 << 16))
        near.sendall(far.recv(1 << 16))
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)
        go_on.wait(10.0)
        return [len(part) for part in iter(lambda: near.recv(1 << 20), b"")]


def test_ctrl_c_hangs_up_on_a_server_that_reads_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dataset is more than the network holds: no abort gets through behind it."""
    monkeypatch.setattr(association, "_LEAVE_S", 0.2)
    size = 64 << 20
    large = dcmread(folder / "rtdose.dcm")
    large.PixelData = bytes(size)
    large.save_as(tmp_path / "large.dcm")
    go_on = threading.Event()
    with (
        server() as (peer, _),
        socket.create_server(("127.0.0.1", 0)) as listening,
        ThreadPoolExecutor(1) as pool,
    ):
        between = pool.submit(congested, listening, peer, go_on)
        there = Peer("127.0.0.1", listening.getsockname()[1], "ARCHIVE")
        with pytest.raises(StoppedError, match="had accepted 0 of 1 files"):
            send_folder(tmp_path, there, silent)
        go_on.set()
        assert sum(between.result(10.0)) < size


def test_ctrl_c_while_a_server_makes_us_wait_at_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(association, "_LEAVE_S", 0.2)

    def wait(listening: socket.socket) -> bytes:
        near, _ = listening.accept()
        with near:
            near.recv(1 << 16)
            os.kill(os.getpid(), signal.SIGINT)
            return b"".join(iter(lambda: near.recv(1 << 16), b""))

    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        door = pool.submit(wait, listening)
        with pytest.raises(KeyboardInterrupt):
            echo(Peer("127.0.0.1", listening.getsockname()[1], "ARCHIVE"))
        assert door.result(10.0)[:1] == b"\x07"  # an A-ABORT, then the end
