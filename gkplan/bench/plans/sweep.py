"""All jobs, one after the other or side by side, each finished one in a file of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gkplan.bench.plans.job import Job
from gkplan.bench.plans.one import SCHEMA, Report, plan_one
from gkplan.bench.plans.row import Row
from gkplan.errors import OutputError, PlanError
from gkplan.files import write_text

if TYPE_CHECKING:
    from concurrent.futures import Executor


def sweep(
    jobs: Sequence[Job],
    folder: Path,
    executor: Executor | None = None,
    report: Report = lambda _: None,
) -> list[Row]:
    """A row for each job, in their order.

    Parameters
    ----------
    folder : holds one file a job; those that are there already are not planned again, except
        where the planning had failed. A change of the software is not noticed: after one, name
        another folder
    executor : any executor of `concurrent.futures`; without one the jobs run here in turn

    Raises
    ------
    OutputError
        If the folder cannot be written, or holds results of another case or other options.
    PlanError
        If a worker dies; what was finished is kept.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot create the folder: {error.strerror}") from error
    rows = {job.file_name: row for job in jobs if (row := _finished(job, folder))}
    todo = [job for job in jobs if job.file_name not in rows]
    if rows:
        report(f"{len(rows)} of {len(jobs)} were finished before")
    for job, table in _results(todo, executor, report):
        write_text(folder / job.file_name, json.dumps(table, indent=1, allow_nan=False) + "\n")
        rows[job.file_name] = row = Row.from_table(table["row"])
        count = f"{len(rows)} of {len(jobs)}"
        report(f"{count}: {job.name} by {job.method}: {row.error or 'planned'}")
    return [rows[job.file_name] for job in jobs]


def _finished(job: Job, folder: Path) -> Row | None:
    """The row of a job that is done already."""
    path = folder / job.file_name
    if not path.exists():
        return None
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        if table["schema"] != SCHEMA:
            raise ValueError(f"schema {table['schema']!r}, expected {SCHEMA!r}")
        row, asked = Row.from_table(table["row"]), dict(table["asked"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise OutputError(
            f"{path}: not a result of this benchmark ({error}); remove it or name another folder"
        ) from error
    if row.error:
        return None
    for key, value in job.asked.items():
        if asked.get(key) != value:
            raise OutputError(
                f"{path}: was made with {key} {asked.get(key)}, not {value}; remove it or name "
                f"another folder"
            )
    return row


def _results(
    jobs: Sequence[Job], executor: Executor | None, report: Report
) -> Iterator[tuple[Job, dict[str, Any]]]:
    """Each job with its result, as they are finished."""
    if executor is None:
        for job in jobs:
            yield job, plan_one(job, partial(_tell, report, job))
        return
    from concurrent.futures import as_completed

    futures = {executor.submit(plan_one, job): job for job in jobs}
    try:
        for future in as_completed(futures):
            job = futures[future]
            if error := future.exception():
                raise PlanError(
                    f"{job.name} by {job.method}: its worker failed ({error}); what was finished "
                    f"is kept, run again with fewer workers"
                ) from error
            yield job, future.result()
    except Exception:
        for future in futures:
            future.cancel()
        raise


def _tell(report: Report, job: Job, text: str) -> None:
    report(f"{job.name} by {job.method}: {text}")
