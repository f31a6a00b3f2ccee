"""One beam by ompMC and by gkplan: python benchmarks/beside_ompmc.py PYTHON [case ...]

PYTHON is that of an environment with the package `ompmc` (GPL, hence its own: gkplan never imports
it). Cases are 4, 8 and 16 (mm, water) and slabs (8 mm, bone and air). Both codes have the same
voxels of 1 mm, beam, spectrum and cut-offs, and one thread each. The doses are compared first;
then the efficiency, 1 / (mean relative variance x CPU seconds) in the voxels above half of the
maximum, and what was asked of it are asserted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from egsnrc import BONE, NAMES

from gkplan.frames import Array, Frame
from gkplan.grid import Grid
from gkplan.montecarlo.effort import effort_of
from gkplan.montecarlo.geometry import score_on, slabs, voxels_of
from gkplan.montecarlo.ideal import ideal_beam
from gkplan.montecarlo.places import places_of, with_places
from gkplan.montecarlo.problem import Problem
from gkplan.montecarlo.run import Tally
from gkplan.montecarlo.tables import USUAL, line_attenuation, physics_of

WATER = [(0, 160, "water", 1.0)]
# Diameter at the focus, layers, and how many times more efficient than ompMC is wanted.
CASES = {
    "4": (4.0, WATER, 50),
    "8": (8.0, WATER, 50),
    "16": (16.0, WATER, 50),
    "slabs": (8.0, BONE, 20),
}
VOXELS, FOCUS_MM, DISTANCE_MM = 160, 80.0, 400.0
GRID = Grid((VOXELS,) * 3, (1.0,) * 3, (-79.5, -79.5, 0.5), Frame.LEKSELL)
# In turn: so many batches of ours, then so many histories of theirs. Splitting is 1 or what
# ompMC has for itself; the better one counts.
ROUNDS, BATCHES, RAYS, TRACKS, THEIRS, SPLITS = 2, 10, 6_000, 320, 200_000, (1, 20)


def problem(diameter: float, layers: list[tuple[float, float, str, float]]) -> Problem:
    """The beam with what the engine has for a plan, near an isocentre."""
    physics = physics_of(NAMES)
    vox = voxels_of(physics, GRID, *slabs(NAMES, GRID, layers))
    beam = ideal_beam(diameter, FOCUS_MM, DISTANCE_MM)
    attenuation = line_attenuation(NAMES, beam.energy)
    effort = effort_of(vox, 0.05, 30, 1, 0.3, np.full(GRID.shape, 0.2, dtype=np.float32))
    _, y, x = np.meshgrid(*GRID.axes()[::-1], indexing="ij")
    near = np.hypot(x, y) < 0.75 * diameter + 4.0
    slope = float(attenuation[0, 0])
    places = places_of(vox, near, beam, np.array([FOCUS_MM]), slope, TRACKS * RAYS, 8)
    effort = with_places(effort, places)
    score = score_on(GRID, np.ones(3))
    return Problem(physics, vox, beam, effort, places, score, attenuation, 1, RAYS)


def theirs(python: str, work: Problem, diameter: float, seed: int, split: int) -> list[Array]:
    """Energy (MeV) that each voxel [k, j, i] has of a photon, its variance, and CPU seconds."""
    with tempfile.TemporaryDirectory() as folder:
        asked, answer = Path(folder) / "asked.npz", Path(folder) / "answer.npz"
        np.savez(
            asked,
            material=work.voxels.material,
            density=work.voxels.density,
            focus_mm=FOCUS_MM,
            distance_mm=DISTANCE_MM,
            diameter_mm=diameter,
            energy=work.source.energy,
            share=np.diff(work.source.share, prepend=0.0),
            cuts=(USUAL.electron_cut_mev, USUAL.photon_cut_mev),
            run=(seed, split, THEIRS // split),
        )
        # -P: beside the script there are others, by names of packages.
        script = Path(__file__).with_name("ompmc_once.py")
        subprocess.run(
            [python, "-P", str(script), str(asked), str(answer)],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        with np.load(answer) as got:
            return [got["energy"], got["variance"], got["seconds"]]


def in_turn(name: str, python: str) -> None:
    """Compute, compare, assert."""
    diameter, layers, wanted = CASES[name]
    work = problem(diameter, layers)
    work.dose(1_000_000)  # compiles
    tally, seconds = Tally.empty(GRID.shape), 0.0
    others: dict[int, list[list[Array]]] = {split: [] for split in SPLITS}
    for turn in range(ROUNDS):
        for n in range(BATCHES):
            start = time.process_time()
            dose = work.dose(turn * BATCHES + n)
            seconds += time.process_time() - start
            tally.add(dose)
        for split in SPLITS:
            others[split].append(theirs(python, work, diameter, turn + 1, split))
    ours, variance = tally.mean, tally.standard_error**2
    # Their dose is not given inside air.
    solid = work.voxels.density > 0.1
    half = solid & (ours > 0.5 * ours[solid].max())
    mine = 1.0 / (np.mean(variance[half] / ours[half] ** 2) * seconds)
    volume_density = work.voxels.density.astype(
        np.float64
    )  # mm3 g/cm3: dose is MeV cm3/g per voxel
    all_runs = [run for runs in others.values() for run in runs]
    weight = np.array([1.0 / run[1][half].sum() for run in all_runs])
    stack = [run[0] / volume_density.clip(1e-9) for run in all_runs]
    best = sum(w * s for w, s in zip(weight, stack, strict=True)) / weight.sum()
    print(f"{name}: {half.sum()} voxels above half of the maximum")
    compare(ours, np.asarray(best), half, all_runs, volume_density)
    theirs_best = 0.0
    for split, runs in others.items():
        error = np.mean([run[1] for run in runs], axis=0)[half] / len(runs)
        mean = (ours * volume_density)[half]
        spent = float(sum(run[2] for run in runs))
        value = 1.0 / (np.mean(error / mean**2) * spent)
        theirs_best = max(theirs_best, value)
        rate = len(runs) * (THEIRS // split) / spent
        print(f"  ompMC, splitting {split:2d}: efficiency {value:7.1f}, {rate:7.0f} histories/s")
    rate = tally.batches * RAYS / seconds
    print(f"  gkplan             : efficiency {mine:7.0f}, {rate:7.0f} rays/s, {seconds:.0f} s")
    print(f"  ratio {mine / theirs_best:.0f}, wanted {wanted}")
    assert mine > wanted * theirs_best


def compare(ours: Array, best: Array, half: Array, runs: list[list[Array]], density: Array) -> None:
    """The doses above half of the maximum, all together and by layers of 20 mm."""
    weight = np.array([1.0 / run[1][half].sum() for run in runs])
    weight /= weight.sum()
    for low, high in ((0, VOXELS), *((n, n + 20) for n in range(0, VOXELS, 20))):
        part = half.copy()
        part[:low], part[high:] = False, False
        if not part.any():
            continue
        sigma = np.sqrt(
            sum(
                w**2 * (r[1][part] / density[part] ** 2).sum()
                for w, r in zip(weight, runs, strict=True)
            )
        )
        total = best[part].sum()
        difference, error = ours[part].sum() / total - 1, float(sigma / total)
        print(
            f"  dose {low:3d} to {high:3d} mm: gkplan / ompMC - 1 = "
            f"{difference:+.2%} +- {error:.2%}"
        )
        assert high - low < VOXELS or abs(difference) < 0.005 + 2 * error


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("name the python of an environment with ompmc")
    for case in sys.argv[2:] or list(CASES):
        in_turn(case, sys.argv[1])
