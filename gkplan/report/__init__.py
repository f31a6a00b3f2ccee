"""A plan for people to read: the picture, the page, and tables for other programs."""

from gkplan.report.dvh import DVH_COLUMNS, dvh_csv
from gkplan.report.figure import plan_figure, png_bytes
from gkplan.report.html import report_html
from gkplan.report.table import (
    INDEX_COLUMNS,
    LIMIT_COLUMNS,
    STRUCTURE_COLUMNS,
    TARGET_COLUMNS,
    index_rows,
    limit_rows,
    shot_columns,
    shot_rows,
    structure_rows,
    summary_rows,
    target_rows,
)

__all__ = [
    "DVH_COLUMNS",
    "INDEX_COLUMNS",
    "LIMIT_COLUMNS",
    "STRUCTURE_COLUMNS",
    "TARGET_COLUMNS",
    "dvh_csv",
    "index_rows",
    "limit_rows",
    "plan_figure",
    "png_bytes",
    "report_html",
    "shot_columns",
    "shot_rows",
    "structure_rows",
    "summary_rows",
    "target_rows",
]
