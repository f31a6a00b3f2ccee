"""One run of ompMC, in the environment that has it: what `beside_ompmc.py` starts.

Reads voxels, beam and cut-offs from one file and writes energy, variance and time to another.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import ompmc  # type: ignore[import-not-found, unused-ignore]

NAMES = ["H2O521ICRU", "ICRPBONE521ICRU", "AIR521ICRU"]
REST_MEV = 0.51099895
# The disc of the beam in cells, and narrow bins for the lines of the spectrum.
CELLS, WIDTH_MEV, BATCHES = 400, 1e-4, 20


def main(asked: Path, answer: Path) -> None:
    """Lengths come in mm and go in as cm."""
    with np.load(asked) as file:
        have = dict(file)
    seed, split, histories = (int(v) for v in have["run"])
    shape = have["density"].shape
    flat = [np.arange(n + 1) * 0.1 for n in shape]
    depth, across = flat[0], flat[1] - flat[1][-1] / 2.0
    geometry = ompmc.Geometry(
        across,
        across,
        depth,
        NAMES,
        np.asfortranarray(have["density"].T.astype(np.float64)),
        np.asfortranarray(have["material"].T.astype(np.int32) + 1),
    )
    source_z = float(have["focus_mm"] - have["distance_mm"]) / 10.0
    radius = float(have["diameter_mm"]) / 20.0
    # The disc stands at the surface; in its square, all that is beside the disc is stopped.
    there = radius * -source_z / (float(have["distance_mm"]) / 10.0)
    cell = (np.arange(CELLS) + 0.5) / CELLS * 2.0 - 1.0
    disc = (cell[:, None] ** 2 + cell**2 <= 1.0).astype(np.float64)
    step = 2.0 * there / CELLS
    square = [[2.0 * there, 0.0, 0.0]], [[0.0, 2.0 * there, 0.0]]
    beam = ompmc.BeamletSource([0], [[0.0, 0.0, source_z]], [[-there, -there, 0.0]], *square)
    edges, photons = [], []
    for line, part in zip(have["energy"], have["share"], strict=True):
        edges += [line - WIDTH_MEV, line + WIDTH_MEV]
        photons += [0.0, part]
    spectrum = ompmc.Spectrum.from_histogram(edges[1:], photons[1:], e_min=edges[0])
    electron, photon = have["cuts"]
    physics = ompmc.Physics(
        pegs_file=ompmc.data_path() / "pegs4" / "521icru.pegs4dat",
        global_ecut=REST_MEV + float(electron),
        global_pcut=float(photon),
        n_split=split,
        seeds=(seed, 33),
    )
    ends: list[float] = []
    energy, relative = ompmc.calc_forward(
        geometry,
        beam,
        [1.0],
        spectrum,
        physics,
        n_histories=histories,
        n_batches=BATCHES,
        output_dose=False,
        collimator=ompmc.ApertureMask(0.0, -there, -there, step, step, disc),
        progress=lambda _: ends.append(time.process_time()),
    )
    # Called after every batch; before the first there is the reading of tables.
    seconds = (ends[-1] - ends[0]) * BATCHES / (len(ends) - 1)
    mean = energy.T / disc.mean()
    np.savez(answer, energy=mean, variance=(mean * relative.T) ** 2, seconds=seconds)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
