"""The table and the picture of several plans show their numbers."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from matplotlib.axes import Axes

from gkplan.disclaimer import DISCLAIMER
from gkplan.plan import Plan
from gkplan.report import png_bytes
from gkplan.report.paretoplot import pareto_figure
from gkplan.report.paretotable import PARETO_COLUMNS, pareto_csv, pareto_rows, pareto_table
from tests.report import example


def judged(plan: Plan, minutes: float) -> Plan:
    metrics = example.evaluate(plan, example.gaussians(plan)).metrics
    return replace(plan, metrics=replace(metrics, beam_on_time_min=minutes))


def panels(plans: list[Plan]) -> list[Axes]:
    return pareto_figure(plans).axes


def test_every_plan_is_where_its_numbers_say() -> None:
    plans = [judged(example.one_target(), minutes) for minutes in (30.0, 20.0)]
    for axes, index in zip(panels(plans), ("paddick_index", "gradient_index"), strict=True):
        for n, plan in enumerate(plans, start=1):
            (mark,) = [line for line in axes.lines if line.get_gid() == f"plan {n} {index}"]
            assert plan.metrics is not None
            assert float(mark.get_xdata()[0]) == plan.metrics.beam_on_time_min  # type: ignore[index]
            assert float(mark.get_ydata()[0]) == getattr(plan.metrics.overall, index)  # type: ignore[index]
        assert {text.get_text()[:1] for text in axes.texts} == {"1", "2"}


def test_an_index_that_is_not_defined_is_said_to_be() -> None:
    plans = [judged(example.functional(), 30.0)]
    for axes in panels(plans):
        assert [text.get_text() for text in axes.texts] == ["not defined: see the targets"]
    assert png_bytes(pareto_figure(plans)).startswith(b"\x89PNG")


def test_a_row_has_a_cell_for_every_column() -> None:
    plans = [judged(example.six_targets(), minutes) for minutes in (30.0, 20.0, 10.0)]
    rows = pareto_rows(plans)
    assert {len(row) for row in rows} == {len(PARETO_COLUMNS)}
    assert [row[PARETO_COLUMNS.index("Beam on")] for row in rows] == [
        "30.0 min",
        "20.0 min",
        "10.0 min",
    ]


def test_the_table_tells_time_at_the_usual_rate_too() -> None:
    plan = replace(judged(example.one_target(), 30.0), calibration_dose_rate_gy_per_min=1.5)
    table = pareto_table([plan])
    assert table["disclaimer"] == DISCLAIMER
    assert table["plans"][0]["beam_on_time_at_3_gy_per_min"] == 15.0
    (line,) = csv.DictReader(io.StringIO(pareto_csv([plan])))
    assert line["beam_on_time_at_3_gy_per_min"] == "15"
    assert line["gap"] == ""


def test_a_plan_that_nobody_judged_is_refused() -> None:
    with pytest.raises(ValueError, match="judged"):
        pareto_rows([example.one_target()])
