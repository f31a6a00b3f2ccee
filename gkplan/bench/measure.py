"""Medians, memory, errors, and what this machine can do at best."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array

T = TypeVar("T")

# Of the maximum: what was asked of every fast engine.
_ALLOWED = 5e-4
_TASKS = 8
_FIRST_CALL = """
import time
from gkplan.dose import TmrEngine
from gkplan.head import Head
from gkplan.shot import Shot
from gkplan.solids import Ellipsoid
from gkplan.frames import Frame
from gkplan.grid import Grid
from gkplan.unit import load_unit
c = (100.0, 100.0, 100.0)
engine = TmrEngine(load_unit("perfexion"), Head("sphere", Ellipsoid(c, (80.0,) * 3)), 3.0)
grid = Grid((4, 4, 4), (2.0,) * 3, c, Frame.LEKSELL)
import numba
start = time.perf_counter()
engine.dose(grid.points(), [Shot(c, (8,) * 8, 1.0)])
engine.dose_on(grid, [Shot(c, (8,) * 8, 1.0)])
engine.influence(grid.points(), [c])
print(time.perf_counter() - start)
"""


def median_seconds(call: Callable[[], T], repeats: int) -> tuple[float, T]:
    """Median time of `repeats` calls after a first one, and the answer."""
    answer = call()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        answer = call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), answer


def peak_megabytes(call: Callable[[], object]) -> float:
    """The most memory that arrays of a call took at once, MB."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def largest_error(dose: NDArray[np.floating], truth: Array, what: str, most: float) -> float:
    """Largest difference relative to the maximum `most`; asserted to be small enough."""
    error = float(np.abs(dose - truth).max() / most)
    assert error <= _ALLOWED, f"{what}: differs from the twin by {error:.1e} of the maximum"
    return error


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Run numba's kernels on `count` threads."""
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(count)
    try:
        yield
    finally:
        numba.set_num_threads(before)


def machine() -> dict[str, str | int]:
    """What the figures were measured on."""
    import numba

    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
    }


def machine_limits() -> dict[str, float]:
    """Multiply-adds (GF/s), table look-ups (G/s) and triad (GB/s) with the threads that are set."""
    from gkplan.kernels.plain import look_up, multiply_add, triad

    out = np.empty(_TASKS, dtype=np.float32)
    rng = np.random.default_rng(0)
    index = rng.integers(0, 2**13, 4096).astype(np.int32)
    table = rng.random(2**13, dtype=np.float32)
    a, b, c = (np.ones(2**24, dtype=np.float32) for _ in range(3))
    seconds, _ = median_seconds(lambda: multiply_add(_TASKS, 100_000, out), 3)
    limits = {"multiply_add_gflops": _TASKS * 100_000 * 512 / seconds / 1e9}
    seconds, _ = median_seconds(lambda: look_up(_TASKS, 2000, index, table, out), 3)
    limits["look_up_g_per_s"] = _TASKS * 2000 * 4096 / seconds / 1e9
    seconds, _ = median_seconds(lambda: triad(a, b, c), 5)
    limits["triad_gb_per_s"] = 3 * a.nbytes / seconds / 1e9
    return limits


def first_calls() -> dict[str, float]:
    """Seconds that a new process needs for its first doses: compiling, and from the cache."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        seconds = []
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, "-c", _FIRST_CALL],
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            )
            seconds.append(float(done.stdout))
    return {"compile_s": seconds[0], "from_cache_s": seconds[1]}


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
