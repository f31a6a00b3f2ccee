"""A real Orthanc server, started here on loopback: store, query, retrieve, anonymise, import."""

from __future__ import annotations

import io
import json
import subprocess
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from gkplan.cli import main
from gkplan.dicom import read_plan
from gkplan.errors import CaseError, GkplanError
from gkplan.workflow import engine_of
from tests.dicom.conftest import Exported
from tests.dicom.test_send import free_port
from tests.needs import program

pynetdicom: Any = pytest.importorskip("pynetdicom")


@dataclass(frozen=True)
class Server:
    """Orthanc's ports, and the ids under which it keeps things."""

    dicom: int
    http: int

    def ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"http://127.0.0.1:{self.http}{path}", data)) as answer:
            content = answer.read()
        return content if data is None else json.loads(content)

    def listed(self, path: str) -> Any:
        return json.loads(self.ask(path))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    orthanc = program("Orthanc", "orthanc")
    place = tmp_path_factory.mktemp("orthanc")
    ports = Server(free_port(), free_port())
    settings = {
        "Name": "gkplan test",
        "DicomAet": "ORTHANC",
        "DicomPort": ports.dicom,
        "HttpPort": ports.http,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "StorageDirectory": str(place / "storage"),
        "IndexDirectory": str(place / "index"),
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
    }
    (place / "orthanc.json").write_text(json.dumps(settings))
    log = (place / "log").open("wb")
    process = subprocess.Popen(
        [orthanc, str(place / "orthanc.json")], stdout=log, stderr=subprocess.STDOUT
    )
    try:
        for _ in range(300):
            assert process.poll() is None, (place / "log").read_text()
            try:
                ports.ask("/system")
                break
            except URLError:
                time.sleep(0.1)
        yield ports
    finally:
        process.terminate()
        process.wait()
        log.close()


@pytest.fixture(scope="module")
def stored(server: Server, exported: Exported) -> Exported:
    """The exported folder, sent by the command."""
    address = ["--send", f"127.0.0.1:{server.dicom}", "--aet", "ORTHANC"]
    assert main(["export", str(exported.folder), *address]) == 0
    return exported


def test_it_keeps_every_file_byte_for_byte(server: Server, stored: Exported) -> None:
    assert len(server.listed("/instances")) == len(stored.files)
    for path in stored.files[:6]:
        ours = dcmread(path)
        (key,) = keys_of(server, ours)
        theirs = dcmread(io.BytesIO(server.ask(f"/instances/{key}/file")))
        if "PixelData" in ours:
            assert theirs.PixelData == ours.PixelData
        assert theirs.to_json_dict() == ours.to_json_dict()


def keys_of(server: Server, data: Any) -> list[str]:
    query = {"Level": "Instance", "Query": {"SOPInstanceUID": str(data.SOPInstanceUID)}}
    found = server.ask("/tools/find", query)
    return [str(key) for key in found]


def test_it_is_found_and_retrieved_over_the_network(server: Server, stored: Exported) -> None:
    plan = dcmread(stored.files[0])
    classes = pynetdicom.sop_class
    entity = pynetdicom.AE(ae_title="GKPLAN")
    entity.add_requested_context(classes.StudyRootQueryRetrieveInformationModelFind)
    entity.add_requested_context(classes.StudyRootQueryRetrieveInformationModelGet)
    entity.add_requested_context(classes.RTPlanStorage)
    role = pynetdicom.build_role(classes.RTPlanStorage, scp_role=True)
    got: list[Any] = []

    def keep(event: Any) -> int:
        got.append(event.dataset)
        return 0

    association = entity.associate(
        "127.0.0.1", server.dicom, ae_title="ORTHANC", ext_neg=[role],
        evt_handlers=[(pynetdicom.evt.EVT_C_STORE, keep)],
    )  # fmt: skip
    assert association.is_established
    query = Dataset()
    query.QueryRetrieveLevel = "SERIES"
    query.StudyInstanceUID = plan.StudyInstanceUID
    query.SeriesInstanceUID = ""
    query.Modality = "RTPLAN"
    find = classes.StudyRootQueryRetrieveInformationModelFind
    found = [data for status, data in association.send_c_find(query, find) if data is not None]
    assert [data.SeriesInstanceUID for data in found] == [plan.SeriesInstanceUID]
    query.SeriesInstanceUID = plan.SeriesInstanceUID
    del query.Modality
    get = classes.StudyRootQueryRetrieveInformationModelGet
    last = [status for status, _ in association.send_c_get(query, get)][-1]
    association.release()
    assert last.Status == 0
    (retrieved,) = got
    assert retrieved.to_json_dict() == plan.to_json_dict()


def archive_of(server: Server, study: str, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(server.ask(f"/studies/{study}/archive"))) as archive:
        archive.extractall(folder)
    return folder


def anonymised(server: Server, keep_private: bool) -> str:
    (study,) = [
        key
        for key in server.listed("/studies")
        if not server.listed(f"/studies/{key}").get("AnonymizedFrom")
    ]
    wish = {"KeepPrivateTags": keep_private, "Synchronous": True}
    return str(server.ask(f"/studies/{study}/anonymize", wish)["ID"])


def test_anonymised_with_private_tags_it_is_the_same_plan(
    server: Server, stored: Exported, tmp_path: Path
) -> None:
    folder = archive_of(server, anonymised(server, keep_private=True), tmp_path)
    plan = read_plan(folder)
    assert plan.shots == stored.plan.shots
    points = np.random.default_rng(1).uniform([80, 75, 85], [125, 125, 120], (300, 3))
    both = (plan, read_plan(stored.folder))
    again, before = (engine_of(p).dose(points, p.shots) for p in both)
    np.testing.assert_allclose(again, before, rtol=1e-12)


def test_anonymised_without_them_the_pattern_is_said_to_be_missing(
    server: Server, stored: Exported, tmp_path: Path
) -> None:
    folder = archive_of(server, anonymised(server, keep_private=False), tmp_path)
    with pytest.raises(GkplanError, match="the sectors of the shots are missing") as told:
        read_plan(folder)
    assert isinstance(told.value, CaseError)
