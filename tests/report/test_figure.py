"""The picture: is what it shows where it belongs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from gkplan.disclaimer import DISCLAIMER
from gkplan.frames import Array, Frame
from gkplan.grid import Grid, Volume
from gkplan.head import Tissue
from gkplan.report import plan_figure, png_bytes
from gkplan.report.dvh import volume_fraction
from gkplan.report.isodose import isodoses
from gkplan.report.palette import collimator_colors
from gkplan.report.planes import VIEWS, PlaneView
from gkplan.report.shotplot import sector_azimuths_deg
from gkplan.shot import Shot
from gkplan.unit import load_unit
from tests.report import example

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def figure() -> Figure:
    plan = example.one_target()
    dose = example.gaussians(plan)
    return plan_figure(plan, example.dose_volume(dose), example.evaluate(plan, dose))


def axes_of(figure: Figure, label: str) -> Axes:
    return next(axes for axes in figure.axes if axes.get_label() == label)


def in_axes(axes: Axes, view: PlaneView, leksell: tuple[float, float, float]) -> Array:
    """A Leksell point as fractions of the panel from its left and its bottom."""
    pixel = axes.transData.transform((leksell[view.across], leksell[view.upward]))
    return np.asarray(axes.transAxes.inverted().transform(pixel))


def all_text(figure: Figure) -> list[str]:
    texts = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        texts += [text.get_text() for text in axes.texts]
        if legend := axes.get_legend():
            texts += [text.get_text() for text in legend.get_texts()]
    for legend in figure.legends:
        texts += [text.get_text() for text in legend.get_texts()]
    return texts


def contours(axes: Axes, color: str) -> Iterator[Array]:
    for artist in axes.collections:
        if isinstance(artist, ContourSet) and not artist.filled:
            edge = artist.get_edgecolor()
            if len(edge) and np.allclose(edge[0], to_rgba(color)):
                for path in artist.get_paths():
                    yield np.asarray(path.vertices)


@pytest.mark.parametrize(
    ("name", "toward", "where"),
    [
        ("axial", (1, 0, 0), "right"),  # patient left
        ("axial", (0, 1, 0), "top"),  # anterior
        ("coronal", (1, 0, 0), "right"),
        ("coronal", (0, 0, 1), "bottom"),  # inferior
        ("sagittal", (0, 1, 0), "left"),
        ("sagittal", (0, 0, 1), "bottom"),
    ],
)
def test_leksell_directions_point_the_right_way(
    figure: Figure, name: str, toward: tuple[int, int, int], where: str
) -> None:
    view = next(v for v in VIEWS if v.name == name)
    x, y, z = (c + 10 * d for c, d in zip(example.TARGET, toward, strict=True))
    shift = in_axes(axes_of(figure, name), view, (x, y, z)) - 0.5
    expected = {"right": (1, 0), "left": (-1, 0), "top": (0, 1), "bottom": (0, -1)}[where]
    assert shift == pytest.approx(np.multiply(expected, 10 / 74), abs=0.003)


@pytest.mark.parametrize("view", VIEWS, ids=lambda v: v.name)
def test_side_letters_stand_where_the_patient_has_them(figure: Figure, view: PlaneView) -> None:
    axes = axes_of(figure, view.name)
    ends = {"L": (0, 1), "R": (0, -1), "A": (1, 1), "P": (1, -1), "I": (2, 1), "S": (2, -1)}
    letters = [text for text in axes.texts if text.get_text() in ends]
    assert len(letters) == 4
    for text in letters:
        axis, sign = ends[text.get_text()]
        away = list(example.TARGET)
        away[axis] += sign * 20.0
        toward = in_axes(axes, view, (away[0], away[1], away[2])) - 0.5
        assert np.dot(np.array(text.get_position()) - 0.5, toward) > 0.1


@pytest.mark.parametrize("view", VIEWS, ids=lambda v: v.name)
def test_a_hot_spot_off_the_center_is_drawn_where_it_is(view: PlaneView) -> None:
    plan = example.one_target()
    spot = np.array(example.TARGET) + np.array([9.0, 6.0, -12.0])
    spot[view.normal] = example.TARGET[view.normal]

    def dose(points: Array) -> Array:
        return np.asarray(30.0 * 0.5 ** (((points - spot) ** 2).sum(axis=1) / 16))

    evaluation = example.evaluate(plan, example.gaussians(plan))
    axes = axes_of(plan_figure(plan, example.dose_volume(dose, 2.0), evaluation), view.name)
    line = isodoses(plan, "schwannoma", 30.0)[1]
    assert line.dose_gy == 12.0
    (ring,) = contours(axes, line.color)
    assert ring.mean(axis=0) == pytest.approx((spot[view.across], spot[view.upward]), abs=0.4)
    radius = 4.0 * np.sqrt(np.log2(30 / 12))
    assert np.ptp(ring, axis=0) / 2 == pytest.approx([radius, radius], abs=0.4)


@pytest.mark.parametrize("view", VIEWS, ids=lambda v: v.name)
def test_the_background_is_not_mirrored(view: PlaneView) -> None:
    plan = example.one_target()
    place = np.array(example.TARGET) + np.array([15.0, 20.0, -18.0])
    place[view.normal] = example.TARGET[view.normal]
    x, y, z = (float(c) for c in place)
    head = plan.case.head
    mark = Tissue("mark", example.sphere((x, y, z), 4.0), 2.0, 2000.0)
    bright = replace(head, tissues=(head.tissues[2], mark))
    plan = replace(plan, case=replace(plan.case, head=bright))
    dose = example.gaussians(plan)
    figure = plan_figure(plan, example.dose_volume(dose), example.evaluate(plan, dose))
    figure.canvas.draw()
    image = np.asarray(figure.canvas.buffer_rgba())  # type: ignore[attr-defined]
    axes = axes_of(figure, view.name)

    def brightness(point: Array) -> int:
        column, row = axes.transData.transform((point[view.across], point[view.upward]))
        return int(image[image.shape[0] - 1 - int(row), int(column), 0])

    mirrored = 2 * np.array(example.TARGET) - place
    assert brightness(place) > 250
    assert brightness(mirrored) < 200


def test_outlines_have_the_size_of_the_structures(figure: Figure) -> None:
    (ring,) = contours(axes_of(figure, "axial"), "#e11d48")
    distance = np.hypot(*(ring - np.array(example.TARGET[:2])).T)
    assert distance == pytest.approx(np.full(len(ring), 7.0), abs=0.15)


def test_isodoses_end_where_the_dose_grid_ends() -> None:
    plan = example.one_target()
    evaluation = example.evaluate(plan, example.gaussians(plan))
    x = example.TARGET[0]
    grid = Grid.around([[x, 60.0, 90.0], [x + 30.0, 120.0, 140.0]], 2.0, Frame.LEKSELL)
    values = example.gaussians(plan)(grid.points()).reshape(grid.shape)
    axes = axes_of(plan_figure(plan, Volume(values, grid, "dose_gy"), evaluation), "axial")
    (half_ring,) = contours(axes, isodoses(plan, "schwannoma", 24.0)[1].color)
    assert half_ring[:, 0].min() >= x
    # The ring of 7 mm is cut open, not closed along the border of the grid.
    assert (np.abs(half_ring[:, 0] - x) < 0.5).sum() < 8


def test_dvh_lines_are_those_of_the_evaluation() -> None:
    plan = example.one_target()
    dose = example.gaussians(plan)
    evaluation = example.evaluate(plan, dose)
    axes = axes_of(plan_figure(plan, example.dose_volume(dose), evaluation), "dvh")
    lines = {line.get_gid(): line for line in axes.lines}
    for dvh in evaluation.dvhs:
        x, y = (np.asarray(a) for a in lines[f"dvh {dvh.structure}"].get_data())
        assert np.array_equal(x, dvh.dose_gy)
        assert y == pytest.approx(100 * volume_fraction(dvh))
        assert y[0] == 100.0
    assert any(np.allclose(line.get_xdata(), 12.0) for line in axes.lines)


def test_isocenters_near_the_plane_are_marked() -> None:
    plan = example.one_target()
    x, y, z = example.TARGET
    shots = tuple(Shot((x + d, y, z + d), (4,) * 8, 1.0) for d in (-1.0, 1.0, 5.0))
    plan = replace(plan, shots=shots)
    dose = example.gaussians(example.one_target())
    figure = plan_figure(
        plan, example.dose_volume(dose), example.evaluate(example.one_target(), dose)
    )
    line = next(a for a in axes_of(figure, "axial").lines if a.get_gid() == "isocenters")
    assert np.asarray(line.get_xdata()).tolist() == [x - 1, x + 1]


def test_first_sector_begins_at_the_left_and_counts_toward_anterior() -> None:
    azimuths = sector_azimuths_deg(load_unit("perfexion")) % 360
    assert azimuths == pytest.approx(22.5 + 45 * np.arange(8))


def test_each_shot_has_a_wheel_with_its_states_and_minutes() -> None:
    plan = example.one_target()
    dose = example.gaussians(plan)
    figure = plan_figure(plan, example.dose_volume(dose), example.evaluate(plan, dose))
    axes = figure.axes[-1]
    wedges = axes.patches[: plan.unit.n_sectors]
    states = collimator_colors(plan.unit)
    shown = [wedge.get_facecolor() for wedge in wedges]
    assert shown == [to_rgba(states[s]) for s in plan.shots[0].sectors]
    assert "3.25 min" in all_text(figure)


def test_many_shots_become_a_map_of_sectors() -> None:
    plan = example.six_targets()
    plan = replace(plan, shots=plan.shots * 5)
    dose = example.gaussians(example.six_targets())
    figure = plan_figure(plan, example.dose_volume(dose, 6.0), example.evaluate(plan, dose))
    bars, cells = figure.axes[-2:]
    heights = [bar.get_height() for bar in bars.patches if isinstance(bar, Rectangle)]
    assert heights == [s.time_min for s in plan.shots]
    shown = np.asarray(cells.collections[0].get_array())
    index = {state: n for n, state in enumerate(collimator_colors(plan.unit))}
    assert shown.T.tolist() == [[index[s] for s in shot.sectors] for shot in plan.shots]


def test_a_dose_prescribed_to_the_maximum_has_no_coverage() -> None:
    plan = example.functional()
    dose = example.gaussians(plan)
    texts = all_text(
        plan_figure(plan, example.dose_volume(dose, 5.0), example.evaluate(plan, dose))
    )
    assert texts[texts.index("coverage") - 1] == "-"
    assert "40 Gy (50 %)" in texts


def test_the_page_says_what_it_is(figure: Figure) -> None:
    texts = all_text(figure)
    assert any(DISCLAIMER in text for text in texts)
    assert any("12 Gy" in text and "Perfexion" in text for text in texts)
    assert {"12 Gy (100 %)", "schwannoma", "cochlea-left", "brainstem"} <= set(texts)


def test_names_are_not_read_as_mathematics() -> None:
    plan = example.renamed(example.one_target(), "brainstem", "_$x^{ \\frac $")
    dose = example.gaussians(plan)
    figure = plan_figure(plan, example.dose_volume(dose, 6.0), example.evaluate(plan, dose))
    png = png_bytes(figure)
    assert png.startswith(b"\x89PNG")
    assert "_$x^{ \\frac $" in all_text(figure)


def test_texts_do_not_run_into_each_other(figure: Figure) -> None:
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    boxes = [t.get_window_extent(renderer) for t in figure.texts]
    for n, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[n + 1 :])
        assert 0 <= one.x0 < one.x1 <= figure.bbox.width


def test_dose_of_another_frame_is_refused() -> None:
    plan = example.one_target()
    evaluation = example.evaluate(plan, example.gaussians(plan))
    grid = Grid((2, 2, 2), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), Frame.PATIENT)
    with pytest.raises(ValueError, match="Leksell frame, got patient"):
        plan_figure(plan, Volume(np.zeros(grid.shape), grid, "dose_gy"), evaluation)


def test_importing_the_package_leaves_matplotlib_alone() -> None:
    code = "import sys, gkplan.report; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_drawing_does_not_choose_a_backend() -> None:
    code = (
        "import sys\n"
        "from tests.report import example\n"
        "from gkplan.report import plan_figure\n"
        "plan = example.one_target(); dose = example.gaussians(plan)\n"
        "plan_figure(plan, example.dose_volume(dose, 8.0), example.evaluate(plan, dose))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
