"""Sector states told from rates and doses: right where they can be, unsure where they cannot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gkplan.check.patterns import Observed, infer_patterns
from gkplan.check.sectors import GivenSectors, read_sectors, told_sectors
from gkplan.dose import ReferenceEngine
from gkplan.errors import PlanError
from gkplan.head import Head
from gkplan.shot import Shot
from gkplan.solids import Ellipsoid
from gkplan.unit import load_unit

UNIT = load_unit("perfexion")
HEAD = Head("ball", Ellipsoid((100.0, 95.0, 95.0), (75.0, 90.0, 85.0)))
POINT = np.array([105.0, 92.0, 98.0])
RATE = 2.41


def observed(shots: list[Shot], error: float = 0.0, seed: int = 1) -> list[Observed]:
    """What another system would state of shots: with relative differences of a size `error`."""
    engine = ReferenceEngine(UNIT, HEAD, RATE)
    rng = np.random.default_rng(seed)
    found = []
    for number, shot in enumerate(shots, start=1):
        off = rng.normal(0.0, error, 2)
        focus = float(engine.dose(np.array([shot.isocenter_mm]), [shot])[0])
        dose = float(engine.dose(POINT[None], [shot])[0])
        rate = focus / shot.time_min * float(np.exp(off[0]))
        found.append(
            Observed(
                f"A{number}",
                shot.isocenter_mm,
                shot.time_min,
                shot.gamma_angle_deg,
                rate,
                dose * float(np.exp(2 * off[1])),
            )
        )
    return found


EQUAL = [
    Shot((104.0, 92.5, 98.0), (4,) * 8, 2.0),
    Shot((107.0, 91.0, 99.0), (8,) * 8, 3.0, 110.0),
    Shot((102.0, 95.0, 95.0), (16,) * 8, 1.0, 70.0),
]
BLOCKED = Shot((103.0, 96.0, 97.0), (8, 8, 8, 8, 8, 0, 0, 8), 4.0)


@pytest.mark.parametrize("rate", [None, RATE])
def test_equal_sectors_are_told_from_what_another_system_states(rate: float | None) -> None:
    found, calibration = infer_patterns(observed(EQUAL, 0.004), UNIT, HEAD, POINT, rate)
    assert [i.sectors for i in found] == [s.sectors for s in EQUAL]
    assert calibration == pytest.approx(RATE, rel=0.01)
    assert all(i.confidence > 0.8 for i in found)


def test_what_numbers_cannot_tell_is_said_to_be_unsure() -> None:
    (found,), _ = infer_patterns(observed([BLOCKED]), UNIT, HEAD, POINT, RATE)
    assert found.confidence < 0.5


def test_without_the_point_the_rates_alone_are_used() -> None:
    """A centred 4 mm and an 8 mm shot of all sectors differ by a tenth in rate."""
    found, _ = infer_patterns(observed(EQUAL, 0.004), UNIT, HEAD, None, RATE)
    assert [i.sectors for i in found] == [s.sectors for s in EQUAL]
    both, _ = infer_patterns(observed(EQUAL, 0.004), UNIT, HEAD, POINT, RATE)
    assert sum(i.confidence for i in both) > sum(i.confidence for i in found)


def test_confidences_of_all_patterns_add_up_to_one() -> None:
    """A shot with nothing stated has the prior alone: a third of the share of equal sectors."""
    silent = Observed("A1", (104.0, 92.5, 98.0), 2.0, 90.0, None, None)
    (found,), _ = infer_patterns([silent], UNIT, HEAD, POINT, RATE)
    assert found.confidence == pytest.approx(0.5 / 3, rel=1e-6)


def test_given_sectors_tell_the_rate() -> None:
    given = GivenSectors(tuple(s.sectors for s in EQUAL), "a file")
    told = told_sectors(observed(EQUAL), UNIT, HEAD, POINT, None, given)
    assert told.rate_gy_per_min == pytest.approx(RATE, rel=1e-3)
    assert [s.shot.sectors for s in told.shots] == [s.sectors for s in EQUAL]
    assert any("not checked in absolute terms" in note for note in told.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", 'expected {"sectors"'),
        (json.dumps({"sectors": {"A1": [8]}}), "missing or unknown: A2"),
        (json.dumps({"sectors": {"A1": [8], "A2": [8], "B": [4]}}), "missing or unknown: B"),
        (json.dumps({"sectors": {"A1": [8], "A2": ["8"]}}), "sectors of A2: expected whole"),
        (json.dumps({"sectors": {"A1": [8], "A2": 8}}), "sectors of A2: expected whole"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "patterns.json"
    path.write_text(text)
    with pytest.raises(PlanError) as caught:
        read_sectors(path, ["A1", "A2"])
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
