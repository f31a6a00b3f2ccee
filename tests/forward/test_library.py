"""The shot library: complete, deliverable, and its names mean the sides that they say."""

from __future__ import annotations

import numpy as np
import pytest

from gkplan import forward
from gkplan.errors import PlanError
from gkplan.shot import Shot, check_shots
from gkplan.unit import load_unit

UNIT = load_unit("perfexion")
SIDES = {"left": (1, 0), "right": (-1, 0), "anterior": (0, 1), "posterior": (0, -1)}


def mean_direction(states: tuple[int, ...], state: int) -> np.ndarray:
    """Across the axis of the unit, of the sources in sectors of this state."""
    chosen = np.array(states)[UNIT.source_sector] == state
    across = UNIT.collimator(4).directions[chosen, :2].mean(axis=0)
    return across / max(float(np.linalg.norm(across)), 0.05)


@pytest.mark.parametrize("shot", forward.library_shots(), ids=lambda s: s.name)
def test_a_shot_is_deliverable_and_on_the_side_of_its_name(shot: forward.LibraryShot) -> None:
    check_shots([Shot((100.0, 100.0, 100.0), shot.sectors, 1.0)], UNIT)
    assert shot.description
    assert shot.origin
    words = shot.name.replace("mm", "").split("-")
    if words[1] == "all":
        assert shot.sectors == (int(words[0]),) * 8
    elif words[1] == "no" and words[2] in SIDES:
        assert shot.sectors.count(0) == 2
        assert mean_direction(shot.sectors, 0) == pytest.approx(SIDES[words[2]], abs=1e-6)
    elif words[1] == "no":
        assert [n for n, s in enumerate(shot.sectors, start=1) if s == 0] == [int(words[2])]
    else:
        for size, side in (words[:2], words[2:]):
            assert shot.sectors.count(int(size)) == 4
            assert mean_direction(shot.sectors, int(size)) == pytest.approx(SIDES[side], abs=1e-6)


def test_names_are_unique_and_unknown_ones_refused() -> None:
    names = [s.name for s in forward.library_shots()]
    assert len(names) == len(set(names)) == 31
    with pytest.raises(PlanError, match=r"'8mm-al' in the library.*gkplan shots library"):
        forward.library_shot("8mm-al")


@pytest.mark.parametrize(
    ("text", "states"),
    [("4,8,8,B,B,8,8,4", (4, 8, 8, 0, 0, 8, 8, 4)), (" 16, b ,0", (16, 0, 0))],
)
def test_sectors_are_read_as_typed(text: str, states: tuple[int, ...]) -> None:
    assert forward.parse_sectors(text) == states
    assert forward.parse_sectors(forward.sectors_text(states)) == states


@pytest.mark.parametrize("text", ["4,8,x", "", "4,,8", "-4,8", "4.5,8"])
def test_other_words_for_sectors_are_refused(text: str) -> None:
    with pytest.raises(PlanError, match="expected collimator sizes and B"):
        forward.parse_sectors(text)
