"""The benchmark runs, and its answers are asserted; no time is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gkplan.cli import main


def test_the_dose_benchmark_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "bench.json"
    assert main(["bench", "dose", "--quick", "--json", str(out)]) == 0
    assert "plain numba loop" in capsys.readouterr().out
    result = json.loads(out.read_text())
    assert result["first_call"]["compile_s"] > result["first_call"]["from_cache_s"] > 0.0
    assert all(value > 0.0 for limits in result["limits"].values() for value in limits.values())
    engines = {row["engine"] for row in result["rows"]}
    assert engines == {
        "float64 numpy twin", "plain numba loop", "tmr", "grid", "influence", "change"
    }  # fmt: skip
    for row in result["rows"]:
        assert row["error"] <= 5e-4
        assert row["seconds"] > 0.0
        assert row["beam_voxels_per_s"] > 0.0
