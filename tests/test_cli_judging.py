"""gkplan bed and gkplan robustness, as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gkplan.cli import main
from gkplan.disclaimer import DISCLAIMER

# Five shots by hand for the shipped schwannoma: written, not planned, so that this is quick.
PLACES = [(121.4, 83.0, 138.0), (124.0, 84.5, 137.0), (119.0, 82.0, 139.5), (122.0, 81.0, 135.0)]


@pytest.fixture(scope="module")
def plan_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("plan") / "plan.json"
    shots = [
        {"isocenter_mm": place, "sectors": [8, 4, 8, 8, 4, 8, 0, 8], "time_min": 3.0}
        for place in PLACES
    ]
    case = {"kind": "phantom", "path": "vestibular-schwannoma"}
    table = {"schema": "gkplan-plan/1", "case": case, "unit": "perfexion", "shots": shots}
    path.write_text(json.dumps(table))
    return str(path)


def test_bed(plan_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "bed.json"
    assert main(["bed", plan_file, "--json", str(out)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for words in (
        "cochlea-left",
        "BED along the 12.5 Gy isodose",
        "2.47",
        "unverified",
        DISCLAIMER,
    ):
        assert words in said
    once = json.loads(out.read_text())
    assert once["disclaimer"] == DISCLAIMER
    assert once["session_min"] == pytest.approx([12.3])
    assert "origin" in once["tissue"]
    assert main(["bed", plan_file, "--sessions", "3", "--gap", "2", "--json", str(out)]) == 0
    thrice = json.loads(out.read_text())
    assert thrice["session_min"] == pytest.approx([10.0] * 3)
    for name, both in thrice["structures"].items():
        before = once["structures"][name]
        assert both["dose"]["mean_gy"] == pytest.approx(before["dose"]["mean_gy"], rel=1e-3)
        assert both["bed"]["mean_gy"] < before["bed"]["mean_gy"]


def test_robustness(plan_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, picture = tmp_path / "r.json", tmp_path / "r.png"
    args = ["robustness", plan_file, "--scenarios", "4", "--seed", "3", "--shift", "1"]
    assert main([*args, "--figure", str(picture), "--json", str(out)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for words in ("coverage", "D0.035cc", "4 scenarios, seed 3: shifts of 1 mm", DISCLAIMER):
        assert words in said
    assert picture.read_bytes().startswith(b"\x89PNG")
    table = json.loads(out.read_text())
    assert len(table["scenarios"]) == 4
    coverage = table["quantities"][0]
    assert (coverage["structure"], coverage["kind"]) == ("target", "coverage")
    assert coverage["worst"] == min(coverage["values"])
    assert coverage["values"][coverage["worst_scenario"] - 1] == coverage["worst"]
    assert {b["structure"] for b in table["dvh_bands"]} == {q["structure"] for q in
                                                            table["quantities"]}  # fmt: skip


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["bed", "{}", "--sessions", "6"], "1 to 5"),
        (["bed", "{}", "--gap", "-1"], "gap"),
        (["bed", "{}", "--sessions", "2", "--hours", "0.01"], "more hours"),
        (["bed", "{}", "--tissue", "liver"], "normal-cns"),
        (["bed", "{}", "--json", "/nowhere/at/all.json"], "cannot write"),
        (["robustness", "{}", "--shift", "-1"], "shift"),
        (["robustness", "{}", "--scenarios", "0"], "scenarios"),
        (["robustness", "{}", "--figure", "it.pdf"], ".png"),
        (["robustness", "no.json"], "no.json"),
    ],
)
def test_bad_input_is_one_sentence(
    args: list[str], words: str, plan_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([a.format(plan_file) for a in args]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error
