"""Commissioning: a known unit is found again, files are read or refused, the result is a unit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gkplan.cli import main
from gkplan.commission import Scan, fit_unit, predict_left_out, read_scans
from gkplan.commission.account import account
from gkplan.commission.agreement import Agreement
from gkplan.commission.expected import Expected, places
from gkplan.commission.model import Dictionary, design
from gkplan.commission.parameters import Parameters, Rings
from gkplan.commission.problem import Problem
from gkplan.commission.write import commissioned_table, toml_text
from gkplan.dose.profiles import composite_profile, profiles_csv
from gkplan.errors import CaseError
from gkplan.unit import load_unit, unit_table
from gkplan.unit.channel import Channel, Spread, dose_profile
from gkplan.unit.load import read_unit
from gkplan.unit.model import blurred_step

OFFSET = np.arange(-40.0, 40.01, 0.5)
START = Path(__file__).parents[1] / "benchmarks" / "perfexion-start.toml"


def test_a_known_unit_is_found_again(tmp_path: Path) -> None:
    """Profiles of `perfexion` itself, fitted from the rough start: they come back."""
    truth = load_unit("perfexion")
    scans = [Scan(8, a, *composite_profile(truth, 8, a)).conditioned() for a in ("x", "z")]
    fit = fit_unit(load_unit(str(START)), scans)
    assert fit.converged
    assert max(a.largest for a in fit.collimators[0].agreement.values()) < 0.004
    text = account(fit, {"8 mm x": Agreement(0.0123, 0.0045)})
    assert "1.23 %         0.45 %" in text
    assert "perfexion" in text
    assert text.count("attenuation") == 1
    file = tmp_path / "unit.toml"
    file.write_text(toml_text(commissioned_table(unit_table(str(START)), fit, "a test")))
    again = read_unit(file)
    for scan in scans:
        back = Scan(8, scan.axis, *composite_profile(again, 8, scan.axis)).conditioned()
        assert np.abs(back.at(OFFSET) - scan.at(OFFSET)).max() < 0.006
    assert again.collimator(8).output_factor == truth.collimator(8).output_factor
    assert any("a test" in text for text in again.origin.values())


def test_a_difference_counts_unless_a_small_shift_explains_it() -> None:
    scan = Scan(8, "z", *composite_profile(load_unit("perfexion"), 8, "z")).conditioned()
    near, far = (Agreement.of(OFFSET, scan.at(OFFSET + shift), scan) for shift in (0.09, 0.15))
    assert near.largest > 0.02
    # At the top of a profile the values nearby are all below.
    assert near.beyond_shift < 0.001
    assert far.beyond_shift == far.largest > 0.04


def test_y_is_predicted_from_x() -> None:
    """Profiles across the axis are much alike; a collimator without another profile has none."""
    truth = load_unit("perfexion")
    x, y = (Scan(8, a, *composite_profile(truth, 8, a)).conditioned() for a in ("x", "y"))
    predicted = predict_left_out(load_unit(str(START)), [x, y], y)
    assert predicted is not None
    assert np.abs(predicted.at(OFFSET) - y.at(OFFSET)).max() < 0.02
    assert predict_left_out(truth, [x], x) is None


@pytest.mark.parametrize("axis", ["x", "z"])
@pytest.mark.parametrize("size", [4, 8, 16])
def test_the_model_of_the_fit_is_the_engine(size: int, axis: str) -> None:
    """Rings of the shipped unit and the steps of its file give the profile of the engine."""
    unit = load_unit("perfexion")
    table = next(c for c in unit_table("perfexion")["collimator"] if c["size_mm"] == size)
    steps = Dictionary.of(size)
    known = np.zeros(len(steps.half_width_mm))
    for half, edge, weight in zip(
        *(table[f"step_{k}"] for k in ("half_width_mm", "edge_mm", "weight")), strict=True
    ):
        known[np.argmin(np.hypot(steps.half_width_mm - half, steps.edge_mm - edge))] = weight
    rings = replace(Rings.of(unit, size), edge=np.array(table["ring_edge"]))
    dose = design(rings, steps, unit, axis, OFFSET) @ known
    offset, truth = composite_profile(unit, size, axis)
    assert np.abs(dose / dose[80] - np.interp(OFFSET, offset, truth)).max() < 0.002


@pytest.mark.parametrize("size", [4, 8, 16])
def test_what_is_expected_of_a_beam(size: int) -> None:
    """It falls from 1, to half at its half-width, and is the channel's with the same spread."""
    expected, r = Expected(half_width_mm=size / 2 + 0.3, blur_mm=0.6), places(size)
    dose = expected.profile(size)
    assert dose[0] == 1.0
    assert (np.diff(dose) < 0).all()
    assert np.interp(-0.5, -dose, r) == pytest.approx(expected.half_width_mm, abs=0.15)
    # A source of 1 mm at 300 mm shines through a hole at 163.6 mm.
    hole = 300 * 1.2 / 2.2
    channel = Channel(1.0, 300.0, ((hole, expected.half_width_mm * (300 - hole) / 300),))
    spread = unit_table("4c")["spread"]
    there = dose_profile(channel, Spread(spread["sigma_mm"], spread["weight"]), r)
    assert dose == pytest.approx(there, abs=1e-3)
    assert (replace(expected, edge=2.0).profile(size)[1:] > dose[1:]).sum() > 10


def test_the_fit_of_a_profile_leans_on_what_is_expected() -> None:
    """From a composite along x alone: a wider expectation makes a wider beam, and counts."""
    unit = load_unit("perfexion")
    scan = Scan(8, "x", *composite_profile(unit, 8, "x")).conditioned()
    problem, rings = Problem.of(unit, 8, [scan]), Rings.of(unit, 8)
    wide = replace(rings, expected=replace(rings.expected, half_width_mm=4.6))
    narrow = replace(rings, expected=replace(rings.expected, half_width_mm=4.1))

    def beam(rings: Rings) -> float:
        weight, *_ = problem.solved(rings)
        return float(blurred_step(4.6, problem.steps.half_width_mm, problem.steps.edge_mm) @ weight)

    assert beam(wide) > beam(narrow) + 0.005
    # What the shape is off counts in the fit, and in what the fit knows.
    n = len(places(8))
    for rows in (problem.residual, problem.differences):
        assert np.abs(rows(wide)[-n:]).sum() > 2 * np.abs(rows(rings)[-n:]).sum()


def test_travel_moves_all_collimators_and_their_aim() -> None:
    """One number for the sources' place on the cone: 16 mm goes one way, 8 mm the other."""
    parameters = Parameters.of(load_unit(str(START)), (4, 8, 16))
    p = np.zeros(len(parameters.names))
    p[parameters.names.index("travel between collimators")] = 1.0
    p[parameters.names.index("aim, slope with travel")] = 1.0
    moved = {s: parameters.rings(p, s) for s in (4, 8, 16)}
    for size, sign in ((4, 0.0), (8, 1.0), (16, -1.0)):
        step = moved[size].elevation_deg - parameters.start[size].elevation_deg
        assert step == pytest.approx(np.full(5, sign * 3.0))
        assert moved[size].aim_mm == pytest.approx(sign * 0.8 * np.linspace(-0.5, 0.5, 5))


def test_a_profile_left_out_is_not_seen() -> None:
    """Whatever it holds, the prediction is the same; and it is not what the start says."""
    truth, start = load_unit("perfexion"), load_unit(str(START))
    x, z = (Scan(8, a, *composite_profile(truth, 8, a)).conditioned() for a in ("x", "z"))
    other = replace(z, relative_dose=z.relative_dose**1.2)
    first, second = (predict_left_out(start, [x, s], s) for s in (z, other))
    assert first is not None
    assert second is not None
    assert (first.relative_dose == second.relative_dose).all()
    assert np.abs(first.at(OFFSET) - other.at(OFFSET)).max() > 0.02
    assert predict_left_out(start, [x], x) is None


def test_unit_files_survive_writing(tmp_path: Path) -> None:
    table = unit_table("icon")
    (tmp_path / "u.toml").write_text(toml_text(table))
    assert unit_table(str(tmp_path / "u.toml")) == table


def test_our_own_profiles_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text(profiles_csv(load_unit("perfexion")))
    scans = read_scans(file)
    assert len(scans) == 9
    assert scans[0].fwhm_mm == pytest.approx(6.14, abs=0.1)


def test_profiles_compares_a_unit_with_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    assert main(["profiles", "--out", str(first)]) == 0
    capsys.readouterr()
    args = ["profiles", "--out", str(second), "--collimator", "8", "--compare", str(first)]
    picture = tmp_path / "b.png"
    assert main([*args, "--figure", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert printed.count("largest 0.00 %") == 3
    assert second.read_text().splitlines()[1].startswith("8,x,-50.0,")


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--sectors", "9"], "sectors 1 to 8"),
        (["--sectors", "a"], "numbers like 1,2"),
        (["--collimator", "5"], "4, 8, 16 mm"),
        (["--figure", "p.jpg"], "a .png file"),
    ],
)
def test_profiles_refuses_what_the_unit_has_not(
    extra: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "p.csv"
    assert main(["profiles", "--out", str(out), *extra]) == 2
    assert words in capsys.readouterr().err
    assert not out.exists()


def rows(offsets: object, size: int = 8, axis: str = "x") -> str:
    lines = ["collimator_mm,axis,offset_mm,relative_dose"]
    lines += [f"{size},{axis},{o},{np.exp(-((float(o) / 5) ** 2))}" for o in offsets]  # type: ignore[attr-defined]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "expected columns"),
        ("", "got nothing"),
        (rows(np.arange(-5.0, 5.0, 1.0)), "at least 20 points"),
        (rows(np.arange(20.0, -20.0, -1.0)), "ascend"),
        (rows([*np.arange(-20.0, 20.0, 1.0), "nan"]), "not finite"),
        (rows([*np.arange(-20.0, 20.0, 1.0)]) + "\n8,x,abc,1", "expected numbers"),
        (rows(np.arange(-20.0, 20.0, 1.0), axis="w"), "x, y or z"),
        (rows(np.arange(-20.0, 3.0, 0.5)), "both sides"),
    ],
)
def test_bad_profiles_are_refused(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text(text)
    with pytest.raises(CaseError, match=words) as error:
        read_scans(file)
    assert str(file) in str(error.value)


def test_the_wrong_collimator_is_refused_and_nothing_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "p.csv", tmp_path / "u.toml"
    file.write_text(rows(np.arange(-20.0, 20.5, 0.5), size=18))
    assert main(["commission", str(file), "--out", str(out)]) == 2
    assert "18 mm" in capsys.readouterr().err
    assert not out.exists()
