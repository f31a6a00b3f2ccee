"""Cells: every point once, no cell too large or too full."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gkplan.dose.cells import RUN, Cells


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 900),
    st.floats(0.0, 60.0),
    st.floats(1.0, 40.0),
    st.integers(1, 300),
    st.integers(0, 2**31),
)
def test_cells_hold_every_point_once(
    count: int, spread: float, edge: float, most: int, seed: int
) -> None:
    # Rounded, so that many coordinates are the same.
    points = np.round(np.random.default_rng(seed).normal(0.0, spread, (count, 3)))
    cells = Cells.of(points, edge, most)
    assert sorted(cells.order.tolist()) == list(range(count))
    assert cells.starts[0] == 0
    assert cells.starts[-1] == count
    for first, last, center in zip(cells.starts[:-1], cells.starts[1:], cells.centers, strict=True):
        inside = points[cells.order[first:last]]
        assert 1 <= last - first <= most
        assert np.ptp(inside, axis=0).max() <= edge
        np.testing.assert_allclose(center, (inside.max(axis=0) + inside.min(axis=0)) / 2)


def test_runs_within_a_cell_are_compact() -> None:
    points = np.random.default_rng(0).uniform(0.0, 10.0, (4 * RUN, 3))
    cells = Cells.of(points, 20.0, 4 * RUN)
    assert len(cells.centers) == 1
    runs = points[cells.order].reshape(4, RUN, 3)
    assert np.prod(np.ptp(runs, axis=1), axis=1).max() < 0.5 * 10.0**3
