"""The dose kernels beside their slow twins: how fast, how near to the machine's limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gkplan.bench.influence import InfluenceJob
from gkplan.bench.measure import (
    first_calls,
    largest_error,
    machine,
    machine_limits,
    median_seconds,
    peak_megabytes,
    threads,
)
from gkplan.case import Case
from gkplan.dose import PlanDose, ReferenceEngine, TmrEngine
from gkplan.forward import Session, move
from gkplan.frames import Array, Frame
from gkplan.grid import Grid
from gkplan.load import load_case
from gkplan.plan import Plan
from gkplan.shot import Shot
from gkplan.unit import load_unit

Report = Callable[[str], None]

CASE, UNIT = "vestibular-schwannoma", "perfexion"
CENTER_MM = (120.0, 85.0, 135.0)
_EXTENT_MM = 150.0


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement; a beam-voxel is one beam's contribution to one voxel inside the head.

    `error` is the largest difference from the float64 twin at the points looked at, relative to
    the maximum. `times_plain` is the speed relative to the plain loop on as many threads,
    `of_limit` relative to one table look-up a beam-voxel at the machine's rate of look-ups
    (culling can make it more than 1).
    """

    what: str
    engine: str
    threads: int
    points: int
    shots: int
    seconds: float
    beam_voxels_per_s: float
    error: float
    times_plain: float = float("nan")
    of_limit: float = float("nan")
    peak_mb: float = float("nan")


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    points: int
    grids: tuple[int, ...]
    shots: tuple[int, ...]
    whole_head: bool
    isocenters: int
    influence_points: int
    change_mm: int
    repeats: int


FULL = Size(200_000, (50, 100, 200, 300), (1, 10, 50), True, 100, 20_000, 120, 5)
QUICK = Size(5000, (30,), (1, 10), False, 10, 2000, 40, 1)


@dataclass(frozen=True, slots=True)
class _Setting:
    case: Case
    engine: TmrEngine
    twin: ReferenceEngine
    rng: np.random.Generator
    size: Size
    counts: tuple[int, ...]


def mixed_shots(count: int, seed: int = 1) -> list[Shot]:
    """Shots about the centre of the benchmark with every sector at 4, 8 or 16 mm."""
    rng = np.random.default_rng(seed)
    shots = []
    for _ in range(count):
        x, y, z = (float(c) for c in rng.normal(CENTER_MM, 4.0))
        sectors = tuple(int(s) for s in rng.choice([4, 8, 16], 8))
        shots.append(Shot((x, y, z), sectors, float(rng.uniform(0.5, 2.0))))
    return shots


def run(report: Report, size: Size = FULL) -> dict[str, object]:
    """All measurements, as tables of plain values (JSON).

    Raises
    ------
    AssertionError
        If any engine's answer differs from the twin's by more than is allowed.
    """
    import numba

    case, unit = load_case(CASE), load_unit(UNIT)
    setting = _Setting(
        case,
        TmrEngine(unit, case.head, 3.0),
        ReferenceEngine(unit, case.head, 3.0),
        np.random.default_rng(7),
        size,
        tuple(sorted({1, numba.get_num_threads()})),
    )
    report("compiling, and loading from the cache")
    first = first_calls()
    report("limits of the machine")
    limits = {}
    for count in setting.counts:
        with threads(count):
            limits[count] = machine_limits()
    rows = [row for part in (_direct, _grids, _influence, _change) for row in part(setting, report)]
    plain = {r.threads: r.beam_voxels_per_s for r in rows if r.engine == "plain numba loop"}
    finished = [
        replace(
            row,
            times_plain=row.beam_voxels_per_s / plain[row.threads],
            of_limit=row.beam_voxels_per_s / 1e9 / limits[row.threads]["look_up_g_per_s"],
        )
        for row in rows
    ]
    return {
        "machine": machine(),
        "limits": {str(count): values for count, values in limits.items()},
        "first_call": first,
        "rows": [asdict(row) for row in finished],
    }


def _direct(setting: _Setting, report: Report) -> Iterator[Row]:
    """Scattered points: the twin, the plain loop and the shipped kernel."""
    shots = mixed_shots(20)
    points = setting.rng.normal(CENTER_MM, 12.0, (setting.size.points, 3))
    points = points[setting.engine.head.contains(points)]
    few = setting.rng.choice(len(points), 300, replace=False)
    report("20 shots at scattered points: float64 numpy twin")
    seconds, truth = median_seconds(lambda: setting.twin.dose(points[few], shots), 1)
    beams = 192.0 * len(shots)
    yield Row(
        "points", "float64 numpy twin", 1, len(few), 20, seconds, beams * len(few) / seconds, 0.0
    )
    plain = plain_loop(setting.engine, points, shots)
    for name, call, repeats in (
        ("plain numba loop", plain, 1),
        ("tmr", lambda: setting.engine.dose(points, shots), setting.size.repeats),
    ):
        for count in setting.counts:
            report(f"20 shots at scattered points: {name}, {count} threads")
            with threads(count):
                seconds, dose = median_seconds(call, repeats)
            speed = beams * len(points) / seconds
            error = largest_error(dose[few], truth, name, float(dose.max()))
            yield Row("points", name, count, len(points), 20, seconds, speed, error)


def _grids(setting: _Setting, report: Report) -> Iterator[Row]:
    """Grids of 50^3 to 300^3 over the same region, and product A: the head, 20 shots."""
    engine, twin = setting.engine, setting.twin
    low, high = engine.head.bounds
    x, y, z = (float(c) for c in (low + high) / 2 - np.array([99.5, 109.5, 89.5]))
    whole = Grid((180, 220, 200), (1.0, 1.0, 1.0), (x, y, z), Frame.LEKSELL)
    jobs = [("whole head", whole, 20)] if setting.size.whole_head else []
    for n in setting.size.grids:
        spacing = _EXTENT_MM / n
        start = tuple(c - _EXTENT_MM / 2 + spacing / 2 for c in CENTER_MM)
        grid = Grid((n, n, n), (spacing,) * 3, (start[0], start[1], start[2]), Frame.LEKSELL)
        jobs += [(f"{n}^3", grid, count) for count in setting.size.shots]
    for what, grid, n_shots in jobs:
        shots = mixed_shots(n_shots)
        inside = engine.head.on_grid(grid).ravel()
        axes = grid.axes()
        few = _places(setting.rng, inside, engine.dose_on(grid, shots).ravel())
        k, j, i = np.unravel_index(few, grid.shape)
        points = np.stack([axes[0][i], axes[1][j], axes[2][k]], axis=1)
        truth = twin.dose(points, shots)
        # A voxel within a rounding of the surface may count as in or out.
        sure = engine.head.contains(points) == inside[few]
        out = np.empty(grid.shape, dtype=np.float32)
        for count in setting.counts:
            report(f"{what}, {n_shots} shots, {count} threads")
            with threads(count):
                seconds, dose = median_seconds(
                    partial(engine.dose_on, grid, shots, out), setting.size.repeats
                )
            error = largest_error(dose.ravel()[few][sure], truth[sure], what, float(dose.max()))
            speed = 192.0 * n_shots * inside.sum() / seconds
            peak = peak_megabytes(partial(engine.dose_on, grid, shots))
            yield Row(what, "grid", count, grid.size, n_shots, seconds, speed, error, peak_mb=peak)


def _influence(setting: _Setting, report: Report) -> Iterator[Row]:
    """Product B: 100 isocentres x 8 sectors x 3 collimators at 20,000 points within 30 mm."""
    n, m = setting.size.isocenters, setting.size.influence_points
    unit = setting.engine.unit
    job = InfluenceJob.around(setting.engine, setting.twin, CENTER_MM, n, m, setting.rng)
    # All sources through all collimators.
    beams = n * unit.n_sources * len(unit.collimators)
    for count in setting.counts:
        report(f"influence of {n} isocentres, {count} threads")
        with threads(count):
            seconds, rates = median_seconds(job.compute, setting.size.repeats)
        error = job.error(rates)
        peak = peak_megabytes(job.compute)
        yield Row(
            f"{n} isocentres", "influence", count, m, n, seconds, beams * m / seconds, error,
            peak_mb=peak,
        )  # fmt: skip


def _change(setting: _Setting, report: Report) -> Iterator[Row]:
    """One of 20 shots moved, given another time, or other sectors, on a 1 mm grid."""
    shots = mixed_shots(20)
    start = tuple(c - setting.size.change_mm / 2 for c in CENTER_MM)
    grid = Grid(
        (setting.size.change_mm,) * 3, (1.0,) * 3, (start[0], start[1], start[2]), Frame.LEKSELL
    )
    inside = int(setting.engine.head.on_grid(grid).sum())
    first, *rest = shots
    x, y, z = first.isocenter_mm
    changes = {
        "moved": replace(first, isocenter_mm=(x + 1.0, y, z)),
        "other time": replace(first, time_min=1.7),
        "other sectors": replace(first, sectors=(8, 0, 16, 16, 4, 4, 8, 8)),
    }
    for count in setting.counts:
        report(f"one shot of 20 changed, {count} threads")
        with threads(count):
            seconds, before = median_seconds(
                lambda: PlanDose.of(setting.engine, grid, shots), setting.size.repeats
            )
            yield Row(
                "new plan", "grid", count, grid.size, 20, seconds,
                192.0 * 20 * inside / seconds, 0.0,
            )  # fmt: skip
            plan = Plan(setting.case, setting.engine.unit, UNIT, tuple(shots))
            seconds, session = median_seconds(
                partial(Session.of, plan, grid=grid), setting.size.repeats
            )
            yield Row(
                "new session", "grid", count, grid.size, 20, seconds,
                192.0 * 20 * inside / seconds, 0.0,
            )  # fmt: skip
            seconds, edited = median_seconds(
                partial(session.edit, move, 1, by=(1.0, 0.0, 0.0)), setting.size.repeats
            )
            again = setting.engine.dose_on(grid, edited.plan.shots)
            error = float(np.abs(edited.plan_dose.dose_gy - again).max() / again.max())
            assert error < 1e-6, f"session: {error:.1e} from a new calculation"
            yield Row(
                "session, shot moved", "change", count, grid.size, 20, seconds,
                192.0 * 20 * inside / seconds, error,
            )  # fmt: skip
            for name, shot in changes.items():
                changed = [shot, *rest]
                seconds, after = median_seconds(
                    partial(before.with_shots, changed), setting.size.repeats
                )
                again = setting.engine.dose_on(grid, changed)
                error = float(np.abs(after.dose_gy - again).max() / again.max())
                assert error < 1e-6, f"{name}: {error:.1e} from a new calculation"
                yield Row(
                    f"shot {name}", "change", count, grid.size, 20, seconds,
                    192.0 * 20 * inside / seconds, error,
                )  # fmt: skip


def plain_loop(engine: TmrEngine, points: Array, shots: list[Shot]) -> Callable[[], Array]:
    """The plain loop, ready to be called."""
    from gkplan.kernels.plain import PROFILE_STEP_MM, plain_dose

    off_axis = np.arange(0.0, 250.0, PROFILE_STEP_MM)
    tables = np.array([p(off_axis) for c in engine.unit.collimators for p in c.profiles])
    beams = engine.beams(shots)

    def call() -> Array:
        out = np.empty(len(points))
        plain_dose(
            points,
            beams.focus_mm,
            beams.directions,
            beams.surface_mm,
            beams.virtual_distance_mm,
            beams.attenuation_per_mm,
            beams.output,
            beams.profile,
            engine.unit.calibration.depth_mm,
            tables,
            out,
        )
        return out

    return call


def _places(
    rng: np.random.Generator, inside: NDArray[np.bool_], dose: NDArray[np.floating]
) -> NDArray[np.int64]:
    """Voxels to look at: any in the head, the hottest, and the steepest neighbourhood."""
    within = np.flatnonzero(inside)
    hottest = within[np.argsort(dose[within])[-100:]]
    steep = within[np.abs(dose[within] - dose.max() / 2) < 0.1 * dose.max()]
    return np.concatenate(
        [rng.choice(within, 200), hottest, rng.choice(steep if len(steep) else within, 100)]
    )
