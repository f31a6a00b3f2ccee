"""A tissue's file: read whole, or refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from gkplan.errors import TissueError
from gkplan.metrics.repair import load_tissue, tissue_names

TEXT = """
schema = "gkplan-tissue/1"
name = "mine"
title = "My tissue"
alpha_beta_gy = 3.0
[[component]]
half_time_h = 1.5
share = 2.0
[origin]
alpha_beta_gy = "a"
"component.half_time_h" = "b"
"component.share" = "c"
"""


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TEXT)
    tissue = load_tissue(str(path))
    assert tissue.half_times_min == (90.0,)
    assert tissue.weights == (1.0,)
    assert len(tissue.sha256) == 64


def test_every_shipped_tissue_says_where_it_is_from() -> None:
    for name in tissue_names():
        tissue = load_tissue(name)
        assert tissue.name == name
        assert all(len(text) > 5 for text in tissue.origin.values())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("gkplan-tissue/1", "gkplan-tissue/7", "gkplan-tissue/7"),
        ("alpha_beta_gy = 3.0", "alpha_beta_gy = -3.0", "alpha_beta_gy: expected"),
        ("alpha_beta_gy = 3.0", "", "missing key 'alpha_beta_gy'"),
        ("half_time_h = 1.5", "half_time_h = 'long'", "could not convert"),
        ("share = 2.0", "share = 0.0", "positive"),
        ("share = 2.0", "share = nan", "share: expected"),
        ('"component.share" = "c"', "", "component.share"),
        ("[[component]]", "[component]", "component: expected"),
        ("[origin]", "[origin", "line"),
    ],
)
def test_a_file_that_is_not_usable(old: str, new: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(TissueError, match=words) as caught:
        load_tissue(str(path))
    assert str(path) in str(caught.value)


def test_unknown_and_absent(tmp_path: Path) -> None:
    with pytest.raises(TissueError, match="normal-cns"):
        load_tissue("liver")
    with pytest.raises(TissueError, match="cannot read"):
        load_tissue(str(tmp_path / "no.toml"))
