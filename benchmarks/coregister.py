"""Error of co-registration on a synthetic head: ``python benchmarks/coregister.py 8``.

A CT of 1 mm and an MR of 1.3 mm of one phantom head, laid off by a random turn of up to 15 degrees
about each axis and a shift of up to 40 mm; the signal of the MR has nothing of the order of CT
numbers, both are noisy, and part of the head lies beyond either's field of view in half of the
poses. The error is that over the part of the head that the CT shows.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from scipy.spatial.transform import Rotation

from gkplan.coregister import coregister
from gkplan.frames import Array, Frame, RigidTransform, patient_from_leksell
from gkplan.grid import Grid, Volume
from gkplan.load import load_case

LIMIT_MM, LIMIT_DEG = 0.5, 0.5
HEAD = load_case("vestibular-schwannoma").head
TO_PATIENT = patient_from_leksell()
BOX = np.array([[-85.0, -110.0, -70.0], [85.0, 110.0, 105.0]])
HU = [-1000, -500, 0, 20, 35, 60, 200, 1000]
SIGNAL = [0, 0, 250, 300, 700, 900, 300, 30]


def seen(offset: RigidTransform, box: Array, spacing_mm: float) -> tuple[Grid, Array]:
    """CT numbers on a grid round `box` of a head that lies off by `offset`."""
    corners = np.array([[x, y, z] for x in box[:, 0] for y in box[:, 1] for z in box[:, 2]])
    there = offset(corners)
    grid = Grid.around(np.array([there.min(axis=0), there.max(axis=0)]), spacing_mm, Frame.PATIENT)
    points = grid.points()
    parts = np.array_split(points, len(points) // 1_000_000 + 1)
    hu = [HEAD.hu(TO_PATIENT.inverse(offset.inverse(part))) for part in parts]
    return grid, np.concatenate(hu).reshape(grid.shape)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    stay = RigidTransform(np.eye(3), np.zeros(3), Frame.PATIENT, Frame.PATIENT)
    means, largest, turns = [], [], []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        turn = Rotation.from_euler("xyz", rng.uniform(-15, 15, 3), degrees=True)
        offset = RigidTransform(
            turn.as_matrix(), rng.uniform(-40, 40, 3), Frame.PATIENT, Frame.PATIENT
        )
        box = BOX + np.array([[0, 0, 50.0 * (seed % 2)], [0, 0, 0]])
        grid, hu = seen(stay, BOX, 1.0)
        ct = Volume((hu + rng.normal(0, 15, hu.shape)).astype(np.float32), grid, "hu")
        grid, hu = seen(offset, box, 1.3)
        signal = np.maximum(np.interp(hu, HU, SIGNAL) + rng.normal(0, 20, hu.shape), 0)
        mr = Volume(signal.astype(np.float32), grid, "mr_signal")
        began = time.perf_counter()
        found = coregister(ct, mr)
        took = time.perf_counter() - began
        points = rng.uniform(*BOX, (4000, 3))
        points = points[HEAD.contains(TO_PATIENT.inverse(points))]
        error = np.linalg.norm(found.fixed_from_moving(offset(points)) - points, axis=1)
        left = (found.fixed_from_moving @ offset).rotation
        means.append(error.mean())
        largest.append(error.max())
        turns.append(np.rad2deg(Rotation.from_matrix(left).magnitude()))
        print(
            f"{seed}: error {means[-1]:.3f} mean, {largest[-1]:.3f} mm largest, {turns[-1]:.3f} "
            f"degrees; second search {found.spread_mm:.3f} mm away; {took:.0f} s",
            flush=True,
        )
    print(
        f"{count} poses: mean error {np.mean(means):.3f}, largest {max(largest):.3f} mm (limit "
        f"{LIMIT_MM}), {max(turns):.3f} degrees (limit {LIMIT_DEG})"
    )
    assert max(largest) <= LIMIT_MM
    assert max(turns) <= LIMIT_DEG


if __name__ == "__main__":
    main()
