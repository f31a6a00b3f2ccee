"""The planner beside its baselines over a population of cases: one row a case and method.

`find_cases` and `jobs_of` say what is to be planned, `sweep` does it and resumes where it
stopped, `medians` and `rows_csv` make the tables.
"""

from gkplan.bench.plans.job import Job, Options, find_cases, jobs_of
from gkplan.bench.plans.methods import METHODS, Account, Method
from gkplan.bench.plans.one import plan_one
from gkplan.bench.plans.published import PUBLISHED, Published
from gkplan.bench.plans.row import LimitRow, Row
from gkplan.bench.plans.sweep import sweep
from gkplan.bench.plans.table import GROUPS, Medians, medians, rows_csv, rows_json

__all__ = [
    "GROUPS",
    "METHODS",
    "PUBLISHED",
    "Account",
    "Job",
    "LimitRow",
    "Medians",
    "Method",
    "Options",
    "Published",
    "Row",
    "find_cases",
    "jobs_of",
    "medians",
    "plan_one",
    "rows_csv",
    "rows_json",
    "sweep",
]
