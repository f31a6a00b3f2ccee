"""What saves time beside what happens in nature: python benchmarks/beside_analogue.py [case ...]

Cases are water and slabs (bone and air), one beam of 8 mm. The analogue engine follows every
photon and electron as it happens; by ray and by place are the ways of a plan. The dose within 3 mm
of the axis, air left out, is compared, all together and by layers, and has to be the same within
0.1 % and twice the standard error.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
from beside_ompmc import FOCUS_MM, GRID, WATER
from egsnrc import BONE, NAMES

from gkplan.frames import Array
from gkplan.montecarlo.effort import TrackBank, effort_of, scratch
from gkplan.montecarlo.geometry import score_in_rings, slabs, voxels_of
from gkplan.montecarlo.ideal import ideal_beam
from gkplan.montecarlo.places import no_places, places_of, with_places
from gkplan.montecarlo.tables import FINE, USUAL, line_attenuation, physics_of

LAYERS = {"water": WATER, "slabs": BONE}
# Batches and rays of each way; the analogue engine needs far more.
WAYS = {"analogue": (60, 80_000), "by ray": (60, 2_000), "by place": (60, 2_000)}
RADIUS_MM, LAYER_MM, TRACKS = 3.0, 10.0, 300_000


def doses(case: str, way: str, number: int) -> Array:
    """Dose (layers,) a ray of one batch within `RADIUS_MM` of the axis."""
    from gkplan.kernels.collisions import collisions
    from gkplan.kernels.replay import replay
    from gkplan.kernels.transport import analogue

    rays = WAYS[way][1]
    # The banks are made finely: so nature is followed finely too.
    physics = physics_of(NAMES, FINE if way == "analogue" else USUAL)
    vox = voxels_of(physics, GRID, *slabs(NAMES, GRID, LAYERS[case]))
    beam = ideal_beam(8.0, FOCUS_MM, 400.0)
    score = score_in_rings(RADIUS_MM, 1, 0.0, LAYER_MM, 16, np.ones(len(NAMES)))
    first = number * rays
    if way == "analogue":
        analogue(physics, vox, score, beam, *scratch(), 1, first, rays, False)
        return np.asarray(score.dose[:, 0, 0] / rays)
    attenuation = line_attenuation(NAMES, beam.energy)
    effort, places = effort_of(vox, 0.1, 20, 2, 0.5), no_places()
    if way == "by place":
        _, y, x = np.meshgrid(*GRID.axes()[::-1], indexing="ij")
        depth = np.array([FOCUS_MM])
        places = places_of(vox, np.hypot(x, y) < 8.0, beam, depth, 0.0063, TRACKS, 8)
        effort = with_places(effort, places)
    bank, groups = TrackBank(beam.energy).made(2 * number)
    work = (physics, vox, score, beam)
    replay(*work, bank, groups, effort, attenuation, *scratch(), 2, first, rays)
    written = (np.zeros(1), np.zeros(len(beam.energy)), *scratch())
    collisions(*work, bank, effort, places, attenuation, *written, 3, number * len(places.at), rays)
    return np.asarray(score.dose[:, 0, 0] / rays)


def beside(case: str, pool: ProcessPoolExecutor) -> None:
    """Compute, compare, assert."""
    rows = {}
    for way, (batches, _) in WAYS.items():
        rows[way] = np.array(
            list(pool.map(doses, [case] * batches, [way] * batches, range(batches)))
        )
    # Layers that hold air are not compared.
    depth = (np.arange(16) + 0.5) * LAYER_MM
    solid = np.array(
        [not any(lo <= d < hi and m == "air" for lo, hi, m, _ in LAYERS[case]) for d in depth]
    )
    nature = rows.pop("analogue")[:, solid]
    for way, batches in rows.items():
        own = batches[:, solid]
        total, expected = own.sum(axis=1), nature.sum(axis=1)
        error = np.hypot(_error(total), _error(expected)) / expected.mean()
        difference = total.mean() / expected.mean() - 1.0
        each = own.mean(axis=0) / nature.mean(axis=0) - 1.0
        pull = each * nature.mean(axis=0) / np.hypot(_error(own), _error(nature))
        print(
            f"{case}, {way}: {difference:+.3%} +- {error:.3%}; layers {each.min():+.2%} to "
            f"{each.max():+.2%}, {np.sqrt(np.mean(pull**2)):.2f} of their error"
        )
        assert abs(difference) < 0.001 + 2.0 * error


def _error(rows: Array) -> Array:
    return np.asarray(rows.std(axis=0, ddof=1) / np.sqrt(len(rows)))


if __name__ == "__main__":
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        for name in sys.argv[1:] or LAYERS:
            beside(name, executor)
