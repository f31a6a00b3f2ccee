"""One job: load, plan, judge, check."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from typing import Any

from gkplan.bench.plans.job import Job
from gkplan.bench.plans.row import LimitRow, Row
from gkplan.disclaimer import DISCLAIMER
from gkplan.errors import GkplanError

Report = Callable[[str], None]
SCHEMA = "gkplan-bench-plan/1"


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
            LimitRow(r.limit.structure, r.limit.label, r.limit.dose_gy, r.dose_gy, r.met)
            for r in metrics.limits
        ),
    )
    return row, plan_table(plan)


def _threads(count: int | None) -> AbstractContextManager[None]:
    if count is None:
        return nullcontext()
    import numba

    from gkplan.bench.measure import threads

    return threads(min(count, numba.get_num_threads()))
