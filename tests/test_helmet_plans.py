"""A plan on the unit with helmets, from the planner to its files and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text
from pydicom import dcmread
from pydicom.uid import generate_uid

import gkplan
from gkplan import forward
from gkplan.cli import main
from gkplan.dicom.common import Study
from gkplan.dicom.planblock import read_rtplan
from gkplan.dicom.write.rtplan import BeamDoses, rtplan_dataset
from gkplan.errors import PlanError
from gkplan.plan import Plan
from gkplan.planfile import plan_table, read_plan, write_plan
from gkplan.planner.order import in_order
from gkplan.prescription import Limit
from gkplan.report import plan_figure, report_html
from gkplan.shot import Shot
from gkplan.unit import load_unit
from gkplan.workflow import Planned, dose_volume, judge


@cache
def planned() -> Planned:
    """The small metastasis by the planner, quickly."""
    case = gkplan.load_case("metastasis-small")
    return gkplan.make_plan(case, "4c", aim=gkplan.aim_named("fast"))


@cache
def plugged() -> Plan:
    return forward.plug(planned().plan, 1, [1, 2, 3, 9])


def test_the_planner_treats_with_helmets() -> None:
    plan, metrics = planned().plan, planned().evaluation.metrics
    assert plan.unit.has_helmets
    assert all(shot.has_helmet and not shot.plugged for shot in plan.shots)
    assert metrics.overall.coverage is not None
    assert metrics.overall.coverage >= 0.97
    assert metrics.overall.paddick_index is not None
    assert metrics.overall.paddick_index >= 0.7
    sizes = [shot.collimator_mm for shot in plan.shots]
    # Each helmet is mounted once.
    assert sum(a != b for a, b in pairwise(sizes)) == len(set(sizes)) - 1


def test_shots_of_one_helmet_follow_each_other() -> None:
    places = [(100.0 + n, 100.0, 100.0) for n in range(6)]
    shots = [Shot.through((4, 18)[n % 2], place, 1.0) for n, place in enumerate(places)]
    sizes = [shot.collimator_mm for shot in in_order(shots)]
    assert sizes in ([4] * 3 + [18] * 3, [18] * 3 + [4] * 3)


def test_the_plan_file_has_a_form_of_its_own(tmp_path: Path) -> None:
    first = plan_table(plugged())["shots"][0]
    assert first["plugged"] == [1, 2, 3, 9]
    assert first["collimator_mm"] in (4, 8, 14, 18)
    assert "sectors" not in first
    write_plan(plugged(), tmp_path / "plan.json")
    again = read_plan(tmp_path / "plan.json")
    assert again.shots == plugged().shots
    assert again.history == plugged().history


def changed(table: dict[str, object], **shot: object) -> None:
    table["shots"][0] |= shot  # type: ignore[index]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda t: t.update(unit="perfexion"), "perfexion has 8 sectors; it is a shot of another"),
        (lambda t: changed(t, sectors=[8] * 8), "expected sectors or collimator_mm, got both"),
        (lambda t: changed(t, collimator_mm=16), "expected one of 4, 8, 14, 18"),
        (lambda t: changed(t, plugged=[202]), "plugged source 202 is not there"),
        (lambda t: changed(t, plugged=[5, 5]), "source 5 is there twice"),
        (lambda t: changed(t, plugged=[1.5]), "plugged must be whole numbers"),
        (lambda t: changed(t, plugged=list(range(1, 202))), "all 201 sources of 4c are plugged"),
    ],
)  # fmt: skip
def test_a_wrong_plan_file_is_one_sentence(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    edit: Callable[[dict[str, object]], None],
    message: str,
) -> None:
    table = plan_table(plugged())
    edit(table)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(table))
    assert main(["evaluate", str(path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "shot 1" in error
    assert message in error


def test_a_plan_with_sectors_is_refused_on_helmets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = plan_table(plugged()) | {"history": {}}
    first = dict(table["shots"][0], sectors=[8] * 8)
    del first["collimator_mm"], first["plugged"]
    (tmp_path / "plan.json").write_text(json.dumps(table | {"shots": [first]}))
    assert main(["evaluate", str(tmp_path / "plan.json")]) == 2
    assert "4c has helmets" in capsys.readouterr().err
    with pytest.raises(PlanError, match="a shot of another unit"):
        replace(plugged(), unit=load_unit("perfexion"))


def test_dicom_gives_the_plan_back(tmp_path: Path) -> None:
    plan = planned().plan
    doses = BeamDoses(planned().evaluation.metrics.max_dose_point_mm, [1.0] * len(plan.shots))
    for one in (plan, plugged()):
        numbers = {s.name: n for n, s in enumerate(one.case.structures, start=1)}
        dataset = rtplan_dataset(one, doses, generate_uid(), numbers, Study.of(one.case.name))
        path = tmp_path / "plan.dcm"
        dataset.save_as(path, implicit_vr=True, little_endian=True)
        record = read_rtplan(dcmread(path, force=True))
        assert record.unit_name == "4c"
        assert record.shots == one.shots
        assert dataset.BeamSequence[0].TreatmentMachineName == "gkplan-201"


def test_edits_by_hand() -> None:
    plan = forward.unplug(plugged(), 1, [2, 3])
    assert plan.shots[0].plugged == (1, 9)
    assert forward.undo(plan).shots[0].plugged == (1, 2, 3, 9)
    assert forward.unplug(plan, 1).shots[0].plugged == ()
    assert forward.change(plan, 1, collimator_mm=14).shots[0].sectors == (14,)
    x, y, z = plan.shots[0].isocenter_mm
    more = forward.add(plan, [18], (x, y, z), 0.5, plugged=range(1, 45))
    assert more.shots[-1] == Shot.through(
        18, (x, y, z), 0.5, plugged=range(1, 45), target=plan.shots[0].target
    )
    assert more.history.past[-1].what.startswith("add 18 mm")
    assert plan.history.past[0].what == "plug 1-3,9 of 1"
    new = gkplan.new_plan(plan.case, unit_name="4c")
    assert new.shots[0].sectors == (8,)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda p: forward.block(p, 1, [2]), "4c has helmets and no sectors to block"),
        (lambda p: forward.plug(p, 1, [202]), "plugged source 202 is not there"),
        (lambda p: forward.plug(p, 1, [4, 4]), "source 4 is there twice"),
        (lambda p: forward.plug(p, 1, []), "expected the numbers of sources"),
        (lambda p: forward.plug(p, 1, range(1, 202)), "all 201 sources"),
        (lambda p: forward.unplug(p, 1, [4]), "source 4 is not plugged; these are: 1-3,9"),
        (lambda p: forward.change(p, 1, collimator_mm=16), "expected one of 4, 8, 14, 18"),
        (lambda p: forward.add(p, [8] * 8, (100.0, 100.0, 60.0)), "4c has helmets"),
    ],
)  # fmt: skip
def test_wrong_edits_are_refused(edit: Callable[[Plan], Plan], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        edit(plugged())


def test_polishing_keeps_what_is_plugged() -> None:
    from gkplan.planner.pool import pooled
    from gkplan.workflow import engine_of

    plan = plugged()
    pool, indexed, times = pooled(plan.shots, plan.unit)
    assert pool.listed(indexed, times, plan.unit) == plan.shots
    points = np.array([s.isocenter_mm for s in plan.shots])
    steady = engine_of(replace(plan, transit=False))
    rates = indexed.patterns(pool.influence(steady, points))
    dose = steady.dose(points, plan.shots)
    np.testing.assert_allclose(times @ rates, dose, rtol=0, atol=3e-4 * dose.max())


def test_a_limit_that_a_helmet_misses_is_shown_as_missed() -> None:
    limit = Limit("brainstem", "max", 4.0)
    case = replace(gkplan.load_case("trigeminal"), limits=(limit,))
    result = gkplan.make_plan(case, "4c")
    assert result.plan.shots[0].sectors == (4,)
    assert not result.evaluation.metrics.limits[0].met
    assert result.evaluation.metrics.overall.max_dose_gy == pytest.approx(80.0, rel=0.005)


def test_the_report_shows_helmets_and_that_nothing_is_fitted() -> None:
    judged = judge(plugged())
    page = report_html(judged.plan, judged.evaluation, b"", [1.0] * len(plugged().shots), None)
    assert ">Helmet</th>" in page
    assert "1, 2, 3, 9" in page
    assert "S1" not in page
    assert "profiles not fitted" in page
    figure = plan_figure(judged.plan, dose_volume(judged.plan, 3.0), judged.evaluation)
    texts = [text.get_text() for text in figure.findobj(Text)]
    assert any("profiles not fitted" in text for text in texts)
    assert any("plugged sources" in text for text in texts)


def test_the_command_line_plugs_and_lists(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plan.json"
    write_plan(planned().plan, path)
    assert main(["shots", "plug", str(path), "1", "1-44,201"]) == 0
    out = capsys.readouterr().out
    assert "Helmet" in out
    assert "last edit: plug 1-44,201 of 1" in out
    assert read_plan(path).shots[0].plugged == (*range(1, 45), 201)
    assert main(["shots", "plug", str(path), "1", "1-x"]) == 2
    assert "expected numbers with commas between" in capsys.readouterr().err
