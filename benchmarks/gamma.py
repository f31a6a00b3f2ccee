"""Our gamma index beside that of pymedphys, both timed: ``python benchmarks/gamma.py``.

Needs pymedphys. Two smooth doses that differ by 0.5 % and 0.4 mm, on grids of 1.0 and 0.9 mm.
"""

from __future__ import annotations

import time

import numpy as np
import pymedphys

from gkplan.frames import Array, Frame
from gkplan.grid import Grid, Volume
from gkplan.metrics.gamma import ONE_PERCENT_HALF_MM, TWO_PERCENT_1_MM, gamma_index


def dose(points: Array, center: tuple[float, float, float]) -> Array:
    """A wide and a narrow shot."""
    wide = np.sum(((points - center) / (12.0, 11.0, 10.0)) ** 2, axis=1)
    narrow = np.sum(((points - center - (9.0, 3.0, 5.0)) / (5.0, 4.0, 4.0)) ** 2, axis=1)
    return np.asarray(20.0 * np.exp(-wide) + 10.0 * np.exp(-narrow))


def main() -> None:
    """Print seconds, pass rates and differences; hold the differences."""
    first = Grid((80, 90, 100), (1.0,) * 3, (0.0,) * 3, Frame.LEKSELL)
    second = Grid((100, 110, 120), (0.9,) * 3, (-4.0,) * 3, Frame.LEKSELL)
    reference = Volume(dose(first.points(), (50, 45, 40)).reshape(first.shape), first, "dose_gy")
    values = 1.005 * dose(second.points(), (50.3, 45.2, 39.8))
    evaluated = Volume(values.reshape(second.shape), second, "dose_gy")
    for criterion in (TWO_PERCENT_1_MM, ONE_PERCENT_HALF_MM):
        gamma_index(reference, evaluated, criterion)  # compiles
        start = time.perf_counter()
        ours = gamma_index(reference, evaluated, criterion)
        seconds = time.perf_counter() - start
        start = time.perf_counter()
        theirs = pymedphys.gamma(
            first.axes()[::-1],
            np.asarray(reference.array),
            second.axes()[::-1],
            np.asarray(evaluated.array),
            criterion.dose_percent,
            criterion.distance_mm,
            lower_percent_dose_cutoff=criterion.cutoff_percent,
            interp_fraction=10,
            max_gamma=criterion.max_gamma,
        )
        other_seconds = time.perf_counter() - start
        both = np.isfinite(theirs) & np.isfinite(ours.gamma)
        difference = ours.gamma[both] - theirs[both]
        print(
            f"{criterion}: {both.sum()} voxels, {seconds:.3f} s and {other_seconds:.2f} s, passing "
            f"{ours.pass_rate:.4f} and {(theirs[both] <= 1).mean():.4f}, difference "
            f"{difference.min():.3f} to {difference.max():.3f}"
        )
        assert both.sum() == len(ours.judged)
        # Its nodes are a tenth of the distance apart, so that its gamma is a little too large.
        assert -0.15 < difference.min() <= difference.max() < 0.01


if __name__ == "__main__":
    main()
