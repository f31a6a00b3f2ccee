"""Compute gkplan/montecarlo/data/pencil.csv anew: python benchmarks/pencil.py [batches]."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import gkplan
from gkplan.montecarlo.pencil import computed_pencil

HEAD = """# Dose (Gy) in rings about the path of one Co-60 photon through the centre of a sphere of
# water of 160 mm, mean over 8 mm of the path at the centre. Computed by benchmarks/pencil.py with
# gkplan's own Monte Carlo engine, {rays} rays, with the standard error beside it; then the same of
# photons that have scattered in the source, {soft} rays.
# from mm, to mm, Gy, Gy, Gy, Gy
"""


def main(batches: int) -> None:
    rays = 20_000
    pencil, error = computed_pencil(batches, rays, 20260101)
    fewer = max(batches // 4, 8)
    soft, soft_error = computed_pencil(fewer, rays, 20260102, scattered=1.0)
    lines = [
        f"{low:g},{high:g},{dose:.5e},{sigma:.1e},{other:.5e},{spread:.1e}\n"
        for low, high, dose, sigma, other, spread in zip(
            pencil.edge_mm[:-1],
            pencil.edge_mm[1:],
            pencil.dose_gy,
            error,
            soft.dose_gy,
            soft_error,
            strict=True,
        )
    ]
    path = Path(gkplan.__file__).parent / "montecarlo" / "data" / "pencil.csv"
    path.write_text(
        HEAD.format(rays=batches * rays, soft=max(batches // 4, 8) * rays) + "".join(lines)
    )
    area = np.pi * np.diff(pencil.edge_mm**2)
    for radius in (2.0, 4.0, 8.0, 40.0):
        inside = pencil.edge_mm[1:] <= radius + 1e-9
        whole = (pencil.dose_gy * area)[inside].sum()
        spread = np.sqrt((error * area)[inside] @ (error * area)[inside])
        print(f"disc of {radius:g} mm: {1e10 * whole:.4f} pGy cm2, {spread / whole:.2%}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
