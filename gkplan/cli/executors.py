"""Where the jobs of a long command run: here, in processes, or on a dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gkplan.errors import PlanError

if TYPE_CHECKING:
    from concurrent.futures import Executor

NAMES = ("processes", "dask")


@contextmanager
def executor_called(
    name: str | None, workers: int, scheduler: str | None = None
) -> Iterator[Executor | None]:
    """An executor, or None for work in this process.

    Parameters
    ----------
    workers : how many processes; on a cluster that is there already it decides itself
    scheduler : address of a dask scheduler; without one dask starts a cluster on this machine

    Raises
    ------
    PlanError
        For a name that is not known, a scheduler that does not answer, and without dask.
    """
    if name is None:
        yield None
    elif name == "processes":
        with _processes(workers) as executor:
            yield executor
    elif name == "dask":
        with _dask(workers, scheduler) as executor:
            yield executor
    else:
        raise PlanError(f"--executor {name}: expected {' or '.join(NAMES)}")


@contextmanager
def _processes(workers: int) -> Iterator[Executor]:
    import multiprocessing
    import signal
    from concurrent.futures import ProcessPoolExecutor

    others = set(multiprocessing.active_children())
    # Numba's threads do not survive a fork. Ctrl-C is for the parent, which ends the workers.
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )
    try:
        yield pool
    except BaseException:
        # Nothing is cancelled before: the pool would trip over a cancelled job of a dead worker.
        for worker in set(multiprocessing.active_children()) - others:
            worker.terminate()
        raise
    finally:
        pool.shutdown()


@contextmanager
def _dask(workers: int, scheduler: str | None) -> Iterator[Executor]:
    try:
        import distributed
    except ImportError:
        raise PlanError(
            "--executor dask: dask is not installed; pip install 'gkplan[cluster]', "
            "or use processes"
        ) from None
    client_of: Any = distributed.Client
    try:
        made = (
            client_of(scheduler)
            if scheduler
            else client_of(n_workers=workers, threads_per_worker=1)
        )
    except (OSError, ValueError) as error:
        raise PlanError(
            f"--scheduler {scheduler}: cannot reach it ({error}); expected tcp://HOST:PORT"
        ) from error
    with made as client:
        yield client.get_executor()
