"""How often `gkplan check` tells sector states right: ``python benchmarks/inferred_sectors.py``.

Random plans of 12 shots in a round head, stated by a system whose rates differ from ours by 0.7 %
and doses by 1.5 % (standard deviations). Equal sectors, some blocked, and mixed sizes; the
calibration dose rate known or not. Printed: how many are right, and the mean stated confidence.
Then the same from a dose grid of 1 mm alone, 40 plans, whose dose differs from ours by up to 1 %.
"""

from __future__ import annotations

import numpy as np

from gkplan.check.fromdose import infer_from_dose
from gkplan.check.patterns import Observed, infer_patterns
from gkplan.dose import TmrEngine
from gkplan.frames import Frame
from gkplan.grid import Grid, Volume
from gkplan.head import Head
from gkplan.shot import Shot
from gkplan.solids import Ellipsoid
from gkplan.unit import load_unit

PLANS, SHOTS, RATE = 12, 12, 2.7
GRID_PLANS = 40
UNIT = load_unit("perfexion")
HEAD = Head("round", Ellipsoid((100.0, 95.0, 95.0), (75.0, 90.0, 85.0)))
ENGINE = TmrEngine(UNIT, HEAD, RATE)


def random_shot(rng: np.random.Generator, center: np.ndarray) -> tuple[str, Shot]:
    """Half of them equal, the rest blocked or mixed."""
    kind = str(rng.choice(["equal", "blocked", "mixed"], p=[0.5, 0.25, 0.25]))
    sectors = np.full(8, rng.choice([4, 8, 16]))
    if kind == "blocked":
        sectors[rng.choice(8, rng.integers(1, 4), replace=False)] = 0
    while kind == "mixed" and np.ptp(sectors) == 0:
        sectors = rng.choice([4, 8, 16], 8)
    x, y, z = (center + rng.uniform(-8, 8, 3)).tolist()
    states = tuple(int(s) for s in sectors)
    return kind, Shot(
        (x, y, z), states, float(rng.uniform(0.5, 5.0)), float(rng.choice([70, 90, 110]))
    )


def main() -> None:
    rng = np.random.default_rng(1)
    for known in (True, False):
        right: dict[str, list[bool]] = {}
        sure: dict[str, list[float]] = {}
        rates = []
        for _ in range(PLANS):
            center = rng.uniform((60, 50, 60), (140, 140, 130))
            kinds, shots = zip(*(random_shot(rng, center) for _ in range(SHOTS)), strict=True)
            observed = []
            for n, shot in enumerate(shots):
                here = ENGINE.dose(np.array([shot.isocenter_mm, center]), [shot])
                rate = here[0] / shot.time_min * np.exp(rng.normal(0.0, 0.007))
                dose = here[1] * np.exp(rng.normal(0.0, 0.015))
                place = (shot.isocenter_mm, shot.time_min, shot.gamma_angle_deg)
                observed.append(Observed(f"A{n}", *place, float(rate), float(dose)))
            found, rate = infer_patterns(observed, UNIT, HEAD, center, RATE if known else None)
            rates.append(rate / RATE - 1.0)
            for kind, shot, inferred in zip(kinds, shots, found, strict=True):
                right.setdefault(kind, []).append(inferred.sectors == shot.sectors)
                sure.setdefault(kind, []).append(inferred.confidence)
        print(f"calibration {'known' if known else 'unknown'}: {PLANS} plans of {SHOTS} shots")
        if not known:
            print(f"  it is found within {100 * np.max(np.abs(rates)):.1f} %")
        for kind in sorted(right):
            share, stated, count = np.mean(right[kind]), np.mean(sure[kind]), len(right[kind])
            print(f"  {kind}: {100 * share:.0f} % of {count} right, stated {100 * stated:.0f} %")
        assert np.mean(right["equal"]) > 0.8


def from_grids() -> None:
    rng = np.random.default_rng(5)
    right: dict[str, list[bool]] = {}
    sure: dict[str, list[float]] = {}
    rates = []
    for _ in range(GRID_PLANS):
        center = rng.uniform((60, 50, 60), (140, 140, 130))
        kinds, shots = zip(*(random_shot(rng, center) for _ in range(SHOTS)), strict=True)
        foci = np.array([s.isocenter_mm for s in shots])
        box = np.array([foci.min(axis=0) - 20.0, foci.max(axis=0) + 20.0])
        grid = Grid.around(box, 1.0, Frame.LEKSELL)
        waves = np.sin(grid.points() / 12.0 + rng.uniform(0.0, 2 * np.pi, 3)).prod(axis=1)
        dose = ENGINE.dose(grid.points(), shots) * (1.0 + 0.01 * waves)
        step = dose.max() / 65535
        dose = (np.round(dose / step) * step).reshape(grid.shape)
        observed = [
            Observed(f"A{n}", s.isocenter_mm, s.time_min, s.gamma_angle_deg, None, None)
            for n, s in enumerate(shots)
        ]
        found, rate = infer_from_dose(observed, UNIT, HEAD, Volume(dose, grid, "dose_gy"))
        rates.append(rate / RATE - 1.0)
        for kind, shot, inferred in zip(kinds, shots, found, strict=True):
            right.setdefault(kind, []).append(inferred.sectors == shot.sectors)
            sure.setdefault(kind, []).append(inferred.confidence)
    print(f"from the dose grid, calibration unknown: {GRID_PLANS} plans of {SHOTS} shots")
    print(f"  it is found within {100 * np.max(np.abs(rates)):.2f} %")
    for kind in sorted(right):
        share, stated, count = np.mean(right[kind]), np.mean(sure[kind]), len(right[kind])
        print(f"  {kind}: {100 * share:.0f} % of {count} right, stated {100 * stated:.0f} %")
        assert share > 0.8
    every, stated = np.concatenate(list(right.values())), np.concatenate(list(sure.values()))
    for low, high in ((0.0, 0.5), (0.5, 0.9), (0.9, 1.01)):
        some = (stated >= low) & (stated < high)
        if some.any():
            print(
                f"  stated {100 * low:.0f} to {100 * min(high, 1.0):.0f} %: "
                f"{100 * every[some].mean():.0f} % of {some.sum()} right"
            )


if __name__ == "__main__":
    main()
    from_grids()
