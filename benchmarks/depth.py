"""Time one isocentre's rays through every kind of head in one run; every answer is asserted.

    python benchmarks/depth.py

A head of 156 x 190 x 170 mm, the 576 beams (three collimators) of an isocentre; the baseline is
the ellipsoid itself. Run from the checkout: the heads are those of the tests.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from gkplan.dose.beams import unit_directions
from gkplan.head import surface_distances, surface_from_image
from gkplan.solids import Ellipsoid, Solid
from gkplan.structures import solid_from_contours
from gkplan.unit import load_unit
from tests.surfaces import image_of, mesh_of, off_surface, radii_of, rings_of

CENTER = (100.0, 100.0, 100.0)
SHAPE = Ellipsoid(CENTER, (78.0, 95.0, 85.0))
ISOCENTER = np.array([126.0, 92.0, 118.0])


def milliseconds(job: Callable[[], object], repeats: int = 50) -> float:
    job()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - start)
    return 1000.0 * statistics.median(seconds)


def main() -> None:
    beams = unit_directions(load_unit("perfexion"), 90.0)
    heads: dict[str, tuple[Solid, float]] = {
        "ellipsoid": (SHAPE, 1e-9),
        "mesh, 32768 triangles": (mesh_of(SHAPE), 0.03),
        "image, 1 mm": (surface_from_image(image_of(SHAPE, (1.0, 1.0, 1.0), margin_mm=20.0)), 0.5),
        "contours, 1 mm": (solid_from_contours(rings_of(SHAPE, 1.0), "skull"), 0.5),
        "24 radii": (radii_of(SHAPE, np.array(CENTER)), 0.02),
    }
    print(f"{len(beams)} rays, one isocentre; off: the farthest end from the ellipsoid's surface")
    for name, (surface, tolerance) in heads.items():
        distance = surface_distances(surface, ISOCENTER, beams)
        off = off_surface(SHAPE, ISOCENTER + distance[:, None] * beams).max()
        assert off <= tolerance, f"{name}: {off:.3f} mm off, expected at most {tolerance} mm"
        took = milliseconds(lambda s=surface: surface_distances(s, ISOCENTER, beams))  # type: ignore[misc]
        print(f"{name:24s} {took:7.2f} ms   off {off:.3f} mm")


if __name__ == "__main__":
    main()
