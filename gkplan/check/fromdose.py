"""Which sector states shots have, told from the dose of all of them on a grid."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gkplan.check.patterns import Inferred, Observed
from gkplan.dose import TmrEngine
from gkplan.errors import PlanError
from gkplan.frames import Array
from gkplan.grid import Volume
from gkplan.head import Head
from gkplan.shot import BLOCKED
from gkplan.unit import RadiationUnit

# Voxels farther from every focus say little of who shines there.
_REACH_MM = 14.0
_VOXELS = 6000
# How far another system's dose may be from ours: of itself, and of the maximum.
_OF_DOSE, _OF_MAXIMUM = 0.02, 0.003
# Differences of two dose models are alike in neighbouring voxels: one count for each such cube.
_ALIKE_MM = 4.0
_MOST_ROUNDS = 60
# Calibration dose rates (Gy/min) beyond these are no Gamma Knife's.
_LOWEST_RATE, _HIGHEST_RATE = 0.05, 10.0


def infer_from_dose(
    observed: Sequence[Observed],
    unit: RadiationUnit,
    head: Head,
    dose: Volume,
    rate_gy_per_min: float | None = None,
) -> tuple[list[Inferred], float]:
    """The sector states of each shot, and the calibration dose rate (found if not given).

    Parameters
    ----------
    dose : Gy, Leksell grid; nan where it says nothing

    Raises
    ------
    PlanError
        If the dose says nothing near the shots, or no states explain it.

    Notes
    -----
    Minutes and places of the shots are known, so the dose is linear in one weight for each
    sector and collimator. Non-negative least squares give a start; then states of one sector,
    and of two of a shot, change as long as the fit gets better. The confidence compares the
    fit with those of all patterns that differ from it in one or two sectors of one shot.
    """
    points, wanted = _voxels(observed, head, dose)
    sigma = _OF_DOSE * wanted + _OF_MAXIMUM * wanted.max()
    engine = TmrEngine(unit, head, 1.0)
    each = unit.n_sectors * len(unit.collimators)
    columns = np.empty((len(observed), each, len(points)))
    places = np.array([o.isocenter_mm for o in observed])
    angles = np.array([o.gamma_angle_deg for o in observed])
    for angle in np.unique(angles):
        alike = np.flatnonzero(angles == angle)
        rates = engine.influence(points, places[alike], float(angle))
        columns[alike] = rates.reshape(len(alike), each, -1)
    times = np.array([o.time_min for o in observed])
    matrix = (columns * times[:, None, None] / sigma).reshape(-1, len(points))
    gram, right = matrix @ matrix.T, matrix @ (wanted / sigma)
    shape = (len(observed), unit.n_sectors, len(unit.collimators))
    state, rate = _start(gram, right, shape, rate_gy_per_min)
    for _ in range(_MOST_ROUNDS):
        changed = _improved(state, gram, right, rate)
        if rate_gy_per_min is None:
            s = _chosen(state, shape[2])
            rate = float(right[s].sum() / gram[np.ix_(s, s)].sum()) if len(s) else 0.0
        if not changed:
            break
    for shot, sectors in zip(observed, state, strict=True):
        if (sectors == shape[2]).all() or not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
            raise PlanError(
                f"the dose grid does not fit to the shots (first at {shot.name}): no sectors and "
                f"calibration dose rate explain it; give the sectors with --pattern FILE"
            )
    left = wanted / sigma - rate * matrix[_chosen(state, shape[2])].sum(axis=0)
    cubes = len(np.unique(np.floor(points / _ALIKE_MM), axis=0))
    # A dose that we cannot explain makes every pattern less sure.
    scale = cubes / len(points) / max(float((left**2).mean()), 1.0)
    sizes = np.array([*unit.collimator_sizes_mm, BLOCKED])
    found = []
    for n in range(len(observed)):
        worse = np.concatenate([d.ravel() for _, d in _changes(state, gram, right, rate, n)])
        # The unchanged state comes up once for each pair, and is counted once.
        others = float(np.exp(-0.5 * scale * worse[worse > 0.0]).sum())
        found.append(Inferred(tuple(int(v) for v in sizes[state[n]]), 1.0 / (1.0 + others)))
    return found, rate


def _voxels(observed: Sequence[Observed], head: Head, dose: Volume) -> tuple[Array, Array]:
    """Centres (n, 3) and doses (n,) of voxels in the head and near a focus."""
    from scipy.spatial import cKDTree

    points = dose.grid.points()
    value = np.asarray(dose.array, dtype=np.float64).ravel()
    foci = np.array([o.isocenter_mm for o in observed])
    box = (points >= foci.min(axis=0) - _REACH_MM) & (points <= foci.max(axis=0) + _REACH_MM)
    some = np.flatnonzero(box.all(axis=1) & np.isfinite(value) & (value > 0.0))
    some = some[cKDTree(foci).query(points[some], distance_upper_bound=_REACH_MM)[0] < _REACH_MM]
    if len(some) > _VOXELS:
        some = np.random.default_rng(1).choice(some, _VOXELS, replace=False)
    some = some[head.surface.contains(points[some])]
    if len(some) < 8 * len(foci):
        raise PlanError(
            f"the dose grid has only {len(some)} voxels with dose within {_REACH_MM:.0f} mm of "
            f"the shots, too few to tell their sectors; give them with --pattern FILE"
        )
    return points[some], value[some]


def _start(
    gram: Array, right: Array, shape: tuple[int, int, int], rate: float | None
) -> tuple[NDArray[np.int64], float]:
    """States (shots, sectors), the number of collimators for blocked, and the rate."""
    from scipy.optimize import nnls

    # Least squares by the Gram matrix: its root stands for the matrix of all voxels.
    value, vector = np.linalg.eigh(gram)
    keep = value > 1e-9 * value[-1]
    root = np.sqrt(value[keep])
    weight = nnls(root[:, None] * vector[:, keep].T, (vector[:, keep].T @ right) / root)[0]
    weight = weight.reshape(shape)
    whole = weight.sum(axis=2)
    if rate is None:
        rate = float(np.median(whole[whole >= 0.3 * whole.max()]))
    return np.where(whole > rate / 2, weight.argmax(axis=2), shape[2]), rate


def _chosen(state: NDArray[np.int64], sizes: int) -> NDArray[np.int64]:
    """Numbers of the columns of all open sectors."""
    shot, sector = np.nonzero(state < sizes)
    return np.asarray((shot * state.shape[1] + sector) * sizes + state[shot, sector])


def _changes(
    state: NDArray[np.int64], gram: Array, right: Array, rate: float, n: int
) -> list[tuple[tuple[int, int], Array]]:
    """How much worse the fit gets for new states of each two sectors of shot n.

    For sectors (a, b) an array [new a, new b] of differences of the sum of squares.
    """
    sectors = state.shape[1]
    sizes = len(right) // state.size
    # A blocked sector is one more column, of nothing.
    first, last = n * sectors * sizes, (n + 1) * sectors * sizes
    pull = right - rate * gram[:, _chosen(state, sizes)].sum(axis=1)
    p = np.pad(pull[first:last].reshape(sectors, sizes), ((0, 0), (0, 1)))
    g = gram[first:last, first:last].reshape(sectors, sizes, sectors, sizes)
    g = np.pad(g, ((0, 0), (0, 1), (0, 0), (0, 1)))
    now = state[n]
    own = []
    for a in range(sectors):
        block = g[a, :, a, :]
        bent = np.diag(block) - 2 * block[:, now[a]] + block[now[a], now[a]]
        own.append(rate**2 * bent - 2 * rate * (p[a] - p[a, now[a]]))
    found = []
    for a, b in itertools.combinations(range(sectors), 2):
        cross = g[a, :, b, :]
        both = cross - cross[now[a]] - cross[:, now[b], None] + cross[now[a], now[b]]
        found.append(((a, b), own[a][:, None] + own[b][None] + 2 * rate**2 * both))
    return found


def _improved(state: NDArray[np.int64], gram: Array, right: Array, rate: float) -> bool:
    """Change each shot's states in place while that makes the fit better; whether any did."""
    changed = False
    for n in range(len(state)):
        for _ in range(_MOST_ROUNDS):
            options = _changes(state, gram, right, rate, n)
            (a, b), table = min(options, key=lambda option: float(option[1].min()))
            if table.min() >= -1e-6:
                break
            state[n, a], state[n, b] = np.unravel_index(int(table.argmin()), table.shape)
            changed = True
    return changed
