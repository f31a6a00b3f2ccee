"""All jobs, one after the other or side by side, each finished one in a file of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gkplan.bench.plans.job import Job
from gkplan.bench.plans.row import LimitRow, Row
from gkplan.disclaimer import DISCLAIMER
from gkplan.errors import GkplanError, OutputError, PlanError
from gkplan.files import write_text

if TYPE_CHECKING:
    from concurrent.futures import Executor

Report = Callable[[str], None]
SCHEMA = "gkplan-bench-plan/1"


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
        where the planning had failed
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
        report(f"{len(rows)} of {len(jobs)}: {job.name} by {job.method}: {row.error or 'planned'}")
    return [rows[job.file_name] for job in jobs]


def plan_one(job: Job, report: Report = lambda _: None) -> dict[str, Any]:
    """What the file of a job holds: the row and the plan, or the sentence why there is none."""
    plan = None
    try:
        with _threads(job.threads):
            row, plan = _planned(job, report)
    except GkplanError as error:
        row = Row(job.name, job.method, error=str(error))
    except Exception as error:  # one case that fails must not stop the others
        row = Row(job.name, job.method, error=f"{type(error).__name__}: {error}")
    return {
        "schema": SCHEMA,
        "disclaimer": DISCLAIMER,
        "asked": job.asked,
        "row": asdict(row),
        "plan": plan,
    }


def _planned(job: Job, report: Report) -> tuple[Row, dict[str, Any]]:
    from gkplan.bench.plans.independent import independent_check
    from gkplan.dose import TmrEngine
    from gkplan.load import load_case
    from gkplan.plan import Plan
    from gkplan.planfile import plan_table
    from gkplan.unit import load_unit
    from gkplan.workflow import engine_of, judge, prescribed

    options = job.options
    case = prescribed(load_case(job.case), options.prescription_gy, None)
    unit = load_unit(options.unit)
    engine = TmrEngine(unit, case.head, options.rate_gy_per_min, transit=True)
    shots, account = job.run(case, engine, report)
    start = time.perf_counter()
    plan = Plan(case, unit, options.unit, shots, options.rate_gy_per_min, transit=True)
    plan = judge(plan, report).plan
    metrics = plan.metrics
    assert metrics is not None
    indices = metrics.overall
    sampled = slab = None
    if indices.coverage is not None:
        report("checking on random points")
        sampled, slab = independent_check(case, shots, engine_of(plan))
    row = Row(
        job.name,
        job.method,
        case.source,
        volume_cc=indices.target_volume_cc,
        coverage=indices.coverage,
        selectivity=indices.selectivity,
        paddick_index=indices.paddick_index,
        gradient_index=indices.gradient_index,
        efficiency_index=indices.efficiency_index,
        prescription_isodose=indices.prescription_isodose,
        v12gy_cc=metrics.v12gy_cc,
        beam_on_time_min=metrics.beam_on_time_min,
        shots=metrics.n_shots,
        isocenters=metrics.n_isocenters,
        sampled_coverage=sampled.coverage if sampled else None,
        sampled_paddick_index=sampled.paddick_index if sampled else None,
        slab_coverage=slab.coverage if slab else None,
        slab_paddick_index=slab.paddick_index if slab else None,
        **asdict(account),
        judging_s=time.perf_counter() - start,
        limits=tuple(
            LimitRow(r.limit.structure, r.limit.kind, r.limit.dose_gy, r.dose_gy, r.met)
            for r in metrics.limits
        ),
    )
    return row, plan_table(plan)


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
            yield job, plan_one(job, lambda text, job=job: report(_line(job, text)))  # type: ignore[misc]
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
    finally:
        for future in futures:
            future.cancel()


def _line(job: Job, text: str) -> str:
    return f"{job.name} by {job.method}: {text}"


def _threads(count: int | None) -> AbstractContextManager[None]:
    if count is None:
        return nullcontext()
    import numba

    from gkplan.bench.measure import threads

    return threads(min(count, numba.get_num_threads()))
