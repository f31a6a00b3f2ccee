"""The population benchmark: its table, its resuming, its failures and its command."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from gkplan.bench.plans import (
    METHODS,
    PUBLISHED,
    Job,
    LimitRow,
    Options,
    Row,
    find_cases,
    jobs_of,
    medians,
    rows_csv,
    rows_json,
    sweep,
)
from gkplan.bench.plans.methods import Account
from gkplan.bench.plans.table import COLUMNS
from gkplan.case import Case
from gkplan.cli import main
from gkplan.disclaimer import DISCLAIMER
from gkplan.dose import TmrEngine
from gkplan.errors import CaseError, OutputError, PlanError
from gkplan.report.benchplot import bench_figure
from gkplan.shot import Shot

PACKING = {"packing": METHODS["packing"]}


def contour_file(path: Path, radius: float = 2.8) -> Path:
    """A ball in slices of 0.7 mm, as contours."""
    angle = np.linspace(0.0, 2 * np.pi, 60, endpoint=False)
    heights = np.arange(-20, 21) * 0.7
    rings = []
    for z in heights[np.abs(heights) < radius - 0.1]:
        r = np.sqrt(radius**2 - z**2)
        points = np.stack([r * np.cos(angle), r * np.sin(angle), np.full(60, z)], axis=1)
        rings.append(points.round(3).tolist())
    table = {"source": "made in a test", "slice_spacing_mm": 0.7, "structures": {"target": rings}}
    path.write_text(json.dumps(table))
    return path


def never(case: Case, engine: TmrEngine, report: Callable[[str], None]) -> tuple:
    raise AssertionError(f"{case.name} was planned again")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cases = tmp_path_factory.mktemp("cases")
    contour_file(cases / "small.json")
    (cases / "broken.json").write_text('{"structures": {"cochlea": []}}')
    return cases


@pytest.fixture(scope="module")
def swept(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Row], Path]:
    """A contour case, a broken one and a phantom, planned in one process of a pool."""
    out = tmp_path_factory.mktemp("out") / "new" / "results"
    jobs = jobs_of(find_cases([str(folder), "metastasis-small"]), PACKING, Options())
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return sweep(jobs, out, pool), out


def test_a_row_says_all_that_is_known(swept: tuple[list[Row], Path]) -> None:
    rows, out = swept
    broken, small, phantom = rows
    assert [row.case for row in rows] == ["broken", "small", "metastasis-small"]
    assert "cochlea" in broken.error
    assert broken.coverage is None
    for row in (small, phantom):
        assert row.error == ""
        assert row.coverage == pytest.approx(0.99, abs=5e-3)
        assert row.sampled_coverage == pytest.approx(row.coverage, abs=0.01)
        assert row.sampled_paddick_index == pytest.approx(row.paddick_index, abs=0.01)
        assert row.shots is not None
        assert row.isocenters is not None
        assert row.shots >= row.isocenters >= 1
        assert row.gap is None
        for seconds in (row.kernels_s, row.programme_s, row.judging_s):
            assert seconds is not None
            assert seconds > 0.0
    assert small.slab_paddick_index == pytest.approx(small.paddick_index, abs=0.06)
    assert small.source == "made in a test"
    assert phantom.slab_coverage is None
    assert phantom.volume_cc == pytest.approx(0.3, abs=0.003)
    assert {limit.structure for limit in phantom.limits} == {"brainstem", "optic-apparatus"}
    table = json.loads((out / "small--packing.json").read_text())
    assert table["disclaimer"] == DISCLAIMER
    assert len(table["plan"]["shots"]) == small.shots


def test_a_second_run_plans_nothing_that_is_done(
    swept: tuple[list[Row], Path], folder: Path
) -> None:
    """Only the case that failed is tried again, and fails again."""
    rows, out = swept
    jobs = jobs_of(find_cases([str(folder), "metastasis-small"]), {"packing": never}, Options())
    said: list[str] = []
    assert sweep(jobs, out, report=said.append) == rows
    assert said[0] == "2 of 3 were finished before"
    assert len(said) == 2
    assert "broken by packing" in said[1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(rate_gy_per_min=2.5), "rate_gy_per_min 3.0, not 2.5"),
        (Options(prescription_gy=13.0), "prescription_gy None, not 13"),
    ],
)
def test_results_of_other_options_are_not_mixed(
    swept: tuple[list[Row], Path], options: Options, words: str
) -> None:
    jobs = jobs_of(find_cases(["metastasis-small"]), {"packing": never}, options)
    with pytest.raises(OutputError, match=words):
        sweep(jobs, swept[1])


def test_a_changed_case_and_a_foreign_file_are_told(tmp_path: Path) -> None:
    path = contour_file(tmp_path / "a.json")
    (job,) = jobs_of(find_cases([str(path)]), {"packing": single}, Options())
    sweep([job], tmp_path / "out")
    contour_file(path, radius=3.1)
    with pytest.raises(OutputError, match="case_sha256"):
        sweep(jobs_of(find_cases([str(path)]), {"packing": single}, Options()), tmp_path / "out")
    (tmp_path / "out" / job.file_name).write_text("{}")
    with pytest.raises(OutputError, match="not a result"):
        sweep([job], tmp_path / "out")


def single(
    case: Case, engine: TmrEngine, report: Callable[[str], None]
) -> tuple[tuple[Shot, ...], Account]:
    """A method of a user: one shot in the middle."""
    x, y, z = (float(c) for c in case.targets[0].solid.bounds.mean(axis=0))
    return (Shot((x, y, z), (8,) * 8, 5.0, 90.0, case.targets[0].name),), Account(
        0.1, 0.2, 0.3, 0.4
    )


def test_a_method_is_a_name_and_a_function_in_any_executor(tmp_path: Path) -> None:
    path = contour_file(tmp_path / "a.json")
    jobs = jobs_of(
        find_cases([str(path)]), {"mine": single}, Options(prescription_gy=8.0, rate_gy_per_min=2.0)
    )
    with ThreadPoolExecutor(1) as pool:
        (row,) = sweep(jobs, tmp_path / "out", pool)
    assert (row.kernels_s, row.programme_s, row.sequencing_s, row.gap) == (0.1, 0.2, 0.3, 0.4)
    plan = json.loads((tmp_path / "out" / "a--mine.json").read_text())["plan"]
    assert plan["prescriptions"][0]["dose_gy"] == 8.0
    assert plan["calibration_dose_rate_gy_per_min"] == 2.0
    assert plan["transit"] is True


def bad(case: Case, engine: TmrEngine, report: Callable[[str], None]) -> tuple:
    raise ZeroDivisionError("one over nothing")


def test_a_method_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    path = contour_file(tmp_path / "a.json")
    jobs = jobs_of(find_cases([str(path)]), {"bad": bad, "mine": single}, Options())
    failed, planned = sweep(jobs, tmp_path / "out")
    assert failed.error == "ZeroDivisionError: one over nothing"
    assert planned.error == ""


def test_what_was_finished_before_an_interruption_is_kept(tmp_path: Path) -> None:
    cases = find_cases([str(contour_file(tmp_path / f"{n}.json")) for n in "ab"])

    def stop_at_second(case: Case, engine: TmrEngine, report: Callable[[str], None]) -> tuple:
        if case.path.endswith("b.json"):
            raise KeyboardInterrupt
        return single(case, engine, report)

    with pytest.raises(KeyboardInterrupt):
        sweep(jobs_of(cases, {"mine": stop_at_second}, Options()), tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a--mine.json"]
    jobs = jobs_of(cases, {"mine": single}, Options())
    first = replace(jobs[0], run=never)
    assert [row.error for row in sweep([first, jobs[1]], tmp_path / "out")] == ["", ""]


class DeadPool(ThreadPoolExecutor):
    """An executor whose worker is killed."""

    def submit(self, *_: object, **__: object) -> Future:  # type: ignore[override]
        future: Future = Future()
        future.set_exception(RuntimeError("killed"))
        return future


def test_a_dead_worker_is_one_sentence(tmp_path: Path) -> None:
    jobs = jobs_of(find_cases(["metastasis-small"]), PACKING, Options())
    with DeadPool(1) as pool, pytest.raises(PlanError, match="worker failed"):
        sweep(jobs, tmp_path, pool)


def test_cases_are_found_and_told_apart(folder: Path, tmp_path: Path) -> None:
    assert list(find_cases([str(folder), "trigeminal"])) == ["broken", "small", "trigeminal"]
    twin = contour_file(tmp_path / "small.json")
    with pytest.raises(CaseError, match="two cases are called 'small'"):
        find_cases([str(folder), str(twin)])
    (tmp_path / "none").mkdir()
    with pytest.raises(CaseError, match="holds no case"):
        find_cases([str(tmp_path / "none")])
    with pytest.raises(CaseError, match="expected a folder"):
        find_cases(["nowhere"])


def row(case: str, method: str, volume: float, pci: float | None, **more: object) -> Row:
    return Row(case, method, volume_cc=volume, paddick_index=pci, **more)  # type: ignore[arg-type]


def test_medians_by_hand() -> None:
    met, missed = LimitRow("c", "mean", 4.0, 3.0, True), LimitRow("c", "mean", 4.0, 5.0, False)
    rows = [
        row("a", "x", 0.1, 0.3),
        row("b", "x", 0.2, 0.5, limits=(met,)),
        row("c", "x", 0.49, 0.7, limits=(missed,)),
        row("d", "x", 0.5, 0.8),
        row("e", "x", 2.0, None),
        row("f", "x", 9.0, 0.9),
        Row("g", "x", error="no"),
        row("a", "y", 3.0, 0.6),
    ]
    found = {(m.method, m.group): m for m in medians(rows)}
    large, small, every = (found["x", g] for g in ("0.5 cc or more", "0.2 to 0.5 cc", "all"))
    assert (large.cases, small.cases, every.cases, every.failed) == (3, 2, 6, 1)
    assert large.of["paddick_index"] == pytest.approx(0.85)
    assert large.of["volume_cc"] == 2.0
    assert small.of["paddick_index"] == pytest.approx(0.6)
    assert every.of["paddick_index"] == pytest.approx(0.7)
    assert (small.limits_met, small.limits) == (1, 2)
    assert found["y", "all"].of["paddick_index"] == 0.6
    assert found["y", "0.2 to 0.5 cc"].of["paddick_index"] is None


def test_tables_hold_every_row(swept: tuple[list[Row], Path]) -> None:
    rows, _ = swept
    lines = list(csv.reader(rows_csv(rows).splitlines()))
    assert tuple(lines[0]) == COLUMNS
    assert set(COLUMNS) == set(asdict(rows[0]))
    assert [line[0] for line in lines[1:]] == [r.case for r in rows]
    table = json.loads(rows_json(rows))
    assert [Row.from_table(t) for t in table["rows"]] == rows
    assert table["disclaimer"] == DISCLAIMER
    assert "made in a test" in table["sources"]
    assert len(table["published"]) == len(PUBLISHED)


def test_the_figure_shows_plans_and_published_means(swept: tuple[list[Row], Path]) -> None:
    rows, _ = swept
    figure = bench_figure(rows)
    for axes, index in zip(
        figure.axes, ("paddick_index", "gradient_index", "beam_on_time_min"), strict=True
    ):
        (marks,) = [line for line in axes.lines if line.get_gid() == f"packing {index}"]
        drawn = sorted(np.asarray(marks.get_ydata(), dtype=float))
        assert drawn == pytest.approx(sorted(getattr(r, index) for r in rows if not r.error))
        legend = axes.get_legend()
        assert legend is not None
        labels = " ".join(text.get_text() for text in legend.get_texts())
        for mean in PUBLISHED:
            assert (mean.source in labels and f"{mean.value:g}" in labels) or mean.index != index
    assert all(mean.source for mean in PUBLISHED)


def test_the_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    args = ["bench", "plans", "--cases", str(folder), "--methods", "packing", "--out", str(out)]
    assert main(args) == 0
    said = capsys.readouterr().out
    for words in ("small", "failed", "cochlea", "median of", "made in a test", DISCLAIMER):
        assert words in said
    assert "0.2 to 0.5 cc" not in said  # the ball has 0.09 cc
    assert {p.name for p in out.iterdir()} == {"results", "plans.csv", "plans.json", "plans.png"}
    assert (out / "plans.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--methods", "magic"], "expected some of quality, balanced, fast, grassfire"),
        (["--executor", "cloud"], "processes or dask"),
        (["--workers", "0"], "1 or more"),
        (["--scheduler", "tcp://here:1"], "needs --executor dask"),
        (["--rate", "0"], "Gy/min"),
        (["--prescription", "-1"], "positive"),
        (["--unit", "linac"], "perfexion"),
    ],
)
def test_bad_input_is_one_sentence(
    args: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["bench", "plans", "--cases", "trigeminal", "--out", str(out), *args]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error
    assert not out.exists()


def test_without_dask_one_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    args = ["bench", "plans", "--cases", "trigeminal", "--executor", "dask"]
    assert main([*args, "--out", str(tmp_path / "out")]) == 2
    assert "pip install 'gkplan[cluster]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("executor", [[], ["--executor", "processes", "--workers", "1"]])
def test_ctrl_c_stops_with_130_and_keeps_what_is_done(tmp_path: Path, executor: list[str]) -> None:
    cases = tmp_path / "cases"
    cases.mkdir()
    for name in "abcdefgh":
        contour_file(cases / f"{name}.json")
    code = "import sys; from gkplan.cli import main; sys.exit(main(sys.argv[1:]))"
    out = tmp_path / "out"
    args = ["bench", "plans", "--cases", str(cases), "--methods", "packing", "--out", str(out)]
    with subprocess.Popen(
        [sys.executable, "-c", f"if __name__ == '__main__':\n    {code}", *args, *executor],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "1 of 8" in line:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "stopped; what was finished is kept" in rest
    assert "Traceback" not in rest
    assert {p.name for p in out.iterdir()} == {"results"}
    kept = list((out / "results").iterdir())
    assert 1 <= len(kept) < 8
    assert all(json.loads(p.read_text())["row"]["coverage"] > 0.98 for p in kept)


def test_a_job_names_its_file() -> None:
    job = Job("a", "a.json", "0", "packing", never)
    assert job.file_name == "a--packing.json"
