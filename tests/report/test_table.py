"""Rows of text and the histograms as a file."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from gkplan.metrics.model import LimitResult
from gkplan.prescription import Limit
from gkplan.report import (
    DVH_COLUMNS,
    STRUCTURE_COLUMNS,
    TARGET_COLUMNS,
    dvh_csv,
    structure_rows,
    summary_rows,
    target_rows,
)
from gkplan.report.text import clock, percent, volume
from tests.report import example


def test_summary_holds_the_numbers_of_the_evaluation() -> None:
    plan = example.one_target()
    evaluation = example.evaluate(plan, example.gaussians(plan))
    metrics = evaluation.metrics
    rows = dict(summary_rows(plan, evaluation, 12.34))
    assert rows["Coverage"] == percent(metrics.overall.coverage)
    assert rows["Selectivity"] == "0.800"
    assert rows["Gradient index"] == "2.83"
    assert rows["Prescription isodose"] == "50.0 %"
    assert rows["Couch travel"] == "0.0 mm from shot to shot"
    assert rows["Maximum dose"] == "24.00 Gy at (126.0, 92.0, 118.0) mm"
    assert rows["Beam-on time"] == "3.2 min at 2.5 Gy/min"
    assert rows["Beam-on time at 3.0 Gy/min"] == "2.7 min"
    assert (rows["Shots"], rows["Isocentres"]) == ("1", "1")
    assert rows["Planning time"] == "12.3 s"
    assert rows["brainstem"].startswith(f"mean {metrics.structures['brainstem'].mean_gy:.2f}, max ")


def test_unknown_planning_time_is_left_out() -> None:
    plan = example.one_target()
    evaluation = example.evaluate(plan, example.gaussians(plan))
    assert "Planning time" not in dict(summary_rows(plan, evaluation, None))


def test_limits_say_whether_they_are_met() -> None:
    plan = example.one_target()
    evaluation = example.evaluate(plan, example.gaussians(plan))
    results = (
        LimitResult(Limit("cochlea-left", "mean", 4.0), 3.2),
        LimitResult(Limit("brainstem", "d0_035cc", 12.0), 12.5),
    )
    evaluation = replace(evaluation, metrics=replace(evaluation.metrics, limits=results))
    rows = dict(summary_rows(plan, evaluation, None))
    assert rows["Limits"] == "1 of 2 met"
    assert rows["cochlea-left mean"] == "3.20 Gy, limit 4 Gy: met"
    assert rows["brainstem D0.035cc"] == "12.50 Gy, limit 12 Gy: missed"


def test_an_index_that_is_not_defined_says_why() -> None:
    plan = example.functional()
    rows = dict(summary_rows(plan, example.evaluate(plan, example.gaussians(plan)), None))
    assert rows["Coverage"] == "- (the dose is prescribed to the maximum)"
    plan = example.six_targets()
    rows = dict(summary_rows(plan, example.evaluate(plan, example.gaussians(plan)), None))
    assert rows["Gradient index"] == "- (see each target)"


def test_each_target_and_each_structure_has_a_row() -> None:
    plan = example.six_targets()
    evaluation = example.evaluate(plan, example.gaussians(plan))
    targets = target_rows(plan, evaluation)
    assert [row[0] for row in targets] == [t.name for t in plan.case.targets]
    assert {len(row) for row in targets} == {len(TARGET_COLUMNS)}
    assert targets[0][1] == "20 Gy"
    structures = structure_rows(plan, evaluation)
    assert [row[0] for row in structures] == [s.name for s in plan.case.structures]
    assert {len(row) for row in structures} == {len(STRUCTURE_COLUMNS)}


def test_dvh_file_reads_back() -> None:
    plan = example.renamed(example.one_target(), "brainstem", 'odd, "name"\nof two lines')
    evaluation = example.evaluate(plan, example.gaussians(plan))
    header, *rows = csv.reader(io.StringIO(dvh_csv(evaluation), newline=""))
    assert tuple(header) == DVH_COLUMNS
    for dvh in evaluation.dvhs:
        own = np.array([row[1:] for row in rows if row[0] == dvh.structure], dtype=float)
        assert own[:, 0] == pytest.approx(dvh.dose_gy, rel=1e-5)
        assert own[:, 1] == pytest.approx(dvh.volume_cc, rel=1e-5)
        assert own[:, 2] == pytest.approx(dvh.volume_cc / dvh.volume_cc[0], rel=1e-5)


@pytest.mark.parametrize(("minutes", "text"), [(3.25, "3:15"), (0.9999, "1:00"), (61.0, "61:00")])
def test_clock(minutes: float, text: str) -> None:
    assert clock(minutes) == text


@pytest.mark.parametrize(
    ("cc", "text"), [(0.0142, "0.0142 cc"), (1.5, "1.500 cc"), (28.7, "28.7 cc")]
)
def test_small_volumes_keep_their_digits(cc: float, text: str) -> None:
    assert volume(cc) == text
