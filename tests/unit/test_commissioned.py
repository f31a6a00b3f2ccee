"""A unit from geometry, commissioned: its file says so, and no longer that it is not fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gkplan.commission.agreement import Agreement
from gkplan.commission.fit import CollimatorFit, Fit
from gkplan.commission.parameters import Rings
from gkplan.commission.write import COMPUTED, commissioned_table, toml_text
from gkplan.unit import RadiationUnit, load_unit, unit_table


def fit_of(unit: RadiationUnit, sizes: tuple[int, ...]) -> Fit:
    """What the unit itself would be fitted as."""
    nothing = np.zeros(0)
    return Fit(
        unit.name,
        tuple(
            CollimatorFit(
                size,
                Rings.of(unit, size),
                *(
                    np.array(getattr(unit.collimator(size).profiles[0], name))
                    for name in ("half_width_mm", "edge_mm", "weight")
                ),
                nothing,
                nothing,
                nothing.astype(bool),
                {"x": Agreement(0.002, 0.001)},
            )
            for size in sizes
        ),
        converged=True,
    )


@pytest.mark.parametrize("sizes", [(4, 8, 14, 18), (8, 18)])
def test_only_what_is_fitted_is_called_so(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    unit = load_unit("4c")
    table = commissioned_table(unit_table("4c"), fit_of(unit, sizes), "a test")
    (tmp_path / "mine.toml").write_text(toml_text(table))
    again = load_unit(str(tmp_path / "mine.toml"))
    every = len(sizes) == 4
    assert again.is_fitted == every
    assert again.profiles == (
        "fitted by gkplan commission to a test"
        if every
        else "not fitted (4, 14 mm): computed from the channel's geometry"
    )
    assert (COMPUTED in again.origin) != every
    r = np.linspace(0.0, 40.0, 200)
    for size in unit.collimator_sizes_mm:
        old, new = unit.collimator(size), again.collimator(size)
        np.testing.assert_allclose(new.directions, old.directions, atol=1e-5)
        # The file's digits are four of a millimetre.
        np.testing.assert_allclose(new.profiles[0](r), old.profiles[0](r), atol=2e-3)
