"""Product B: the dose rates of all sectors of many isocentres, beside the float64 twin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.bench.measure import largest_error
from gkplan.dose import ReferenceEngine, TmrEngine
from gkplan.frames import Array
from gkplan.shot import Shot

_SAMPLE = 150


@dataclass(frozen=True, slots=True)
class InfluenceJob:
    """What is computed, and into which buffer.

    `isocenters_mm` (n, 3) and `points_mm` (m, 3) are Leksell, `out` is float32 (n, sectors,
    collimators, m), `sample` holds the numbers of the points that the twin computes too.
    """

    engine: TmrEngine
    twin: ReferenceEngine
    isocenters_mm: Array
    points_mm: Array
    out: NDArray[np.float32]
    sample: NDArray[np.int64]

    @classmethod
    def around(
        cls,
        engine: TmrEngine,
        twin: ReferenceEngine,
        center_mm: tuple[float, float, float],
        isocenters: int,
        points: int,
        rng: np.random.Generator,
    ) -> InfluenceJob:
        """Isocentres spread by 5 mm about a centre, points evenly in the sphere of 30 mm."""
        at = rng.normal(center_mm, 5.0, (isocenters, 3))
        away = rng.normal(size=(points, 3))
        away *= 30.0 * rng.random((points, 1)) ** (1 / 3) / np.linalg.norm(away, axis=1)[:, None]
        shape = (isocenters, engine.unit.n_sectors, len(engine.unit.collimators), points)
        out = np.empty(shape, dtype=np.float32)
        few = rng.choice(points, min(_SAMPLE, points), replace=False)
        return cls(engine, twin, at, center_mm + away, out, few)

    def compute(self) -> NDArray[np.float32]:
        """Gy/min; the buffer."""
        return self.engine.influence(self.points_mm, self.isocenters_mm, out=self.out)

    def error(self, rates: NDArray[np.float32]) -> float:
        """Largest difference from the twin, of the maximum of all sectors; asserted.

        Looked at are the first and the middle isocentre.
        """
        error = 0.0
        points = self.points_mm[self.sample]
        n_sectors = self.engine.unit.n_sectors
        for number in (0, len(self.isocenters_mm) // 2):
            x, y, z = (float(c) for c in self.isocenters_mm[number])
            for c, size in enumerate(self.engine.unit.collimator_sizes_mm):
                states = (np.eye(n_sectors, dtype=int) * size).tolist()
                truth = np.array(
                    [
                        self.twin.dose(points, [Shot((x, y, z), tuple(state), 1.0)])
                        for state in states
                    ]
                )
                every = Shot((x, y, z), (size,) * n_sectors, 1.0)
                most = float(self.twin.dose(self.isocenters_mm[number][None], [every])[0])
                mine = rates[number, :, c][:, self.sample]
                error = max(error, largest_error(mine, truth, "influence", most))
        return error
