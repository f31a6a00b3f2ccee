"""Two plans of one case beside each other."""

from __future__ import annotations

from gkplan.report.table import summary_rows
from gkplan.workflow import Planned


def compared_rows(before: Planned, after: Planned) -> list[tuple[str, str, str]]:
    """What a plan is judged by, and its value in each of two plans of one case.

    The rows are those of `summary_rows` that both plans have.
    """
    first = dict(summary_rows(before.plan, before.evaluation, None))
    second = dict(summary_rows(after.plan, after.evaluation, None))
    return [(name, value, second[name]) for name, value in first.items() if name in second]
