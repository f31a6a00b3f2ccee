"""Time the dose kernels beside their slow twins in one run; every answer is asserted.

    python benchmarks/dose.py [--json FILE]

Baselines: the float64 numpy twin (`ReferenceEngine`), and a plain numba loop over points and
beams, as one writes it first (float64, exp, profile by linear interpolation). A beam-voxel is
the contribution of one beam to one point.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numba
import numpy as np

import gkplan
from gkplan.dose.beams import shot_beams
from gkplan.frames import Array
from gkplan.shot import Shot

CENTER = np.array([120.0, 85.0, 135.0])
STEP_MM = 0.02


@numba.njit(parallel=True)
def plain_loop(points, iso, u, shift, surface, v, mu, rate, row, tables, out):  # type: ignore[no-untyped-def]
    for p in numba.prange(points.shape[0]):
        total = 0.0
        for b in range(rate.size):
            x, y, z = points[p, 0] - iso[b, 0], points[p, 1] - iso[b, 1], points[p, 2] - iso[b, 2]
            a = x * u[b, 0] + y * u[b, 1] + z * u[b, 2]
            magnify = v[b] / (v[b] - a)
            x, y, z = x - shift[b, 0], y - shift[b, 1], z - shift[b, 2]
            rho = np.sqrt(max(x * x + y * y + z * z - a * a, 0.0)) * magnify / STEP_MM
            k = min(int(rho), tables.shape[1] - 2)
            f = tables[row[b], k] + (rho - k) * (tables[row[b], k + 1] - tables[row[b], k])
            depth = max(surface[b] - a, 0.0)
            total += rate[b] * magnify * magnify * np.exp(-mu[b] * (depth - 80.0)) * f
        out[p] = total


def plain(engine: gkplan.TmrEngine, points: Array, shots: list[Shot]) -> Callable[[], Array]:
    """The plain loop, ready to be called."""
    profiles = [p for c in engine.unit.collimators for p in c.profiles]
    tables = np.array([p(np.arange(0.0, 250.0, STEP_MM)) for p in profiles])
    parts = [
        (b, s.time_min)
        for s in shots
        for b in shot_beams(engine.unit, engine.head, s, engine.rate_gy_per_min)
    ]
    iso = np.concatenate([np.repeat(b.isocenter_mm[None], len(b.rate), axis=0) for b, _ in parts])
    columns = [
        np.concatenate([getattr(b, name) for b, _ in parts])
        for name in (
            *("directions", "axis_shift_mm", "surface_mm"),
            *("virtual_distance_mm", "attenuation_per_mm"),
        )
    ]
    rate = np.concatenate([b.rate * minutes for b, minutes in parts])
    row = np.concatenate([b.profile for b, _ in parts])

    def call() -> Array:
        out = np.empty(len(points))
        plain_loop(points, iso, *columns, rate, row, tables, out)
        return out

    return call


def median_seconds(call: Callable[[], Array], repeats: int) -> tuple[float, Array]:
    answer = call()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        answer = call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    case = gkplan.load_case("vestibular-schwannoma")
    unit = gkplan.load_unit("perfexion")
    engine = gkplan.TmrEngine(unit, case.head, 3.0)
    twin = gkplan.ReferenceEngine(unit, case.head, 3.0)
    rng = np.random.default_rng(1)
    rows = []
    threads = numba.get_num_threads()
    print(f"{'engine':28s} {'points':>8s} {'shots':>5s} {'seconds':>9s} {'G bv/s':>8s} error/max")
    for n_points, n_shots in ((20_000, 1), (20_000, 20), (300_000, 20)):
        points = CENTER + rng.normal(0, 12, (n_points, 3))
        points = points[case.head.contains(points)]
        shots = []
        for _ in range(n_shots):
            x, y, z = (float(c) for c in CENTER + rng.normal(0, 4, 3))
            shots.append(Shot((x, y, z), tuple(int(s) for s in rng.choice([4, 8, 16], 8)), 1.0))
        beam_voxels = 192.0 * n_shots * len(points)
        sample = rng.choice(len(points), 2000, replace=False)
        truth = twin.dose(points[sample], shots)
        start = time.perf_counter()
        twin.dose(points[sample], shots)
        slow = (time.perf_counter() - start) * len(points) / len(sample)
        runs: list[tuple[str, float, Array | None]] = [("numpy float64 twin", slow, None)]
        for n in sorted({1, threads}):
            numba.set_num_threads(n)
            call = plain(engine, points, shots)
            runs.append((f"plain numba loop, {n} thread", *median_seconds(call, 3)))
            runs.append(
                (f"gkplan tmr, {n} thread", *median_seconds(partial(engine.dose, points, shots), 5))
            )
        for name, seconds, answer in runs:
            error = 0.0
            if answer is not None:
                error = float(np.abs(answer[sample] - truth).max() / truth.max())
                assert error < 1e-4, f"{name}: differs from the twin by {error:.1e} of the maximum"
            speed = beam_voxels / seconds / 1e9
            print(
                f"{name:28s} {len(points):8d} {n_shots:5d} {seconds:9.3f} {speed:8.3f} {error:.0e}"
            )
            rows.append(
                {
                    "engine": name,
                    "points": len(points),
                    "shots": n_shots,
                    "seconds": seconds,
                    "beam_voxels_per_s": beam_voxels / seconds,
                    "error": error,
                }
            )
    isocenters = CENTER + rng.normal(0, 5, (100, 3))
    points = CENTER + rng.normal(0, 10, (20_000, 3))
    for n in sorted({1, threads}):
        numba.set_num_threads(n)
        seconds, _ = median_seconds(lambda: engine.influence(points, isocenters), 3)
        speed = 100 * 24 * 24 * 20_000 / seconds / 1e9
        name = f"influence 100 x 8 x 3, {n} thread"
        print(f"{name:28s} {20_000:8d} {'':5s} {seconds:9.3f} {speed:8.3f}")
        rows.append({"engine": name, "points": 20_000, "seconds": seconds})
    if options.json:
        machine = {"processor": platform.processor(), "python": platform.python_version()}
        options.json.write_text(json.dumps({**machine, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
