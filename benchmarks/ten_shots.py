"""A plan of ten shots by Monte Carlo: python benchmarks/ten_shots.py [uncertainty] [workers]

All 192 beams, the head with its densities on its whole grid of 1 mm. Prints what each batch came
to against CPU and wall seconds, from the start and with the preparing of head and beams.
"""

from __future__ import annotations

import sys
import time

from gkplan.dose.montecarlo import MonteCarlo, MonteCarloEngine
from gkplan.load import load_case
from gkplan.montecarlo.headvoxels import head_grid
from gkplan.shot import Shot
from gkplan.unit import load_unit

# Two clusters of 4 and 8 mm, one near the skull base and one high up.
SHOTS = [
    Shot(
        (88.0 + 4.0 * (n % 3), 100.0 + 5.0 * (n // 3 % 2), 105.0 + 4.0 * (n // 2)), (size,) * 8, 1.0
    )
    for n, size in enumerate((8, 4, 8, 4, 4, 8, 4, 8, 4, 4))
]


def main(uncertainty: float, workers: int) -> None:
    wall, cpu = time.monotonic(), time.process_time()

    def said(text: str) -> None:
        print(f"{time.process_time() - cpu:7.1f} CPU s {time.monotonic() - wall:7.1f} s  {text}")
        sys.stdout.flush()

    case, unit = load_case("head"), load_unit("perfexion")
    how = MonteCarlo(uncertainty=uncertainty, workers=workers)
    grid = head_grid(case.head, 1.0)
    said(f"{len(SHOTS)} shots, grid {grid.shape}")
    result = MonteCarloEngine(unit, case.head, 3.0, how=how, report=said).run(grid, SHOTS)
    said(f"done: {result.uncertainty:.2%} after {result.batches} batches")


if __name__ == "__main__":
    main(
        float(sys.argv[1]) if len(sys.argv) > 1 else 0.01,
        int(sys.argv[2]) if len(sys.argv) > 2 else 2,
    )
