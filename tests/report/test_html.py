"""The page: well-formed, complete, and safe against what names may hold."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from gkplan import forward
from gkplan.disclaimer import DISCLAIMER
from gkplan.plan import Plan
from gkplan.report import plan_figure, report_html
from gkplan.report.html import source_rows
from tests.report import example

_VOID = {"meta", "img", "br", "hr", "link"}
_EVIL = "<script>alert('x')</script>\"><img src=y onerror=z>"
_PNG = b"\x89PNG not really"


class Page(HTMLParser):
    """Checks that tags are balanced; collects tags, text and the rows of tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.content = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.content += data
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def page_of(plan: Plan) -> str:
    evaluation = example.evaluate(plan, example.gaussians(plan))
    rates = [2.0 + 0.125 * n for n in range(len(plan.shots))]
    return report_html(plan, evaluation, _PNG, rates, 4.5)


def test_page_is_well_formed_and_needs_nothing_else() -> None:
    text = page_of(example.six_targets())
    page = Page(text)
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    names = [tag for tag, _ in page.tags]
    assert {"script", "link", "iframe"}.isdisjoint(names)
    (image,) = (attributes for tag, attributes in page.tags if tag == "img")
    source = image["src"]
    assert source is not None
    assert base64.b64decode(source.removeprefix("data:image/png;base64,")) == _PNG
    assert image["alt"]
    assert "http" not in text


def test_disclaimer_comes_first() -> None:
    text = page_of(example.one_target())
    body = text[text.index("<body>") :]
    assert re.sub(r"<[^>]*>", "", body).strip().startswith(DISCLAIMER)


def test_treatment_sheet_has_every_shot_in_order() -> None:
    plan = example.six_targets()
    page = Page(page_of(plan))
    start = next(n for n, row in enumerate(page.rows) if row and row[0] == "Shot")
    for n, (shot, row) in enumerate(zip(plan.shots, page.rows[start + 1 :], strict=False)):
        assert row[:2] == [str(n + 1), shot.target]
        assert row[2:6] == [*(f"{c:.1f}" for c in shot.isocenter_mm), "90"]
        assert row[6:14] == [str(s) if s else "–" for s in shot.sectors]
        assert row[14:] == [f"{shot.time_min:.3f}", f"{3 + n}:15", f"{2 + 0.125 * n:.3f}"]
    assert page.rows[start + 7][:2] == ["Beam-on time", "34.500"]


def test_numbers_say_where_they_come_from() -> None:
    plan = example.one_target()
    rows = dict(row for row in Page(page_of(plan)).rows if len(row) == 2)
    unit = plan.unit
    assert rows["Unit data"] == f"perfexion version {unit.version}, sha256 {unit.sha256[:16]}"
    assert rows["Source of the case"] == "Made up for tests, doi:10.0000/example"
    assert rows["Calibration dose rate"] == "2.5 Gy/min"
    assert (rows["engine"], rows["options.seed"], rows["options.goal"]) == ("made up", "7", "time")


@pytest.mark.parametrize("name", ["schwannoma", "brainstem"])
def test_names_cannot_inject_tags(name: str) -> None:
    plan = example.renamed(example.one_target(), name, _EVIL)
    case = replace(plan.case, name=_EVIL, source=_EVIL, path=_EVIL)
    plan = replace(plan, case=case, unit_name=_EVIL, provenance={_EVIL: [_EVIL]})
    text = page_of(plan)
    page = Page(text)
    assert "script" not in [tag for tag, _ in page.tags]
    assert sum(tag == "img" for tag, _ in page.tags) == 1
    assert _EVIL in page.content


def test_a_missed_limit_stands_out() -> None:
    plan = example.one_target()
    limits = tuple(replace(limit, dose_gy=0.01) for limit in plan.case.limits)
    text = page_of(replace(plan, case=replace(plan.case, limits=limits)))
    assert '<td class="missed">missed</td>' in text
    assert 'class="missed">missed' not in page_of(example.one_target())


def test_one_focus_rate_for_each_shot() -> None:
    plan = example.six_targets()
    evaluation = example.evaluate(plan, example.gaussians(plan))
    with pytest.raises(ValueError, match="each of the 6 shots, got 1"):
        report_html(plan, evaluation, _PNG, [2.0], None)


def test_a_case_without_targets_is_shown_about_its_dose_maximum() -> None:
    plan = example.one_target()
    dose = example.gaussians(plan)
    evaluation = example.evaluate(plan, dose)
    evaluation = replace(evaluation, metrics=replace(evaluation.metrics, targets={}))
    case = replace(plan.case, structures=plan.case.oars, prescriptions=())
    plan = replace(plan, case=case)
    figure = plan_figure(plan, example.dose_volume(dose, 6.0), evaluation)
    assert figure.axes[0].get_xlim() == (96.0, 156.0)
    text = report_html(plan, evaluation, _PNG, [2.0], None)
    assert "<h2>Targets</h2>" not in text
    Page(text)


def test_edits_by_hand_are_told() -> None:
    plan = example.one_target()
    edited = forward.weight(forward.block(plan, 1, [1]), 2.0)
    rows = dict(source_rows(edited))
    assert rows["Edits by hand"] == "2, the last ones: block 1 of 1; weight all by 2"
    assert "Edits by hand" not in dict(source_rows(plan))
