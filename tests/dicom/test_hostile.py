"""Damaged folders: a sentence or the same case, never a traceback, a hang or another case."""

from __future__ import annotations

import pytest

from tests.dicom.hostile import Files, damaged, read
from tests.dicom.other_system import whole_folder

KINDS = 14


@pytest.fixture(scope="module")
def files() -> Files:
    return whole_folder()


def test_the_undamaged_folder_is_read_without_a_word(files: Files) -> None:
    outcome = read(files, "none")
    assert (outcome.said, outcome.problem) == ("", "")


# All of the corpus, 560 folders, is read by `python -m tests.dicom.hostile 560`.
@pytest.mark.parametrize("start", range(0, 3 * KINDS, KINDS))
def test_damage_is_told_or_harmless(files: Files, start: int) -> None:
    for number in range(start, start + KINDS):
        kind, hostile = damaged(files, number)
        outcome = read(hostile, kind)
        assert not outcome.problem, (number, kind)
