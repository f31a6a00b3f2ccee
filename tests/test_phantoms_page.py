"""The example of docs/phantoms.md does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gkplan.case.phantom import stated_volumes, volume_cc
from gkplan.cli import main
from gkplan.load import load_case
from gkplan.solids.parse import _PARSERS

PAGE = (Path(__file__).parents[1] / "docs/phantoms.md").read_text(encoding="utf-8")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    found = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert found
    path = tmp_path / "mine.toml"
    path.write_text(found[1], encoding="utf-8")
    return path


def test_the_example_has_20_lines_and_loads(mine: Path) -> None:
    assert len(mine.read_text().splitlines()) == 20
    case = load_case(str(mine))
    assert [s.name for s in case.structures] == ["lesion", "brainstem", "optic-apparatus"]
    lesion = case.targets[0]
    assert volume_cc(lesion) == pytest.approx(stated_volumes(mine)["lesion"], rel=0.02)
    brain = load_case("head").structure("brain").solid
    low, high = lesion.solid.bounds
    assert brain.contains((low + high)[None] / 2).all()


def test_the_example_is_drawn(
    mine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(mine.parent)
    assert "gkplan phantoms mine.toml --show" in PAGE
    assert main(["phantoms", "mine.toml", "--show"]) == 0
    assert "drawn: mine.png" in capsys.readouterr().out
    assert (mine.parent / "mine.png").stat().st_size > 50_000


def test_the_page_names_every_shape() -> None:
    for shape in _PARSERS:
        assert f"`{shape}`" in PAGE
