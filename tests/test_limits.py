"""Limits of organs: in files and back, in tables, and wishes that contradict each other."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset

import gkplan
from gkplan.case.check import check_case
from gkplan.case.contradictions import check_limits, check_overlaps
from gkplan.case.limits import limit_table, parse_limit
from gkplan.case.model import Case
from gkplan.cli import main
from gkplan.dicom import private
from gkplan.dicom.planblock import _read_limit
from gkplan.errors import CaseError, CaseWarning, PlanError
from gkplan.load import load_case
from gkplan.metrics.dvh import SampledDose, limit_dose
from gkplan.metrics.model import LimitResult
from gkplan.plan import Plan
from gkplan.planner.candidates import lattice_candidates
from gkplan.prescription import Limit
from gkplan.report.table import limit_text, limit_verdict
from gkplan.shot import Shot
from gkplan.unit import load_unit
from tests.planner.example import MIDDLE, ball, case_of

TARGET = ball("target", "target", MIDDLE, 6.0)
ORGAN = ball("organ", "oar", (112.5, 100.0, 100.0), 6.0)
D02 = Limit("organ", "volume", 8.0, 0.2)


def with_limits(*limits: Limit, organ_mm: float = 112.5) -> Case:
    organ = ball("organ", "oar", (organ_mm, 100.0, 100.0), 6.0)
    return case_of((TARGET, organ), {"target": 14.0}, limits)


@pytest.mark.parametrize(
    "limit",
    [
        Limit("organ", "max", 8.0),
        Limit("organ", "mean", 4.0, hard=True),
        Limit("organ", "d0_035cc", 10.0),
        D02,
        Limit("organ", "volume", 12.0, 10.0, hard=True),
    ],
)
def test_a_limit_survives_our_tables(limit: Limit) -> None:
    assert parse_limit(json.loads(json.dumps(limit_table(limit))), "limit 1") == limit


@pytest.mark.parametrize(
    ("limit", "label"),
    [
        (Limit("o", "max", 8.0), "max"),
        (Limit("o", "mean", 8.0), "mean"),
        (Limit("o", "d0_035cc", 8.0), "D0.035cc"),
        (Limit("o", "volume", 8.0, 0.2), "D0.2cc"),
        (Limit("o", "volume", 12.0, 10.0), "D10cc"),
    ],
)
def test_labels(limit: Limit, label: str) -> None:
    assert limit.label == label
    assert limit_text(limit) == f"{label} at most {limit.dose_gy:g} Gy"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"kind": "volume"}, "volume_cc belongs to the kind 'volume'"),
        ({"kind": "max", "volume_cc": 0.2}, "volume_cc belongs to the kind 'volume'"),
        ({"kind": "volume", "volume_cc": 0}, "volume_cc must be a positive number"),
        ({"kind": "volume", "volume_cc": "1"}, "limit 1.volume_cc: expected a finite number"),
        ({"kind": "volume", "volume_cc": 1, "hard": 1}, "limit 1.hard: expected true or false"),
        ({"kind": "median"}, "kind must be max, mean, d0_035cc or volume, got 'median'"),
        ({"kind": "max", "soft": True}, "unknown key soft"),
    ],
)
def test_a_wrong_limit_is_told(entry: dict[str, object], said: str) -> None:
    with pytest.raises((ValueError, PlanError)) as caught:
        parse_limit({"structure": "organ", "dose_gy": 8, **entry}, "limit 1")
    assert said in str(caught.value)


def test_the_hottest_volume_and_the_volume_above_are_one_limit() -> None:
    """D(v) <= dose says the same as V(dose) <= v, whatever the volumes."""
    rng = np.random.default_rng(3)
    dose, volume = rng.uniform(0.0, 20.0, 500), rng.uniform(0.01, 0.1, 500)
    sample = SampledDose(np.zeros((500, 3)), dose, volume)
    for cc in (0.2, 1.0, 5.0, 10.0, 20.0):
        for level in (2.0, 8.0, 12.0, 19.0):
            kept = limit_dose(sample, Limit("o", "volume", level, cc)) <= level
            assert kept == (volume[dose > level].sum() < cc)


def test_the_named_volume_is_the_special_case() -> None:
    sample = SampledDose(np.zeros((90, 3)), np.arange(90.0), np.full(90, 0.01))
    named = limit_dose(sample, Limit("o", "d0_035cc", 1.0))
    assert named == limit_dose(sample, Limit("o", "volume", 1.0, 0.035)) == 86.0
    assert limit_dose(sample, Limit("o", "max", 1.0)) == 89.0


PHANTOM = """
schema = "gkplan-phantom/1"
title = "a ball"
source = "test"
head = "sphere-160"
[[structure]]
name = "target"
role = "target"
shape.ellipsoid = { center_mm = [100, 100, 100], semi_axes_mm = [6, 6, 6] }
[[structure]]
name = "organ"
role = "oar"
shape.ellipsoid = { center_mm = [112.5, 100, 100], semi_axes_mm = [6, 6, 6] }
[[prescription]]
target = "target"
dose_gy = 14
[[limit]]
structure = "organ"
kind = "volume"
volume_cc = 0.2
dose_gy = 8
hard = true
"""


def test_in_a_phantom_and_in_its_plan(tmp_path: Path) -> None:
    path = tmp_path / "ball.toml"
    path.write_text(PHANTOM)
    case = load_case(str(path))
    assert case.limits == (replace(D02, hard=True),)
    shot = Shot(MIDDLE, (8,) * 8, 3.0, 90.0, "target")
    plan = Plan(case, load_unit("perfexion"), "perfexion", (shot,))
    other = replace(plan, case=replace(case, limits=(replace(D02, dose_gy=7.0),)))
    gkplan.write_plan(other, tmp_path / "plan.json")
    assert gkplan.read_plan(tmp_path / "plan.json").case.limits == other.case.limits
    # A plan from before limits were in it has those of its case.
    table = json.loads((tmp_path / "plan.json").read_text())
    del table["limits"]
    (tmp_path / "plan.json").write_text(json.dumps(table))
    assert gkplan.read_plan(tmp_path / "plan.json").case.limits == case.limits


def test_in_a_contour_file(tmp_path: Path) -> None:
    angle = np.linspace(0.0, 2 * np.pi, 30, endpoint=False)

    def ball_of(x: float) -> list[list[list[float]]]:
        return [
            [[x + r * np.cos(a), r * np.sin(a), float(z)] for a in angle]
            for z in range(-4, 5)
            for r in [np.sqrt(25.0 - z * z)]
        ]

    limit = {"structure": "stem", "kind": "volume", "volume_cc": 0.1, "dose_gy": 10}
    table = {
        "slice_spacing_mm": 1.0,
        "structures": {"target": ball_of(0.0), "stem": ball_of(20.0), "cochlea": ball_of(-20.0)},
    }
    path = tmp_path / "case.json"
    path.write_text(json.dumps({**table, "limits": [limit]}))
    assert load_case(str(path)).limits == (
        Limit("stem", "volume", 10.0, 0.1),
        Limit("cochlea", "mean", 4.0),
    )
    path.write_text(json.dumps({**table, "limits": [{**limit, "structure": "nerve"}]}))
    with pytest.raises(CaseError, match="no structure 'nerve'"):
        load_case(str(path))
    path.write_text(json.dumps({**table, "limits": [{**limit, "kind": "max"}]}))
    with pytest.raises(CaseError, match=r"case.json: limit of 'stem': volume_cc belongs"):
        load_case(str(path))


def test_an_older_dicom_plan_has_soft_limits_without_a_volume() -> None:
    item = Dataset()
    private.put(item, private.Field.STRUCTURE, "organ")
    private.put(item, private.Field.LIMIT_KIND, "d0_035cc")
    private.put(item, private.Field.DOSE, 12.0)
    assert _read_limit(item) == Limit("organ", "d0_035cc", 12.0)


def test_a_missed_hard_limit_says_by_how_much() -> None:
    assert limit_verdict(LimitResult(D02, 8.4)) == "missed"
    assert limit_verdict(LimitResult(replace(D02, hard=True), 7.9)) == "met"
    over = limit_verdict(LimitResult(replace(D02, hard=True), 8.4))
    assert over == "0.4 Gy over a hard limit: missed"


def test_two_limits_of_one_kind_name_both() -> None:
    with pytest.raises(CaseError, match=r"two limits of D0.2cc, 8 Gy and 7 Gy"):
        check_limits(with_limits(D02, replace(D02, dose_gy=7.0)))
    # The named volume and the same volume in numbers are one kind.
    with pytest.raises(CaseError, match=r"two limits of D0.035cc"):
        check_limits(
            with_limits(Limit("organ", "d0_035cc", 8.0), Limit("organ", "volume", 7.0, 0.035))
        )
    check_limits(with_limits(D02, D02, Limit("organ", "volume", 10.0, 0.1)))


def test_a_limit_is_not_for_a_target() -> None:
    with pytest.raises(CaseError, match="is on the target 'target'"):
        check_limits(with_limits(Limit("target", "max", 20.0)))


def test_a_hot_volume_as_large_as_the_organ_limits_nothing() -> None:
    with pytest.raises(CaseError, match=r"leaves all of it free: it has 0.9\d* cc"):
        check_limits(with_limits(Limit("organ", "volume", 8.0, 1.0)))


def test_a_name_twice_is_told() -> None:
    case = with_limits()
    with pytest.raises(CaseError, match="structure 'target' appears 2 times; every structure"):
        check_case(replace(case, structures=(*case.structures, TARGET)))


def lens_fraction(apart_mm: float, radius_mm: float) -> float:
    """What two equal balls share: pi (4 R + d)(2 R - d)^2 / 12, as a fraction of a ball."""
    d, r = apart_mm, radius_mm
    return (4 * r + d) * (2 * r - d) ** 2 / (16 * r**3)


@pytest.mark.parametrize("hard", [False, True])
def test_a_target_in_an_organ_that_may_not_have_its_dose(hard: bool) -> None:
    case = with_limits(Limit("organ", "max", 8.0, hard=hard), organ_mm=110.0)
    shared = lens_fraction(10.0, 6.0)
    with pytest.raises(CaseError) as caught:
        check_overlaps(case, 0.99)
    said = str(caught.value)
    told = float(said.split(" cc, ")[1].split(" %", maxsplit=1)[0])
    assert told == pytest.approx(100 * shared, abs=0.15)
    assert "around (105.0, 100.0, 100.0) mm" in said
    assert "but 99 % is wanted" in said
    most = float(said.split("cannot exceed ")[1].split(" %", maxsplit=1)[0])
    assert most == pytest.approx(100 * (1 - shared), abs=0.15)
    with pytest.warns(CaseWarning, match="its coverage cannot exceed"):
        check_overlaps(case, 0.9)


@pytest.mark.parametrize(
    "limit",
    [
        Limit("organ", "max", 14.0),  # the target's own dose is allowed
        Limit("organ", "mean", 4.0),
        Limit("organ", "volume", 8.0, 0.2),  # more than is shared
    ],
)
def test_what_does_not_contradict_passes_silently(limit: Limit) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_overlaps(with_limits(limit, organ_mm=110.0), 0.99)
        check_overlaps(with_limits(Limit("organ", "max", 1.0)), 0.99)


def test_the_command_line_refuses_before_it_plans(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ball.toml"
    text = PHANTOM.replace("[112.5", "[106").replace("volume_cc = 0.2", "volume_cc = 0.02")
    path.write_text(text)
    assert main(["plan", str(path), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "share 0.283 cc, 31 % of the target" in said
    assert not (tmp_path / "out").exists()


def test_a_target_out_of_reach_names_the_range() -> None:
    far = ball("far", "target", (100.0, 100.0, 5.0), 4.0)
    case = case_of((far,), {"far": 12.0})
    unit = load_unit("perfexion")
    unit = replace(unit, reach_mm=np.array([[40.0, 30.0, 20.0], [160.0, 170.0, 180.0]]))
    with pytest.raises(CaseError) as caught:
        lattice_candidates(case, unit)
    said = str(caught.value)
    assert "target 'far' is outside the reach" in said
    assert "x 40 to 160, y 30 to 170, z 20 to 180 mm" in said
    assert "z 1 to 9 mm" in said
