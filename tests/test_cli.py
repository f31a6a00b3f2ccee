"""The command line, as a user meets it."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gkplan.case import phantom_names
from gkplan.cli import main
from gkplan.cli.progress import progress
from gkplan.disclaimer import DISCLAIMER
from gkplan.errors import StoppedError


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("plans") / "trigeminal"
    assert main(["plan", "trigeminal", "--out", str(out)]) == 0
    return out


def test_plan_writes_everything(planned: Path) -> None:
    names = {p.name for p in planned.iterdir()}
    assert names == {"plan.json", "dvh.csv", "report.png", "report.html", "dicom"}
    plan = json.loads((planned / "plan.json").read_text())
    assert plan["disclaimer"] == DISCLAIMER
    assert plan["metrics"]["coverage"] is None
    assert plan["metrics"]["max_dose_gy"] == pytest.approx(80.0, rel=5e-3)
    (of_target,) = plan["metrics"]["targets"].values()
    assert of_target["prescription_isodose"] == pytest.approx(1.0, abs=1e-4)
    assert plan["shots"][0]["sectors"] == [4] * 8


def test_the_single_steps_work_on_the_plan(
    planned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(planned / "plan.json")
    assert main(["evaluate", file, "--json", str(tmp_path / "m.json")]) == 0
    metrics = json.loads((tmp_path / "m.json").read_text())
    assert metrics == json.loads((planned / "plan.json").read_text())["metrics"]
    place = ",".join(str(c) for c in metrics["max_dose_point_mm"])
    capsys.readouterr()
    assert main(["dose", file, "--at", place]) == 0
    assert "80.0" in capsys.readouterr().out
    assert main(["export", file, "--out", str(tmp_path / "d")]) == 0
    assert (tmp_path / "d" / "rtplan.dcm").is_file()


def test_our_dicom_evaluates_like_the_plan(planned: Path, tmp_path: Path) -> None:
    assert main(["evaluate", str(planned / "dicom"), "--json", str(tmp_path / "m.json")]) == 0
    again = json.loads((tmp_path / "m.json").read_text())
    assert again["max_dose_gy"] == pytest.approx(80.0, rel=0.01)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["plan", "no-such-case", "--out", "{}"], "vestibular-schwannoma"),
        (["plan", "trigeminal", "--out", "{}", "--dose-gy", "-3"], "positive"),
        (["plan", "trigeminal", "--out", "{}", "--rate", "nan"], "Gy/min"),
        (["plan", "trigeminal", "--out", "{}", "--date", "yesterday"], "date"),
        (["plan", "trigeminal", "--out", "{}", "--unit", "linac"], "perfexion"),
        (["plan", "trigeminal", "--out", "{}", "--gamma", "20"], "45 to 135"),
        (["plan", "trigeminal"], "--out"),
        (["phantoms", "liver", "--show"], "vestibular-schwannoma"),
        (["phantoms", "--show"], "name the phantom"),
        (["phantoms", "trigeminal", "--out", "{}.pdf"], ".png"),
        (["phantoms", "trigeminal", "--out", "{}/there/it.png"], "cannot write"),
    ],
)
def test_bad_input_is_one_sentence(
    args: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main([a.format(out) for a in args]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error
    assert not out.exists()


def test_a_plan_is_not_overwritten_unasked(
    planned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "trigeminal", "--out", str(planned)]) == 2
    assert "--overwrite" in capsys.readouterr().err


def test_an_unknown_schema_and_a_truncated_plan_are_refused(
    planned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (planned / "plan.json").read_text()
    bad = tmp_path / "plan.json"
    bad.write_text(text.replace("gkplan-plan/1", "gkplan-plan/9"))
    assert main(["evaluate", str(bad)]) == 2
    assert "gkplan-plan/9" in capsys.readouterr().err
    bad.write_text(text[: len(text) // 2])
    assert main(["evaluate", str(bad)]) == 2
    assert "complete" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("isocenter_mm", [5.0, 100.0, 100.0], "outside the reach"),
        ("isocenter_mm", [100.0, 100.0, float("nan")], "three numbers"),
        ("time_min", -1.0, "positive"),
        ("sectors", [4, 4, 4], "8 numbers"),
        ("sectors", [0] * 8, "blocked"),
        ("sectors", [5] * 8, "0, 4, 8, 16"),
        ("gamma_angle_deg", 300.0, "45 to 135"),
    ],
)
def test_a_shot_that_cannot_be_is_refused(
    planned: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    key: str,
    value: object,
    words: str,
) -> None:
    table = json.loads((planned / "plan.json").read_text())
    table["shots"][0][key] = value
    (tmp_path / "p.json").write_text(json.dumps(table))
    assert main(["evaluate", str(tmp_path / "p.json")]) == 2
    error = capsys.readouterr().err
    assert "shot 1" in error
    assert words in error


def test_ctrl_c_stops_with_130_and_leaves_nothing(tmp_path: Path) -> None:
    code = "import sys; from gkplan.cli import main; sys.exit(main(sys.argv[1:]))"
    out = tmp_path / "deep" / "out"
    args = [sys.executable, "-c", code, "plan", "vestibular-schwannoma", "--out", str(out)]
    with subprocess.Popen(args, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "linear programme" in line:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "stopped; nothing was written" in rest
    assert "Traceback" not in rest
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("pressed", "error", "expected"),
    [
        (True, ImportError("initialization failed"), KeyboardInterrupt),
        (True, StoppedError("some of it is kept"), StoppedError),
        (False, ImportError("no such library"), ImportError),
    ],
)
def test_an_error_made_of_ctrl_c_is_ctrl_c(
    pressed: bool, error: Exception, expected: type[BaseException]
) -> None:
    """As by a library whose import was interrupted."""

    def work() -> None:
        with progress():
            if pressed:
                with contextlib.suppress(KeyboardInterrupt):
                    signal.raise_signal(signal.SIGINT)
            raise error

    with pytest.raises(expected):
        work()


def test_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["phantoms"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in phantom_names())
    assert main(["units", "icon"]) == 0
    assert "unverified" in capsys.readouterr().out


def test_a_phantom_is_described_and_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["phantoms", "glomus"]) == 0
    said = capsys.readouterr().out
    for words in (
        "gamma angle 110",
        "target: target, 4.984 cc, 15 Gy",
        "cochlea-left, 0.0503 cc, mean at",
    ):
        assert words in said
    assert list(tmp_path.iterdir()) == []
    assert main(["phantoms", "glomus", "--show"]) == 0
    assert main(["phantoms", "glomus", "--out", "other.png"]) == 0
    for name in ("glomus.png", "other.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_help_imports_neither_numba_nor_pydicom() -> None:
    code = (
        "import sys; from gkplan.cli import main; code = main(['--help']);"
        "heavy = {'numba', 'pydicom', 'scipy', 'matplotlib'} & set(sys.modules);"
        "sys.exit(f'{code} {heavy}' if code or heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "research and education" in " ".join(done.stdout.split())
