"""The head's surface from an image: which piece, what is filled, which frame."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gkplan.errors import CaseError
from gkplan.frames import Array, Frame, RigidTransform, patient_from_leksell
from gkplan.grid import Grid, Volume
from gkplan.head import surface_distances, surface_from_image
from gkplan.solids import Capsule, Difference, Ellipsoid, HalfSpace, Intersection, Solid, Union
from tests.surfaces import directions, image_of, off_surface

HEAD = Ellipsoid((100.0, 100.0, 100.0), (40.0, 50.0, 45.0))
CENTER = np.array(HEAD.center_mm)
TOWARD = directions(800)


def ends(surface: Solid, toward: Array = TOWARD) -> Array:
    return np.asarray(CENTER + surface_distances(surface, CENTER, toward)[:, None] * toward)


def test_air_inside_counts_as_head_and_a_couch_does_not() -> None:
    sinus = Ellipsoid((100.0, 130.0, 100.0), (8.0, 8.0, 8.0))
    couch = Capsule((60.0, 30.0, 100.0), (140.0, 30.0, 100.0), 8.0)
    scan = image_of(Union((Difference(HEAD, (sinus,)), couch)), (1.0, 1.0, 1.0))
    surface = surface_from_image(scan)
    assert surface.contains(np.array([sinus.center_mm, [100.0, 30.0, 100.0]])).tolist() == [
        True,
        False,
    ]
    assert off_surface(HEAD, ends(surface)).max() <= 0.5


def test_a_sinus_that_opens_elsewhere_is_filled_slice_by_slice() -> None:
    """A canal of air from the sinus down and out, as the airways are."""
    sinus = Ellipsoid((100.0, 125.0, 100.0), (8.0, 8.0, 8.0))
    canal = Capsule((100.0, 125.0, 100.0), (100.0, 105.0, 160.0), 3.0)
    surface = surface_from_image(image_of(Difference(HEAD, (sinus, canal)), (1.0, 1.0, 1.0)))
    assert surface.contains(np.array([sinus.center_mm, [100.0, 112.0, 138.0]])).all()


def test_a_frame_whose_pins_touch_the_skin_is_cut_off() -> None:
    pin = Capsule((138.0, 100.0, 100.0), (165.0, 100.0, 100.0), 1.5)
    post = Capsule((165.0, 100.0, 60.0), (165.0, 100.0, 150.0), 8.0)
    scan = image_of(Union((HEAD, pin, post)), (1.0, 1.0, 1.0))
    on_post = np.array([[165.0, 100.0, 80.0]])
    assert surface_from_image(scan).contains(on_post).all()
    surface = surface_from_image(scan, bridge_mm=5.0)
    assert not surface.contains(on_post).any()
    away = TOWARD[TOWARD[:, 0] < 0.9]
    assert off_surface(HEAD, ends(surface, away)).max() <= 0.5


def test_thin_ears_stay_when_bridges_are_cut() -> None:
    ear = Ellipsoid((143.0, 95.0, 100.0), (6.0, 2.5, 8.0))
    scan = image_of(Union((HEAD, ear)), (1.0, 1.0, 1.0))
    surface = surface_from_image(scan, bridge_mm=4.0)
    assert surface.contains(np.array([[146.0, 95.0, 100.0]])).all()


def test_the_neck_ends_where_the_image_does() -> None:
    neck = Capsule((100.0, 100.0, 100.0), (100.0, 100.0, 300.0), 20.0)
    cut = HalfSpace((0.0, 0.0, 170.0), (0.0, 0.0, 1.0))
    scan = image_of(Intersection((Union((HEAD, neck)), cut)), (1.0, 1.0, 1.0))
    last = scan.grid.axes()[2][60]
    shorter = Grid(
        (61, *scan.grid.shape[1:]), scan.grid.spacing_mm, scan.grid.origin_mm, Frame.LEKSELL
    )
    surface = surface_from_image(Volume(scan.array[:61], shorter, "hu"))
    down = np.array([[0.0, 0.0, 1.0]])
    # z begins 6 mm above the head, so slice 60 lies within it.
    assert ends(surface, down)[0, 2] == pytest.approx(last + 0.5, abs=0.01)


def test_an_image_of_another_frame_comes_with_its_transform() -> None:
    to_patient = patient_from_leksell((3.0, -4.0, 5.0))
    angle = np.deg2rad(12.0)
    tilt = np.array(
        [[np.cos(angle), -np.sin(angle), 0.0], [np.sin(angle), np.cos(angle), 0.0], [0, 0, 1.0]]
    )
    oblique = RigidTransform(
        tilt @ to_patient.rotation, tilt @ to_patient.translation, Frame.LEKSELL, Frame.PATIENT
    )
    grid = Grid((101, 111, 111), (1.0, 1.0, 1.0), (-50.0, -60.0, -45.0), Frame.PATIENT)
    inside = HEAD.contains(oblique.inverse(grid.points())).reshape(grid.shape)
    scan = Volume(np.where(inside, 0.0, -1000.0), grid, "hu")
    surface = surface_from_image(scan, leksell_from_image=oblique.inverse)
    assert off_surface(HEAD, ends(surface)).max() <= 0.5
    with pytest.raises(ValueError, match="give leksell_from_image"):
        surface_from_image(scan)
    with pytest.raises(ValueError, match="expected from patient to leksell"):
        surface_from_image(scan, leksell_from_image=oblique)


def test_mr_needs_a_threshold_and_gets_its_own_step() -> None:
    ct = image_of(HEAD, (1.0, 1.0, 1.0), parts=3)
    signal = (ct.array.astype(float) + 1000.0) * 0.4 + 20.0  # 20 in air, 420 in the head
    mr = dataclasses.replace(ct, array=signal, quantity="mr_signal")
    with pytest.raises(ValueError, match="no usual threshold"):
        surface_from_image(mr)
    assert off_surface(HEAD, ends(surface_from_image(mr, threshold=220.0))).max() <= 0.25


def test_an_image_without_a_head_is_refused() -> None:
    scan = image_of(HEAD, (2.0, 2.0, 2.0))
    with pytest.raises(CaseError, match=r"values range from -1000 to 0: is the threshold right"):
        surface_from_image(scan, threshold=100.0)
