"""A wheel and an sdist carry all that the main job needs, and it runs from an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLAN = "import sys; from gkplan.cli import main; sys.exit(main(sys.argv[1:]))"


def run(*args: str, cwd: Path, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(args, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def wheel_of(source: Path, out: Path) -> Path:
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out), cwd=source)
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel_of(ROOT, tmp_path_factory.mktemp("wheel"))


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_sdist_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    """File by file: what runs from the one runs from the other."""
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path), cwd=ROOT)
    (archive,) = tmp_path.glob("*.tar.gz")
    run("tar", "xzf", str(archive), cwd=tmp_path)
    unpacked = archive.with_suffix("").with_suffix("")
    assert contents(wheel_of(unpacked, tmp_path)) == contents(wheel)


def test_the_wheel_runs_the_main_job(wheel: Path, tmp_path: Path) -> None:
    place, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(wheel) as archive_of_wheel:
        archive_of_wheel.extractall(place)
    environment = {**os.environ, "PYTHONPATH": str(place)}
    where = "import gkplan; print(gkplan.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", where], cwd=empty, env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert found.stdout.startswith(str(place))
    job = [sys.executable, "-c", PLAN, "plan", "trigeminal", "--out", "out"]
    run(*job, cwd=empty, env=environment)
    plan = json.loads((empty / "out" / "plan.json").read_text())
    assert plan["case"]["path"] == "trigeminal"
