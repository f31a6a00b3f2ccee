"""gkplan shots: a session on the command line, as a physicist types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gkplan.cli import main
from gkplan.disclaimer import DISCLAIMER


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("begun") / "plan.json"
    assert main(["shots", "new", "metastasis-small", "--out", str(out)]) == 0
    return out


@pytest.fixture
def plan(begun: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(begun, tmp_path / "plan.json"))


def shots_in(plan: Path) -> list[dict[str, object]]:
    shots: list[dict[str, object]] = json.loads(plan.read_text())["shots"]
    return shots


def test_a_new_plan_has_its_metrics(begun: Path) -> None:
    table = json.loads(begun.read_text())
    assert table["metrics"]["prescription_isodose"] == pytest.approx(0.5, rel=1e-4)
    assert table["shots"][0]["sectors"] == [8] * 8


def test_a_session(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(plan)
    x, y, z = (float(c) for c in shots_in(plan)[0]["isocenter_mm"])  # type: ignore[attr-defined]
    capsys.readouterr()
    where = f"{x + 2:g},{y:g},{z:g}"
    assert main(["shots", "add", file, "4mm-no-left", "--at", where, "--time", "2.5"]) == 0
    said = capsys.readouterr().out
    for words in ("Paddick", "B 4 4 4 4 4 4 B", "2.500", "beam-on time", "last edit", DISCLAIMER):
        assert words in said
    assert main(["shots", "move", file, "2", "--by", "-1,0,1.5"]) == 0
    assert main(["shots", "set", file, "1", "--sectors", "4,8,8,B,B,8,8,4"]) == 0
    assert main(["shots", "weight", file, "2", "2"]) == 0
    assert main(["shots", "block", file, "1", "2,3"]) == 0
    first, second = shots_in(plan)
    assert second["isocenter_mm"] == pytest.approx([x + 1, y, z + 1.5])
    assert second["time_min"] == 5.0
    assert first["sectors"] == [4, 0, 0, 0, 0, 8, 8, 4]
    assert main(["shots", "undo", file]) == 0
    assert shots_in(plan)[0]["sectors"] == [4, 8, 8, 0, 0, 8, 8, 4]
    assert main(["shots", "redo", file]) == 0
    assert shots_in(plan)[0]["sectors"] == [4, 0, 0, 0, 0, 8, 8, 4]
    assert main(["shots", "normalise", file, "--coverage", "0.98"]) == 0
    table = json.loads(plan.read_text())
    assert table["metrics"]["coverage"] == pytest.approx(0.98, abs=1e-4)
    assert [s["what"].split()[0] for s in table["history"]["past"]] == [
        "add", "move", "set", "weight", "block", "normalise"
    ]  # fmt: skip
    assert main(["shots", "weight", file, "--relative", "1,3"]) == 0
    assert main(["shots", "remove", file, "1"]) == 0
    capsys.readouterr()
    assert main(["shots", "list", file]) == 0
    assert "B 4 4 4 4 4 4 B" in capsys.readouterr().out


def test_the_result_can_go_elsewhere(plan: Path, tmp_path: Path) -> None:
    before = plan.read_bytes()
    other = tmp_path / "other.json"
    assert main(["shots", "weight", str(plan), "all", "0.5", "--out", str(other)]) == 0
    assert plan.read_bytes() == before
    assert shots_in(other)[0]["time_min"] == shots_in(plan)[0]["time_min"] / 2  # type: ignore[operator]


def test_stale_files_beside_the_plan_are_said_to_be(
    plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (plan.parent / "dicom").mkdir()
    (plan.parent / "report.png").touch()
    assert main(["shots", "weight", str(plan.parent), "all", "2"]) == 0
    assert "of the plan before; gkplan shots write" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["move", "{}", "7", "--by", "0,0,1"], "shot 7 is not there; the plan has one shot"),
        (["move", "{}", "1", "--by", "0,0"], "--by 0,0: expected three numbers"),
        (["move", "{}", "1", "--to", "a,b,c"], "--to a,b,c: expected numbers"),
        (["move", "{}", "1", "--to", "inf,0,0"], "finite"),
        (["move", "{}", "1"], "one of the two"),
        (["add", "{}", "8mm-some", "--at", "1,2,3"], "library"),
        (["add", "{}", "8,8,8", "--at", "100,100,100"], "shot 2: sectors"),
        (["add", "{}", "8mm-all"], "--at"),
        (["set", "{}", "1", "--time", "0.01"], "shot 1: 0.01 min is too short"),
        (["set", "{}", "1", "--sectors", "4,x"], "expected collimator sizes"),
        (["set", "{}", "one", "--time", "1"], "number"),
        (["block", "{}", "1", "2-4"], "with commas between"),
        (["remove", "{}", "1"], "at least one shot"),
        (["weight", "{}", "1"], "expected shots and a factor"),
        (["weight", "{}", "1", "2", "--relative", "1"], "got both"),
        (["weight", "{}", "--relative", "1,2"], "1 positive numbers"),
        (["normalise", "{}"], "leaves the isodose free"),
        (["undo", "{}"], "no edit is left"),
        (["redo", "{}"], "no edit has been undone"),
        (["undo", "{}", "--out", "{}"], "is there already"),
        (["undo", "{}", "--out", "{}/no/where.json"], "no folder"),
        (["new", "trigeminal", "--out", "{}"], "is there already"),
        (["new", "trigeminal", "--out", "{}2", "--shot", "9mm"], "library"),
        (["new", "trigeminal", "--out", "{}2", "--date", "today"], "date"),
        (["list", "{}2"], "cannot read the plan"),
        (["undo", "{}2"], "cannot read the plan"),
    ],
)
def test_bad_input_is_one_sentence_and_changes_nothing(
    args: list[str], words: str, plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = plan.read_bytes()
    assert main(["shots", *(a.format(plan) for a in args)]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("gkplan:")]
    assert len(said) == 1
    assert words in said[0]
    assert plan.read_bytes() == before
    assert list(plan.parent.iterdir()) == [plan]


def test_a_folder_of_dicom_alone_cannot_be_edited_in_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["shots", "undo", str(tmp_path)]) == 2
    assert "name a file with --out" in capsys.readouterr().err


def test_the_library_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shots", "library"]) == 0
    said = capsys.readouterr().out
    assert "8mm-no-posterior" in said
    assert "a convention of gkplan" in said


def test_all_files_of_a_plan_by_hand(plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "all"
    assert main(["shots", "write", str(plan), "--out", str(out)]) == 0
    assert {p.name for p in out.iterdir()} == {
        "plan.json", "dvh.csv", "report.png", "report.html", "dicom"
    }  # fmt: skip
