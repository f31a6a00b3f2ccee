"""Influence by pyRadPlan and by gkplan: python benchmarks/beside_pyradplan.py PYTHON [case ...]

PYTHON is that of an environment with pyRadPlan (`pip install 'pyRadPlan[numba]' 'pydantic<2.13'`);
gkplan never imports it. Cases are sphere (a ball of 20,000 voxels in water, like what gkplan is
timed on) and tg119 (pyRadPlan's own patient and defaults). The runs are in turn, on one thread and
on all, and the whole call counts: that is what a user waits for.

It is a yardstick of how long a matrix takes, not of who computes the same thing quicker. An entry
of pyRadPlan is one pencil beam of 6 MV (`SVD Pencil Beam`), with the depth traced through a CT,
a lateral cut-off, and a sparse column; its loop over pencil beams is Python over numpy. An entry of
gkplan is the sum of the 24 beams of a sector, with the depth to a surface, in a dense array. Both
keep float32. What either computes is asserted.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gkplan.bench.dose import CASE, CENTER_MM, UNIT
from gkplan.bench.influence import InfluenceJob
from gkplan.bench.measure import machine, median_seconds, threads
from gkplan.dose import ReferenceEngine, TmrEngine
from gkplan.frames import Array
from gkplan.load import load_case
from gkplan.unit import load_unit

CASES, OURS = ("sphere", "tg119"), "gkplan"
ROUNDS, REPEATS = 3, 3
ISOCENTERS, POINTS = 100, 20_000
# 1/mm: -ln(TPR20,10) / 100 mm for the 0.68 of a 6 MV beam. Fields here are smaller and at other
# depths.
ATTENUATION, WITHIN = 0.0038, 0.2
POOLS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)


@dataclass(frozen=True, slots=True)
class Run:
    """What was computed, and how long it took."""

    matrix: str
    threads: int
    columns: int
    voxels: int
    entries: int
    beams_an_entry: int
    seconds: float


def theirs(python: str, case: str, count: int) -> dict[str, Array]:
    """One matrix of pyRadPlan."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.npz"
        # -P: beside the script there are others, by names of packages.
        script = Path(__file__).with_name("pyradplan_once.py")
        command = [python, "-P", str(script), case, str(answer)]
        environment = {**os.environ, **dict.fromkeys(POOLS, str(count))}
        environment["PYRADPLAN_XP_PREFER_GPU"] = "false"
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, env=environment, check=False
            )
        except OSError as error:
            sys.exit(
                f"{python}: {error.strerror}; name the python of an environment with pyRadPlan"
            )
        if done.returncode:
            said = done.stderr.strip().splitlines()
            sys.exit(f"pyRadPlan, {case}: {said[-1] if said else f'ended by {done.returncode}'}")
        with np.load(answer) as got:
            return dict(got)


def check(case: str, got: dict[str, Array]) -> str:
    """Assert that it is a dose; in a word, how well."""
    at, first, every = got["at_mm"], got["first"], got["every"]
    assert got["finite"]
    assert got["smallest"] > 0.0
    assert every.min() > 0.0
    assert (first <= every * (1.0 + 1e-5)).all()
    # On the line that is nearest to the axis of the first beam, which comes from -y.
    aside = np.hypot(at[:, 0], at[:, 2])
    line = (aside < aside.min() + 1e-3) & (np.abs(at[:, 1]) < 40.0)
    assert line.sum() > 10
    y = at[line, 1]
    freed = first[line] * (1.0 + y / got["source_mm"]) ** 2
    slope = -float(np.polyfit(y, np.log(freed), 1)[0])
    assert abs(slope / ATTENUATION - 1.0) < WITHIN, f"{case}: attenuation {slope:.5f} /mm"
    said = f"attenuation {slope:.5f} /mm on the axis"
    if case != "sphere":
        return said
    filled = int(got["entries"]) / (int(got["columns"]) * len(at))
    assert 0.9 < filled <= 1.0
    # All beams have the same way to the centre; mirrored, beams and ball are the same.
    beams = float((every / first)[np.argmin((at**2).sum(axis=1))])
    assert abs(beams - 9.0) < 0.1, f"{beams:.2f} beams at the centre"
    place = np.lexsort(np.round(at, 3).T)
    worst = 0.0
    for mirror in ((-1.0, 1.0, 1.0), (1.0, 1.0, -1.0)):
        turned = np.lexsort(np.round(at * mirror, 3).T)
        assert np.allclose((at * mirror)[turned], at[place], atol=1e-3)
        worst = max(worst, float(np.abs(every[turned] - every[place]).max() / every.max()))
    assert worst < 0.01, f"not mirror-symmetric: {worst:.2%}"
    return f"{said}, mirror-symmetric to {worst:.2%}, {beams:.2f} beams at the centre"


def influence_job() -> InfluenceJob:
    """What `gkplan bench dose` computes."""
    case, unit = load_case(CASE), load_unit(UNIT)
    engines = TmrEngine(unit, case.head, 3.0), ReferenceEngine(unit, case.head, 3.0)
    return InfluenceJob.around(*engines, CENTER_MM, ISOCENTERS, POINTS, np.random.default_rng(7))


def of_pyradplan(python: str, case: str, count: int) -> Run:
    """Compute, assert, print."""
    got = theirs(python, case, count)
    said = check(case, got)
    version, has_numba = got["versions"]
    print(
        f"{count} threads, pyRadPlan {version} {'with' if has_numba else 'without'} numba, {case}: "
        f"{got['seconds']:.1f} s, after {got['steering_s']:.1f} s for where its beams are; {said}",
        flush=True,
    )
    columns, entries, seconds = int(got["columns"]), int(got["entries"]), float(got["seconds"])
    return Run(f"pyRadPlan, {case}", count, columns, len(got["at_mm"]), entries, 1, seconds)


def of_gkplan(job: InfluenceJob, count: int) -> Run:
    """Compute, print; what is computed is the same each time."""
    with threads(count):
        seconds, rates = median_seconds(job.compute, REPEATS)
    print(f"{count} threads, gkplan: {seconds:.2f} s", flush=True)
    beams = job.engine.unit.n_sources // job.engine.unit.n_sectors
    return Run(OURS, count, rates.size // POINTS, POINTS, rates.size, beams, seconds)


def beside(python: str, cases: list[str]) -> None:
    """Compute in turn, print."""
    import numba

    job, runs = influence_job(), []
    for _ in range(ROUNDS):
        for count in sorted({1, numba.get_num_threads()}):
            runs += [of_pyradplan(python, name, count) for name in cases]
            runs.append(of_gkplan(job, count))
    print(f"gkplan: largest difference from the float64 twin {job.error(job.compute()):.1e}")
    print(machine())
    print(table(runs))


def table(runs: list[Run]) -> str:
    """Medians; the last column is how many times more entries a second gkplan has."""
    lines = [
        "| matrix | threads | columns x voxels | M entries | beams an entry | s | M entries/s "
        "| gkplan's / this |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    seconds: dict[Run, list[float]] = {}
    for run in runs:
        seconds.setdefault(replace(run, seconds=0.0), []).append(run.seconds)
    speed = {run: run.entries / statistics.median(spent) for run, spent in seconds.items()}
    ours = {run.threads: each for run, each in speed.items() if run.matrix == OURS}
    for run, each in speed.items():
        lines.append(
            f"| {run.matrix} | {run.threads} | {run.columns:,} x {run.voxels:,} "
            f"| {run.entries / 1e6:.1f} | {run.beams_an_entry} | {run.entries / each:.3g} "
            f"| {each / 1e6:.3g} | {ours[run.threads] / each:.3g} |"
        )
    lines.append(
        "An entry of pyRadPlan is one 6 MV pencil beam traced through a CT, sparse; of gkplan the "
        "sum of 24 Co-60 beams with the depth to a surface, dense: other physics, other machines."
    )
    return "\n".join(lines)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("name a python that has pyRadPlan")
    asked = sys.argv[2:] or list(CASES)
    if unknown := sorted(set(asked) - set(CASES)):
        sys.exit(f"no case {', '.join(unknown)}: there are {', '.join(CASES)}")
    beside(sys.argv[1], asked)
