"""Sending to a DICOM server: one of pynetdicom, on loopback, in a thread."""

from __future__ import annotations

import gc
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from gkplan.cli import main
from gkplan.dicom.write.send import Peer, account, send_folder
from gkplan.errors import OutputError
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
    answer: Callable[[Any], int] = lambda _: 0, classes: int | None = None, strict: bool = False
) -> Iterator[tuple[Peer, dict[str, bytes]]]:
    """A server that answers each dataset with a status, and keeps what it accepts."""
    kept: dict[str, bytes] = {}

    def store(event: Any) -> int:
        status = answer(event.dataset)
        if status in (0, 0xB000):
            kept[str(event.request.AffectedSOPInstanceUID)] = event.request.DataSet.getvalue()
        return status

    entity = pynetdicom.AE(ae_title="ARCHIVE")
    entity.require_called_aet = strict
    entity.supported_contexts = pynetdicom.AllStoragePresentationContexts[:classes]
    entity.add_supported_context(pynetdicom.sop_class.Verification)
    port = free_port()
    running = entity.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(pynetdicom.evt.EVT_C_STORE, store)]
    )
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
    with server(classes=0) as (peer, kept):
        sent = send_folder(folder, peer, silent)
    assert not kept
    assert "the server takes no CT Image Storage" in sent[0].answer


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
