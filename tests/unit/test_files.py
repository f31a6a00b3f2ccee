"""Unit files: those that ship, the example of docs/units.md, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from gkplan.cli import main
from gkplan.errors import UnitError
from gkplan.unit import load_unit, unit_names

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/units.md").read_text(encoding="utf-8")
EXAMPLE = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)[1]  # type: ignore[index]
SHIPPED = {
    name: (ROOT / f"gkplan/unit/data/{name}.toml").read_text() for name in ("4c", "perfexion")
}


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", ["4c", "4C", "b", "C"])
def test_the_legacy_unit_answers_to_its_names(name: str) -> None:
    unit = load_unit(name)
    assert (unit.name, unit.n_sources, unit.has_helmets) == ("4c", 201, True)
    assert [(c.size_mm, c.output_factor) for c in unit.collimators] == [
        (4, 0.870), (8, 0.956), (14, 0.985), (18, 1.0),
    ]  # fmt: skip


def test_the_rings_of_the_legacy_unit_are_the_published_ones() -> None:
    unit = load_unit("4c")
    assert np.bincount(unit.source_ring).tolist() == [44, 44, 39, 39, 35]
    elevation = np.rad2deg(np.arcsin(-unit.collimator(18).directions[:, 2]))
    first = [elevation[unit.source_ring == ring] for ring in range(5)]
    np.testing.assert_allclose([e.mean() for e in first], [4.0, 12.5, 21.5, 30.0, 39.0])
    assert max(np.ptp(e) for e in first) < 1e-9


def test_units_are_listed_with_what_is_not_fitted(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(unit_names()) == {"4c", "perfexion"}
    assert main(["units"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "profiles not fitted" in lines[0]
    assert "profiles fitted to" in lines[1]
    assert main(["units", "b"]) == 0
    assert "Al-Dweri" in capsys.readouterr().out


def test_the_example_of_the_page_loads_and_treats(tmp_path: Path) -> None:
    unit = load_unit(written(tmp_path, EXAMPLE))
    assert (unit.n_sources, unit.has_helmets, unit.is_fitted) == (12, True, False)
    np.testing.assert_allclose(np.linalg.norm(unit.collimator(8).directions, axis=1), 1.0)
    assert unit.collimator(16).profiles[0](8.0) == pytest.approx(0.5, abs=0.05)
    assert unit.collimator(8).profiles[0](4.2) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("unit", "old", "new", "message"),
    [
        ("perfexion", "sources_per_sector = 24", "sources_per_sector = 23",
         "[sectors] sources_per_ring adds up to 24, sources_per_sector says 23"),
        ("4c", "output_factor = 0.956", "output_factor = 1.21",
         "[[collimator]] 8 mm output_factor: expected a number from 0.05 to 1.2, got 1.21"),
        ("perfexion", "size_mm = 16", "size_mm = 14", "[[collimator]]: no 16 mm one"),
        ("perfexion", "size_mm = 8", "size_mm = 4", "[[collimator]] size_mm: 4 mm is there twice"),
        ("4c", "[[collimator]]", "[[colimator]]", "[[collimator]]: missing"),
        ("4c", "elevation_deg = [4.0,", "elevation_deg = [94.0,",
         "[[collimator]] 4 mm elevation_deg: expected numbers from -30 to 85, got 94.0"),
        ("4c", "[[225.0, 1.9], ", "[[425.0, 1.9], ", "8 mm aperture_mm: expected places nearer"),
        ("4c", "    3.8, 11.4,", "    11.4,",
         "[sectors] azimuth_deg, ring 1: expected 44 angles, as sources_per_ring says, got 43"),
        ("4c", "sigma_mm = [0.0, ", "sigma_mm = [", "[spread]: sigma_mm and weight need equally"),
        ("4c", "half_life_days", "halflife", "[calibration] half_life_days: missing"),
        ("4c", "count = 1\n", 'count = "1"\n', "[sectors] count: expected a whole number"),
        ("4c", 'name = "4c"', "", "unit name: missing"),
        ("perfexion", "sense = 1", "sense = 2", "[sectors] sense: expected 1 or -1, got 2"),
        ("perfexion", "size_mm = 8\n", "size_mm = 8\naperture_mm = [[165.0, 2.5]]\n",
         "[[collimator]] 8 mm step_half_width_mm: does not go with aperture_mm"),
        ("page", "[0.9, 0.0, -0.436]", "[0.9, 0.0, -0.3]",
         "[sources] directions, source 1: expected a unit vector, got one of length 0.9487"),
        ("page", "[0.9, 0.0, -0.436]", "[0.0, 0.0, -1.0]",
         "[sources] directions, source 1: expected an elevation (toward -z) of -30 to 85"),
        ("page", "[0.9, 0.0, -0.436]", "[0.9, nan, -0.436]", "directions, entry 1: expected"),
        ("page", "[0.9, 0.0, -0.436]", "[0.9, 0.436]", "directions, entry 1: expected 3 numbers"),
        ("page", "sources_per_sector = 12", "sources_per_sector = 11",
         "[sources] directions: expected 1 x 11 = 11, as [sectors] says, got 12"),
        ("page", "size_mm = 8", "size_mm = 8\nelevation_deg = 20.0",
         "8 mm elevation_deg: does not"),
        ("page", "step_weight = [0.6, 0.37, 0.03]", "step_weight = [0.6]", "need equally many"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_table_and_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], unit: str, old: str, new: str, message: str
) -> None:
    text = {**SHIPPED, "page": EXAMPLE}[unit]
    assert old in text
    name = written(tmp_path, text.replace(old, new))
    with pytest.raises(UnitError, match=re.escape(message)):
        load_unit(name)
    assert main(["units", name]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert "mine.toml" in error
