"""Shots near the surface are named, shots outside refused, in the one place that all pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gkplan.cli import main
from gkplan.errors import DepthWarning, PlanError
from gkplan.load import load_case
from gkplan.plan import Plan
from gkplan.shot import Shot
from gkplan.unit import load_unit
from gkplan.workflow import dose_volume, engine_of

CASE = load_case("sphere-160")
UNIT = load_unit("perfexion")


def plan(*heights: float) -> Plan:
    """Shots at so many mm above the centre of the 80 mm sphere (z points down)."""
    shots = tuple(Shot((100.0, 100.0, 100.0 - h), (8,) * 8, 1.0) for h in heights)
    return Plan(CASE, UNIT, "perfexion", shots)


def test_a_shot_outside_the_head_is_refused() -> None:
    with pytest.raises(PlanError) as caught:
        engine_of(plan(0.0, 83.0))
    message = str(caught.value)
    assert "shot 2: isocentre (100.0, 100.0, 17.0) mm is 3.0 mm outside the head" in message


def test_shots_near_the_surface_are_named_with_their_depths() -> None:
    with pytest.warns(DepthWarning) as caught:
        engine_of(plan(76.0, 0.0, 79.0))
    (message,) = [str(w.message) for w in caught]
    assert "shot 1: isocentre (100.0, 100.0, 24.0) mm is 4.0 mm below the surface" in message
    assert "shot 3" in message
    assert "shot 2" not in message
    assert "no build-up" in message


def test_5_mm_and_deeper_pass_silently() -> None:
    engine_of(plan(74.9, 0.0))


@pytest.mark.filterwarnings("default")
def test_the_dose_grid_of_a_shallow_shot_ends_at_the_surface() -> None:
    with pytest.warns(DepthWarning):
        dose = dose_volume(plan(77.0), spacing_mm=2.0)
    inside = CASE.head.contains(dose.grid.points()).reshape(dose.grid.shape)
    assert (dose.array[~inside] == 0.0).all()
    assert (dose.array[inside] > 0.0).all()


@pytest.mark.filterwarnings("default")
def test_the_command_line_says_it_once_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "plan.json"
    shot = {"isocenter_mm": [100, 100, 24], "sectors": [8] * 8, "time_min": 1.0}
    table = {"schema": "gkplan-plan/1", "case": {"path": "sphere-160"}, "shots": [shot]}
    file.write_text(json.dumps(table))
    assert main(["dose", str(file), "--at", "100,100,24", "--out", str(tmp_path / "d.npz")]) == 0
    said = capsys.readouterr().err
    assert said.count("gkplan: warning: shot 1") == 1
    assert "plan.py" not in said
    table["shots"] = [{**shot, "isocenter_mm": [100, 100, 17]}]
    file.write_text(json.dumps(table))
    assert main(["dose", str(file), "--at", "100,100,24"]) == 2
    assert "outside the head" in capsys.readouterr().err
