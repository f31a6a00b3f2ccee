"""What makes the hard cases hard, held to numbers: shapes, gaps, places, doses."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist

from gkplan.case.phantom import read_site, volume_cc
from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.load import load_case
from gkplan.planner.candidates import lattice_candidates
from gkplan.solids import Capsule, Ellipsoid, Solid, Union, sample_about
from gkplan.unit import load_unit
from tests.crofton import area_and_volume, sphericity

VOLUMES_CC = {"metastasis-large": 6.0, "avm": 4.0, "cavity": 20.0}
DOSES_GY = {
    "metastasis-large": 18.0,
    "avm": 22.0,
    "cavity": 15.0,
    "meningioma": 13.0,
    "glomus": 15.0,
    "thalamotomy": 130.0,
}
# RTOG 90-05: 18 Gy from 21 to 30 mm, 15 Gy from 31 to 40 mm.
DIAMETERS_MM = {"metastasis-large": (20.0, 30.0), "cavity": (30.0, 40.0)}


def target_of(name: str) -> Solid:
    (target,) = load_case(name).targets
    return target.solid


def points_in(solid: Solid, count: int = 20_000) -> Array:
    return sample_about(solid, count, coarsest_mm=2.0)[0]


def test_area_and_volume_of_solids_with_formulas() -> None:
    ball = Ellipsoid((1.0, 2.0, 3.0), (5.0, 5.0, 5.0))
    capsule = Capsule((0.0, 0.0, 0.0), (6.0, 0.0, 0.0), 2.0)
    apart = Union((ball, Ellipsoid((14.0, 2.0, 3.0), (5.0, 5.0, 5.0))))
    for solid, area, volume in (
        (ball, 100 * np.pi, 500 / 3 * np.pi),
        (capsule, 40 * np.pi, (24 + 32 / 3) * np.pi),
        (apart, 200 * np.pi, 1000 / 3 * np.pi),
    ):
        assert area_and_volume(solid) == pytest.approx((area, volume), rel=0.015)
    assert sphericity(ball) == pytest.approx(1.0, abs=0.01)
    assert sphericity(apart) == pytest.approx(0.5 ** (1 / 3), abs=0.01)


@pytest.mark.parametrize(("name", "volume"), VOLUMES_CC.items())
def test_volumes_as_asked(name: str, volume: float) -> None:
    assert volume_cc(load_case(name).targets[0], 50_000) == pytest.approx(volume, rel=0.03)


@pytest.mark.parametrize(("name", "most"), [("metastasis-large", 0.85), ("avm", 0.75)])
def test_sphericity(name: str, most: float) -> None:
    assert 0.5 < sphericity(target_of(name)) < most - 0.01


@pytest.mark.parametrize(("name", "dose"), DOSES_GY.items())
def test_prescriptions(name: str, dose: float) -> None:
    (prescription,) = load_case(name).prescriptions
    assert prescription.dose_gy == dose
    assert prescription.collimator_mm == 4


@pytest.mark.parametrize(("name", "span"), DIAMETERS_MM.items())
def test_diameters_belong_to_the_dose(name: str, span: tuple[float, float]) -> None:
    least, most = span
    assert least < pdist(points_in(target_of(name), 4000)).max() < most


@pytest.mark.parametrize("name", ["metastasis-large", "avm", "cavity", "thalamotomy"])
def test_lesions_of_the_brain_are_in_it(name: str) -> None:
    head = load_case("head").head
    assert (head.hu(points_in(target_of(name))) < 100.0).all()
    assert head.contains(points_in(target_of(name))).all()


def test_the_meningioma_is_a_c_2_mm_from_the_brainstem() -> None:
    """In every 5 degrees of 140, the gap is 1.5 to 2.5 mm, and the tumour is thick there."""
    case = load_case("meningioma")
    tumour, stem = (case.structure(name).solid for name in ("target", "brainstem"))
    around = cKDTree(points_in(tumour, 120_000))
    points = points_in(stem, 120_000)
    gap = around.query(points)[0]
    azimuth = np.rad2deg(np.arctan2(points[:, 1] - 86.0, points[:, 0] - 100.0))
    edges = np.arange(-70.0, 71.0, 5.0)
    assert edges[-1] - edges[0] >= 120.0
    for low, high in itertools.pairwise(edges):
        nearest = gap[(azimuth >= low) & (azimuth < high)].min()
        assert 1.5 < nearest < 2.5, (low, nearest)
    at = points_in(tumour)
    of_tumour = np.rad2deg(np.arctan2(at[:, 1] - 86.0, at[:, 0] - 100.0))
    counts, _ = np.histogram(of_tumour, bins=edges)
    assert counts.min() > 0.2 * counts.max()
    assert sphericity(tumour) < 0.7
    assert (case.head.hu(at) < 100.0).mean() > 0.99  # beside the bone, not in it


def test_the_aim_of_the_thalamotomy_follows_the_commissures() -> None:
    case, site = load_case("thalamotomy"), np.array(read_site("head", "thalamus"))
    aim = points_in(case.targets[0].solid).mean(axis=0)
    # AC (100, 114, 100), PC (100, 90, 100); the third ventricle ends at x = 102.5.
    assert aim == pytest.approx([102.5 + 11.5, 90.0 + 24.0 / 4, 100.0], abs=0.02)
    assert np.linalg.norm(aim - site) < 10.0
    capsule = points_in(case.structure("internal-capsule-left").solid, 60_000)
    assert 5.0 < np.linalg.norm(capsule - aim, axis=1).min() < 7.0
    nearest = capsule[np.linalg.norm(capsule - aim, axis=1).argmin()]
    assert nearest[0] > aim[0]


def test_the_glomus_tumour_is_low_and_lateral_and_goes_through_the_bone() -> None:
    case = load_case("glomus")
    assert case.gamma_angle_deg == 110.0
    tumour = points_in(case.targets[0].solid)
    others = [points_in(target_of(n), 2000)[:, 2].max() for n in ("meningioma", "pituitary")]
    assert tumour[:, 2].max() > max(others) + 35.0
    assert tumour[:, 0].max() > 135.0
    hu = case.head.hu(tumour)
    assert 0.05 < (hu == 1000.0).mean() < 0.3
    above, below = (tumour[hu == value][:, 2].mean() for value in (5.0, 40.0))
    assert above < tumour[hu == 1000.0][:, 2].mean() < below


def test_candidates_keep_to_the_reach() -> None:
    """The lower half of the tumour out of reach: candidates above; all of it: one sentence."""
    case, unit = load_case("glomus"), load_unit("perfexion")
    assert unit.reaches(lattice_candidates(case, unit)).all()
    short = dataclasses.replace(unit, reach_mm=unit.reach_mm - [[0, 0, 0], [0, 0, 45.0]])
    places = lattice_candidates(case, short)
    assert 0 < len(places) < len(lattice_candidates(case, unit))
    assert places[:, 2].max() <= 165.0
    shorter = dataclasses.replace(unit, reach_mm=unit.reach_mm - [[0, 0, 0], [0, 0, 70.0]])
    with pytest.raises(CaseError, match="target 'target' is outside the reach"):
        lattice_candidates(case, shorter)
