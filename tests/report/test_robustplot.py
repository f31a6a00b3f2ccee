"""The picture and the rows of a plan under set-up errors show what was computed."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gkplan.disclaimer import DISCLAIMER
from gkplan.metrics.robustness import DvhBand, Quantity, Robustness
from gkplan.metrics.setup import SetupUncertainty, draw_scenarios
from gkplan.plan import Plan
from gkplan.report import png_bytes
from gkplan.report.robustplot import robustness_figure
from gkplan.report.robusttable import ROBUST_COLUMNS, robust_rows, robust_table
from tests.report import example

DOSE = np.linspace(0.0, 20.0, 41)


def made_up() -> Robustness:
    uncertainty = SetupUncertainty(scenarios=4)
    falling = np.clip(1.2 - DOSE / 20.0, 0.0, 1.0)
    return Robustness(
        uncertainty,
        draw_scenarios(uncertainty, np.zeros(3)),
        (
            Quantity("schwannoma", "coverage", None, 0.98, np.array([0.9, 0.95, 0.85, 0.97])),
            Quantity("cochlea-left", "mean", 4.0, 3.5, np.array([3.0, 4.2, 3.6, 3.8])),
            Quantity("optic-chiasm", "max", 8.0, 0.0, np.zeros(4)),
        ),
        (DvhBand("schwannoma", DOSE, falling, 0.9 * falling, np.minimum(1.05 * falling, 1.0)),),
    )


@pytest.fixture(scope="module")
def plan() -> Plan:
    return example.one_target()


@pytest.fixture(scope="module")
def figure(plan: Plan) -> Figure:
    return robustness_figure(plan, made_up())


def lines(axes: Axes) -> list[np.ndarray]:
    return [np.asarray(line.get_xydata()) for line in axes.lines]


def test_the_band_and_the_line_are_the_histogram(figure: Figure) -> None:
    (band,) = made_up().bands
    left = figure.axes[0]
    (fill,) = left.collections
    corners = fill.get_paths()[0].vertices
    for dose, low, high in zip(DOSE, 100 * band.lower, 100 * band.upper, strict=True):
        at = corners[np.isclose(corners[:, 0], dose), 1]
        assert at.min() == pytest.approx(low)
        assert at.max() == pytest.approx(high)
    assert any(
        len(xy) == len(DOSE) and np.allclose(xy[:, 1], 100 * band.nominal) for xy in lines(left)
    )


def test_ranges_are_in_per_cent_of_the_plan_and_a_near_limit_is_shown(figure: Figure) -> None:
    right = figure.axes[1]
    drawn = lines(right)
    coverage = np.array([[100 * 0.85 / 0.98, 0.0], [100 * 0.97 / 0.98, 0.0]])
    assert any(xy.shape == coverage.shape and np.allclose(xy, coverage) for xy in drawn)
    limit = np.array([[100 * 4.0 / 3.5, 1.0]])
    assert any(xy.shape == limit.shape and np.allclose(xy, limit) for xy in drawn)
    names = [text.get_text() for text in right.get_yticklabels()]
    assert names == ["schwannoma coverage", "cochlea-left mean"]  # no per cent of nothing
    assert [text.get_text() for text in right.texts] == ["85.0 %", "4.20"]


def test_it_is_a_png_with_the_disclaimer(figure: Figure) -> None:
    assert png_bytes(figure).startswith(b"\x89PNG")
    texts = [text.get_text() for text in figure.findobj(match=lambda a: hasattr(a, "get_text"))]
    assert any(DISCLAIMER in text for text in texts)


def test_rows_and_table(plan: Plan) -> None:
    result = made_up()
    rows = robust_rows(result)
    assert all(len(row) == len(ROBUST_COLUMNS) for row in rows)
    mean = ("cochlea-left", "mean", "3.50", "3.65", "3.09", "4.14", "4.20", "2", "4.00", "75 %")
    assert rows[1] == mean
    assert rows[0][2:4] == ("98.0 %", "91.8 %")
    table = robust_table(plan, result)
    assert table["quantities"][1]["worst_scenario"] == 2
    assert table["quantities"][1]["limit_kept"] == 0.75
    assert table["dvh_bands"][0]["upper"][0] == 1.0
