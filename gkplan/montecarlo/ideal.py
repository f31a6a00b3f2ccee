"""One ideal beam, for verification."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gkplan.montecarlo.materials import cobalt_lines

if TYPE_CHECKING:
    from gkplan.kernels.matter import Source


def ideal_beam(
    diameter_mm: float,
    focus_z_mm: float = 80.0,
    distance_mm: float = 400.0,
    scattered: float = 0.0,
) -> Source:
    """A point source on the negative z axis, seen through a disc at (0, 0, `focus_z_mm`).

    `scattered` is the fraction of its photons that have lost energy, see `cobalt_lines`.

    Notes
    -----
    Uniform over the disc, which differs from uniform in solid angle by less than 1e-3.
    """
    from gkplan.kernels.matter import Source

    energy, share = cobalt_lines(scattered)
    return Source(
        np.array([[0.0, 0.0, focus_z_mm]]),
        np.array([[0.0, 0.0, -1.0]]),
        np.array([distance_mm]),
        np.zeros(1, dtype=np.int64),
        np.ones(1),
        np.array([[0.0, (diameter_mm / 2.0) ** 2]]),
        energy,
        np.cumsum(share),
    )
