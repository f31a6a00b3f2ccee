"""Where in an MR image the air ends, and whether an image holds the whole head."""

from __future__ import annotations

import numpy as np

from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.grid import Volume
from gkplan.solids import Solid

_BINS = 512


def mr_threshold(image: Volume) -> float:
    """The signal half-way between the air around a head and its tissue.

    Raises
    ------
    CaseError
        If the image has one value everywhere.

    Notes
    -----
    Otsu's threshold (doi 10.1109/TSMC.1979.4310076) parts the values, those above the 99.5th
    percentile taken for it: vessels and fat may be many times brighter than the rest. The result
    lies half-way between the medians of the two parts.
    """
    values = np.asarray(image.array, dtype=np.float32).ravel()
    values = values[:: max(values.size // 2_000_000, 1)]
    low, high = float(values.min()), float(np.percentile(values, 99.5))
    if not high > low:
        raise CaseError(f"image: has the value {low:g} everywhere; there is no head in it")
    values = np.minimum(values, high)
    counts, edges = np.histogram(values, bins=_BINS, range=(low, high))
    parting = _otsu(counts.astype(np.float64), (edges[:-1] + edges[1:]) / 2)
    return float((np.median(values[values <= parting]) + np.median(values[values > parting])) / 2)


def _otsu(counts: Array, middles: Array) -> float:
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    weighted = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = weighted[-1] / counts.sum() * below - weighted[:-1]
        between = np.where((below > 0) & (above > 0), apart**2 / (below * above), -1.0)
    # A valley without values has one height; its middle is as far from both as can be.
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    return float(middles[best].mean())


def cut_off_sides(surface: Solid, image: Volume) -> list[str]:
    """Sides of the image (Leksell axes) beyond which the head goes on, the inferior one aside.

    A side counts when the head covers more than 1 cm2 of it.
    """
    x, y, z = image.grid.axes()
    ends = (("right", "left"), ("posterior", "anterior"), ("superior", ""))
    axes = (x, y, z)
    cut = []
    for axis, names in enumerate(ends):
        others = [a for a in range(3) if a != axis]
        u, v = np.meshgrid(axes[others[0]], axes[others[1]], indexing="ij")
        area = float(np.prod([image.grid.spacing_mm[a] for a in others]))
        for name, place in zip(names, (axes[axis][0], axes[axis][-1]), strict=True):
            points = np.empty((u.size, 3))
            points[:, others[0]], points[:, others[1]] = u.ravel(), v.ravel()
            points[:, axis] = place
            if name and surface.contains(points).sum() * area > 100.0:
                cut.append(name)
    return cut
