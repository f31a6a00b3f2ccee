"""How often `gkplan check` tells sector states right: ``python benchmarks/inferred_sectors.py``.

Random plans of 12 shots in a round head, stated by a system whose rates differ from ours by 0.7 %
and doses by 1.5 % (standard deviations). Equal sectors, some blocked, and mixed sizes; the
calibration dose rate known or not. Printed: how many are right, and the mean stated confidence.
"""

from __future__ import annotations

import numpy as np

from gkplan.check.patterns import Observed, infer_patterns
from gkplan.dose import TmrEngine
from gkplan.head import Head
from gkplan.shot import Shot
from gkplan.solids import Ellipsoid
from gkplan.unit import load_unit

PLANS, SHOTS, RATE = 12, 12, 2.7
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


if __name__ == "__main__":
    main()
