"""dicom3tools judges every file, and the set of them."""

from __future__ import annotations

import subprocess

from tests.dicom.conftest import Exported
from tests.needs import program


def _program(name: str) -> str:
    return program(name, "dicom3tools")


def _lines(*command: str) -> list[str]:
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    return (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()


def test_dciodvfy_finds_no_error_in_any_file(exported: Exported) -> None:
    program = _program("dciodvfy")
    for path in exported.files:
        lines = _lines(program, str(path))
        assert not [line for line in lines if "Error" in line or "Abort" in line], path
        # It names the IOD that it checked against: silence would not be approval.
        assert {"CTImage", "RTPlan", "RTDose", "RTStructureSet"} & set(lines), path


def test_dciodvfy_warns_of_nothing_unknown(exported: Exported) -> None:
    known = (
        "Unrecognized tag - assuming explicit value representation OK",  # our private elements
        # Retired from the standard; systems that read radiosurgery plans look for it.
        "Beam Dose Specification Point",
        "this is a Standard Extended SOP Class",
    )
    program = _program("dciodvfy")
    for path in exported.files[:4]:
        warnings = [line for line in _lines(program, str(path)) if "Warning" in line]
        assert not [line for line in warnings if not any(k in line for k in known)], path


def test_dcentvfy_finds_the_set_consistent(exported: Exported) -> None:
    program = _program("dcentvfy")
    lines = _lines(program, *(str(path) for path in exported.files))
    assert not [line for line in lines if line.startswith("Error") or "Abort" in line]
