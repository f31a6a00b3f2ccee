"""The job that benchmarks time: its answer is the twin's, and another answer is noticed."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from gkplan.bench.influence import InfluenceJob
from gkplan.dose import ReferenceEngine, TmrEngine
from gkplan.head import Head
from gkplan.solids import Ellipsoid
from gkplan.unit import load_unit

CENTER_MM = (100.0, 100.0, 100.0)
BESIDE = Path(__file__).parents[2] / "benchmarks" / "beside_pyradplan.py"


def test_a_wrong_answer_of_one_sector_is_noticed() -> None:
    head, unit = Head("sphere", Ellipsoid(CENTER_MM, (80.0,) * 3)), load_unit("perfexion")
    engines = TmrEngine(unit, head, 3.0), ReferenceEngine(unit, head, 3.0)
    job = InfluenceJob.around(*engines, CENTER_MM, 2, 60, np.random.default_rng(3))
    assert np.linalg.norm(job.points_mm - CENTER_MM, axis=1).max() <= 30.0
    rates = job.compute()
    assert rates is job.out
    assert rates.shape == (2, 8, 3, 60)
    assert 0.0 < job.error(rates) <= 5e-4
    rates[1, 3, 2] *= 1.05
    with pytest.raises(AssertionError, match="differs from the twin"):
        job.error(rates)


def test_without_pyradplan_its_benchmark_says_so() -> None:
    if find_spec("pyRadPlan"):
        pytest.skip("pyRadPlan is installed here")
    done = subprocess.run(
        [sys.executable, str(BESIDE), sys.executable], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "pip install 'pyRadPlan[numba]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
