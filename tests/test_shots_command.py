"""gkplan shots: a session on the command line, as a physicist types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gkplan import workflow
from gkplan.cli import main
from gkplan.disclaimer import DISCLAIMER
from gkplan.planfile import metrics_table


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


def test_a_new_plan_may_count_densities(begun: Path, tmp_path: Path) -> None:
    """Bone on the way takes photons: the same dose needs a little more time."""
    out = tmp_path / "deep.json"
    assert (
        main(["shots", "new", "metastasis-small", "--out", str(out), "--depth", "radiological"])
        == 0
    )
    assert json.loads(out.read_text())["depth"] == "radiological"
    deep, water = shots_in(out)[0]["time_min"], shots_in(begun)[0]["time_min"]
    assert 1.0 < float(str(deep)) / float(str(water)) < 1.1


def test_an_edit_is_written_judged_and_shown(
    plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(plan)
    before = shots_in(plan)
    capsys.readouterr()
    assert main(["shots", "add", file, "4mm-no-left", "--at", "127,140,66", "--time", "2.5"]) == 0
    said = capsys.readouterr().out
    for words in ("Paddick", "B 4 4 4 4 4 4 B", "2.500", "beam-on time", "last edit", DISCLAIMER):
        assert words in said
    table = json.loads(plan.read_text())
    assert table["metrics"]["n_shots"] == 2
    assert table["history"]["past"][-1]["what"].startswith("add B,4,4,4,4,4,4,B at (127, 140, 66)")
    assert main(["shots", "block", file, "1", "2,3"]) == 0
    assert shots_in(plan)[0]["sectors"] == [8, 0, 0, 8, 8, 8, 8, 8]
    assert main(["shots", "undo", file]) == 0
    assert main(["shots", "undo", file]) == 0
    assert shots_in(plan) == before
    assert main(["shots", "redo", file]) == 0
    assert len(shots_in(plan)) == 2


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
        (["block", "{}", "1", "2-4-6"], "with commas between"),
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
        (["write", "{}", "--out", "{}"], "is not a folder"),
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


def test_all_files_are_those_of_the_judged_plan(
    plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    monkeypatch.setattr(workflow, "write_all", lambda *given: written.append(given))
    assert main(["shots", "write", str(plan), "--out", str(tmp_path / "all")]) == 0
    ((planned, out, overwrite, _),) = written
    assert (out, overwrite) == (tmp_path / "all", False)
    assert metrics_table(planned.plan.metrics) == json.loads(plan.read_text())["metrics"]
