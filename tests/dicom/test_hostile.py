"""Damaged folders: a sentence or the same case, never a traceback, a hang or another case."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gkplan.cli import main
from tests.dicom.hostile import Files, damaged, read
from tests.dicom.hostile_check import (
    check_problem,
    checked,
    exported_files,
    registration_bytes,
    registration_problem,
    series_problem,
    spoilt,
)
from tests.dicom.other_system import whole_folder

KINDS = 14


@pytest.fixture(scope="module")
def files() -> Files:
    return whole_folder()


def test_the_undamaged_folder_is_read_without_a_word(files: Files) -> None:
    outcome = read(files, "none")
    assert (outcome.said, outcome.problem) == ("", "")


# All of the corpus, 560 folders, is read by `python -m tests.dicom.hostile 560`.
@pytest.mark.parametrize("start", range(0, 3 * KINDS, KINDS))
def test_damage_is_told_or_harmless(files: Files, start: int) -> None:
    for number in range(start, start + KINDS):
        kind, hostile = damaged(files, number)
        outcome = read(hostile, kind)
        assert not outcome.problem, (number, kind)


# All of these, 560, are read by `python -m tests.dicom.hostile_check 560`.
@pytest.mark.filterwarnings("default")
def test_damage_to_a_plan_is_told_or_harmless(tmp_path: Path) -> None:
    _, theirs = exported_files()
    usual = checked(theirs, tmp_path)
    assert usual[0] == 0
    for number in range(8):
        kind, files = spoilt(theirs, number)
        assert check_problem(files, kind, usual)[1] == "", (number, kind)


def test_damage_to_what_is_registered_is_told_or_harmless(files: Files) -> None:
    for number in range(KINDS):
        assert series_problem(damaged(files, 100 + number)[1])[1] == "", number
    whole, matrix = registration_bytes()
    assert registration_problem(whole, "none", matrix) == ("read", "")
    for number in range(5 * KINDS):
        kind, spoilt_files = spoilt({"reg.dcm": whole}, number)
        problem = registration_problem(spoilt_files["reg.dcm"], kind, matrix)[1]
        assert problem == "", (number, kind)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["plan", "{}", "--target", "GTV", "--out", "{}-out"], "its dose is missing"),
        (["plan", "{}", "--out", "{}-out"], "--target NAME --dose GY"),
        (["plan", "{}", "--target", "CTV:9", "--out", "{}-out"], "no ROI 'CTV'; there are: Outer"),
        (["plan", "{}", "--oar", "Outer", "--out", "{}-out"], "at least one --target"),
        (["plan", "{}", "--target", "GTV:9", "--limit", "Outer:9", "--out", "{}-out"], "NAME:max"),
        (
            ["plan", "{}", "--target", "GTV:9", "--frame-centre", "1,2", "--out", "{}-out"],
            "three numbers",
        ),
        (["plan", "trigeminal", "--target", "GTV:9", "--out", "{}-out"], "no such folder"),
        (["inspect", "{}-none"], "no such folder"),
    ],
)
def test_bad_wishes_are_one_sentence(
    args: list[str],
    words: str,
    files: Files,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "dicom"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    assert main([a.replace("{}", str(folder)) for a in args]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error
    assert not Path(f"{folder}-out").exists()


def test_inspect_prints_a_table_or_json(
    files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    assert main(["inspect", str(tmp_path), "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert table["series"][0]["files"] == 33
    assert [roi["name"] for roi in table["structures"][0]["rois"]] == ["Outer", "GTV"]
    assert main(["inspect", str(tmp_path)]) == 0
    assert "1 series, 1 structure sets, 0 plans" in capsys.readouterr().out
