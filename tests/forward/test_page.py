"""docs/forward.md: its commands and its Python run as they stand."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from gkplan.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "forward.md").read_text(encoding="utf-8")


def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```\n(gkplan shots new.*?)```", PAGE, flags=re.DOTALL)
    for line in block.splitlines():
        assert main(shlex.split(line)[1:]) == 0, line
    table = json.loads((tmp_path / "plan.json").read_text())
    assert table["metrics"]["prescription_isodose"] == pytest.approx(0.5, rel=1e-4)
    assert table["shots"][1]["isocenter_mm"] == [127.5, 140.0, 67.0]
    assert len(table["history"]["past"]) == 5


def test_the_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(block, names)
    peak, paddick = map(float, capsys.readouterr().out.split())
    assert peak > 24.0
    assert 0.5 < paddick < 1.0
    assert names["figure"]
