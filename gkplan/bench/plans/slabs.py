"""Contours as flat slabs: a second way to say what belongs to a structure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gkplan.case import Case
from gkplan.frames import Array


@dataclass(frozen=True, slots=True, eq=False)
class SlabStack:
    """Contours continued by half a spacing to both sides: a stack of slabs.

    A point belongs to it if an odd number of the contours of the nearest slice encloses it. No
    interpolation between slices, and no bridge over a missing one.

    Parameters
    ----------
    axes : (3, 3) rows u, v in the slices and w normal to them, Leksell
    spacing_mm : between slices
    heights : (m,) along w
    rings : for each slice its closed contours, (n, 2) along u and v, mm
    """

    axes: Array
    spacing_mm: float
    heights: Array
    rings: tuple[tuple[Array, ...], ...]

    @classmethod
    def of(cls, rings: Sequence[Array], spacing_mm: float | None) -> SlabStack:
        """From planar rings (n, 3), Leksell mm, in parallel planes."""
        area = [np.cross(ring, np.roll(ring, -1, axis=0)).sum(axis=0) / 2 for ring in rings]
        normal = max(area, key=lambda a: float(np.linalg.norm(a)))
        normal = normal / np.linalg.norm(normal)
        u = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
        u /= np.linalg.norm(u)
        axes = np.array([u, np.cross(normal, u), normal])
        height = np.array([float((ring @ normal).mean()) for ring in rings])
        steps = np.diff(np.sort(height))
        steps = steps[steps > 0.1]
        spacing = spacing_mm or (float(np.median(steps)) if len(steps) else 1.0)
        number = np.rint((height - height.min()) / spacing).astype(int)
        slices = np.unique(number)
        return cls(
            axes,
            spacing,
            np.array([height[number == n].mean() for n in slices]),
            tuple(
                tuple((r @ axes.T)[:, :2] for r, k in zip(rings, number, strict=True) if k == n)
                for n in slices
            ),
        )

    def contains(self, points: Array) -> NDArray[np.bool_]:
        """Which of the Leksell points (n, 3) belong to the stack."""
        local = points @ self.axes.T
        away = np.abs(local[:, 2, None] - self.heights)
        nearest = away.argmin(axis=1)
        close = away.min(axis=1) <= self.spacing_mm / 2
        inside = np.zeros(len(points), dtype=np.bool_)
        for n, rings in enumerate(self.rings):
            mine = np.flatnonzero(close & (nearest == n))
            for ring in rings:
                inside[mine] ^= _encloses(ring, local[mine, :2])
        return inside


def target_slabs(case: Case) -> dict[str, SlabStack]:
    """The stacks of the targets of a contour file, empty for other cases."""
    if case.kind != "contours":
        return {}
    table = json.loads(Path(case.path).read_text(encoding="utf-8"))
    leksell = case.patient_from_leksell.inverse
    spacing = table.get("slice_spacing_mm")
    return {
        t.name: SlabStack.of([leksell(np.array(r)) for r in table["structures"][t.name]], spacing)
        for t in case.targets
    }


def _encloses(ring: Array, points: Array) -> NDArray[np.bool_]:
    """Which points (n, 2) a closed polygon (m, 2) encloses, by the even-odd rule."""
    x, y = points[:, 0, None], points[:, 1, None]
    (xa, ya), (xb, yb) = ring.T, np.roll(ring, -1, axis=0).T
    spans = (ya > y) != (yb > y)
    rise = np.where(yb == ya, 1.0, yb - ya)
    return np.asarray((spans & (x < xa + (y - ya) / rise * (xb - xa))).sum(axis=1) % 2 == 1)
