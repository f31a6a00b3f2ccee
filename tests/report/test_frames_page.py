"""The page about the frames: its examples are true and its formulas are those of the code."""

from __future__ import annotations

import doctest
from pathlib import Path

import numpy as np

from gkplan.frames import leksell_from_unit, patient_from_leksell

PAGE = Path(__file__).parents[2] / "docs" / "frames.md"


def test_examples_are_true() -> None:
    failed, tried = doctest.testfile(str(PAGE), module_relative=False)
    assert failed == 0
    assert tried >= 8


def test_formulas_are_those_of_the_code() -> None:
    x, y, z = 3.0, -5.0, 7.0
    c = np.array([1.0, 2.0, 3.0])
    moved = np.array([x - 100, 100 - y, 100 - z])
    assert np.allclose(patient_from_leksell(c)([x, y, z]), moved + c)
    p, a = np.array([126.0, 92.0, 118.0]), np.deg2rad(72.0 - 90.0)
    turned = [x, y * np.cos(a) - z * np.sin(a), y * np.sin(a) + z * np.cos(a)]
    assert np.allclose(leksell_from_unit(p, 72.0)([x, y, z]), turned + p)
