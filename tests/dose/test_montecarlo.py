"""The Monte Carlo engine: calibration, the same bits everywhere, resuming, bad input."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gkplan.cli import main
from gkplan.dose import TmrEngine
from gkplan.dose.montecarlo import MonteCarlo, MonteCarloDose, MonteCarloEngine
from gkplan.errors import CaseError, PlanError
from gkplan.frames import Frame
from gkplan.grid import Grid, Volume
from gkplan.head import Head, Tissue
from gkplan.load import load_case
from gkplan.montecarlo.headvoxels import head_grid, matter_on
from gkplan.montecarlo.materials import material_names
from gkplan.shot import Shot
from gkplan.unit import load_unit

CENTER = (100.0, 100.0, 100.0)
GRID = Grid((5, 5, 5), (4.0, 4.0, 4.0), (92.0, 92.0, 92.0), Frame.LEKSELL)
SMALL = MonteCarlo(uncertainty=0.0001, spacing_mm=4.0, rays=300, most_batches=4, workers=1)


# Once: the photons of its beams are fitted for each unit that is loaded.
UNIT = load_unit("perfexion")


def engine(how: MonteCarlo, executor: Executor | None = None) -> MonteCarloEngine:
    head = load_case("sphere-160").head
    return MonteCarloEngine(UNIT, head, 3.0, how=how, executor=executor)


def dose(how: MonteCarlo, executor: Executor | None = None) -> MonteCarloDose:
    return engine(how, executor).run(GRID, [Shot(CENTER, (8,) * 8, 1.0)])


@pytest.mark.parametrize(("size", "scattered"), [(4, 0.0), (16, 0.3)])
def test_dose_rate_at_the_centre_of_the_calibration_sphere(size: int, scattered: float) -> None:
    """All sectors of 16 mm give the calibration rate, those of 4 mm 0.814 of it.

    Whatever their energies: photons are as many as that takes.
    """
    how = MonteCarlo(
        uncertainty=0.0001,
        scattered=scattered,
        spacing_mm=2.0,
        rays=2000,
        most_batches=5 if scattered else 8,
        workers=1,
    )
    shot = Shot(CENTER, (size,) * 8, 1.0)
    half = {16: 3.0, 4: 0.75}[size]
    grid = Grid((3, 3, 3), (half,) * 3, tuple(c - half for c in CENTER), Frame.LEKSELL)  # type: ignore[arg-type]
    result = engine(how).run(grid, [shot])
    expected = TmrEngine(engine(how).unit, engine(how).head, 3.0).dose_on(grid, [shot])
    ratio = result.dose_gy.mean() / expected.mean()
    # 27 voxels together; their own errors are known from the batches.
    sigma = np.sqrt((result.error_gy**2).mean() / 8) / result.dose_gy.mean()
    assert sigma < 0.02
    assert abs(ratio - 1) < 0.01 + 3 * sigma


def test_any_number_of_workers_gives_the_same_bits() -> None:
    one, three = dose(SMALL), dose(replace(SMALL, workers=3))
    np.testing.assert_array_equal(one.dose_gy, three.dose_gy)
    np.testing.assert_array_equal(one.error_gy, three.error_gy)
    other = dose(replace(SMALL, seed=2))
    assert not np.array_equal(one.dose_gy, other.dose_gy)


def test_spawned_processes_give_the_same_bits() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = dose(SMALL, pool)
    np.testing.assert_array_equal(dose(SMALL).dose_gy, there.dose_gy)


@pytest.mark.filterwarnings("ignore")  # dask's own
def test_a_dask_cluster_gives_the_same_bits(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="needs gkplan[cluster]")
    # Its workers are spawned processes.
    with distributed.Client(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        local_directory=str(tmp_path),
    ) as client:
        there = dose(SMALL, client.get_executor())
    here = dose(SMALL)
    np.testing.assert_array_equal(here.dose_gy, there.dose_gy)
    np.testing.assert_array_equal(here.error_gy, there.error_gy)


def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    file = tmp_path / "run.npz"
    dose(replace(SMALL, most_batches=2, resume=file))
    gone_on = dose(replace(SMALL, resume=file))
    np.testing.assert_array_equal(gone_on.dose_gy, dose(SMALL).dose_gy)
    assert gone_on.batches == 4
    with pytest.raises(PlanError, match="belongs to another plan"):
        dose(replace(SMALL, resume=file, seed=7))
    file.write_text("nothing")
    with pytest.raises(PlanError, match="not a Monte Carlo run"):
        dose(replace(SMALL, resume=file))


def test_ctrl_c_ends_a_run_and_keeps_the_file_whole(tmp_path: Path) -> None:
    file = tmp_path / "run.npz"
    dose(replace(SMALL, most_batches=2, resume=file))
    before = file.read_bytes()

    def stop(text: str) -> None:
        if "batches" in text:
            raise KeyboardInterrupt

    head = load_case("sphere-160").head
    how = replace(SMALL, resume=file)
    stopped = MonteCarloEngine(UNIT, head, 3.0, how=how, report=stop)
    with pytest.raises(KeyboardInterrupt):
        stopped.run(GRID, [Shot(CENTER, (8,) * 8, 1.0)])
    assert file.read_bytes() == before


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """Killed between two savings: batches after the last one are computed again."""
    file, how = tmp_path / "run.npz", replace(SMALL, resume=tmp_path / "run.npz")
    dose(replace(how, most_batches=3))
    code = (
        "import os\n"
        "from dataclasses import replace\n"
        "from pathlib import Path\n"
        "from tests.dose import test_montecarlo as t\n"
        "def die(text):\n"
        "    if 'batches' in text: os._exit(9)\n"
        f"how = replace(t.SMALL, resume=Path({str(file)!r}))\n"
        "made = replace(t.engine(how), report=die)\n"
        "made.run(t.GRID, [t.Shot(t.CENTER, (8,) * 8, 1.0)])\n"
    )
    root = Path(__file__).parents[2]
    killed = subprocess.run([sys.executable, "-c", code], cwd=root, check=False)
    assert killed.returncode == 9
    gone_on = dose(how)
    assert gone_on.batches == 4
    np.testing.assert_array_equal(gone_on.dose_gy, dose(SMALL).dose_gy)
    np.testing.assert_array_equal(gone_on.error_gy, dose(SMALL).error_gy)


def test_a_computed_dose_answers_for_its_shots_only() -> None:
    shots = [Shot(CENTER, (8,) * 8, 1.0)]
    computed = engine(SMALL).computed(GRID, shots)
    at = computed.dose(np.array([CENTER]), shots)[0]
    assert at == pytest.approx(float(computed.result.dose_gy[2, 2, 2]))
    assert computed.dose(np.array([[0.0, 0.0, 0.0]]), shots)[0] == 0.0
    with pytest.raises(ValueError, match="other shots"):
        computed.dose(np.array([CENTER]), [Shot(CENTER, (4,) * 8, 1.0)])


def test_a_head_is_made_of_its_tissues_or_of_water() -> None:
    head = load_case("head").head
    grid = head_grid(head, 6.0)
    material, density = matter_on(head, grid, "head")
    inside = head.on_grid(grid)
    assert (density[~inside] == 0.0).all()
    assert (density[inside] > 0.0).all()
    names = np.array(material_names())
    assert {"air", "cranium", "cortical-bone", "brain"} <= set(names[np.unique(material[inside])])
    k, j, i = np.argwhere(inside)[::97].T
    x, y, z = grid.axes()
    points = np.stack([x[i], y[j], z[k]], axis=1)
    by_point = head._paint(points, np.nan, [t.density_g_cm3 for t in head.tissues])
    np.testing.assert_allclose(density[k, j, i], by_point)
    _, water = matter_on(head, grid, "water")
    assert set(np.unique(water)) == {0.0, 1.0}


def test_ct_numbers_become_densities() -> None:
    head = load_case("sphere-160").head
    grid = head_grid(head, 8.0)
    image = Volume(np.full(grid.shape, 1000, dtype=np.int16), grid, "hu")
    _, density = matter_on(replace(head, image=image), grid, "head")
    assert density[head.on_grid(grid)] == pytest.approx(1.61, abs=0.01)


def test_heads_without_matter_are_refused() -> None:
    head = load_case("sphere-160").head
    bare = Head("bare", head.surface)
    grid = head_grid(head, 8.0)
    with pytest.raises(CaseError, match=r"has no densities.*--medium water"):
        matter_on(bare, grid, "head")
    part = load_case("head").head.tissues[-1]
    with pytest.raises(CaseError, match="are in no tissue"):
        matter_on(replace(bare, tissues=(part,)), grid, "head")
    wrong = Tissue("wrong", head.surface, -1.0, 0.0)
    with pytest.raises(CaseError, match=r"negative or missing, the first -1 g/cm3"):
        matter_on(replace(bare, tissues=(wrong,)), grid, "head")


@pytest.mark.parametrize("option", ["--uncertainty=0", "--medium=air", "--engine=magic"])
def test_options_that_cannot_be_are_one_sentence(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dose", "x.json", "--at", "1,1,1", "--engine", "montecarlo", option]) == 2
    error = capsys.readouterr().err
    assert "expected" in error
    assert error.count("\n") == 1
