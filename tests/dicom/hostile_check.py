"""Damaged plans through `check`, damaged series and registrations through `register`.

``python -m tests.dicom.hostile_check 560`` reads them all: half are plans.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from gkplan.cli import main as command
from gkplan.dicom import export_plan
from gkplan.dicom.coregistration import find_series, read_upright, write_coregistration
from gkplan.dicom.registration import read_registration
from gkplan.errors import GkplanError
from gkplan.frames import Frame, RigidTransform
from gkplan.grid import Grid, Volume
from gkplan.plan import Plan
from gkplan.shot import Shot
from gkplan.unit import load_unit
from gkplan.workflow import engine_of, focus_rates, shot_doses
from tests.dicom.conftest import metrics_at, small_case
from tests.dicom.gammaplan_like import write_like
from tests.dicom.hostile import OF_A_FILE, Files, damaged
from tests.dicom.other_system import whole_folder

POINT = (109.5, 95.5, 103.5)
SHOTS = (
    Shot((110.0, 95.0, 104.0), (8,) * 8, 2.5, 90.0, "target é"),
    Shot((105.3, 100.7, 98.6), (4, 4, 0, 4, 4, 4, 4, 4), 3.1, 110.0, "target é"),
)
# Damage that may make another, healthy file of it: nothing can be said against what is read.
_MAY_HEAL = ("bits", "bad number", "swapped", "wrong VR", "wrong count", "emptied")
_SLOW_S = 10.0


def exported_files() -> tuple[Files, Files]:
    """Plan, structures and dose as we write them, and as another system does."""
    case = small_case()
    one = dataclasses.replace(
        case, structures=case.structures[:1], prescriptions=case.prescriptions[:1], limits=()
    )
    plan = Plan(
        one, load_unit("perfexion"), "icon", SHOTS, 2.98, date(2026, 3, 1), metrics_at(POINT, 20.0)
    )
    plan = dataclasses.replace(plan, transit=False)
    grid = Grid((18, 20, 20), (2.0, 2.0, 2.0), (90.0, 76.0, 85.0), Frame.LEKSELL)
    dose = Volume(engine_of(plan).dose_on(grid, SHOTS), grid, "dose_gy")
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        export_plan(
            plan,
            dose,
            shot_doses(plan, np.array(POINT)),
            Path(ours),
            focus_rates_gy_per_min=focus_rates(plan),
        )
        write_like(Path(ours), Path(theirs))
        return (
            {p.name: p.read_bytes() for p in Path(ours).rglob("*.dcm")},
            {p.name: p.read_bytes() for p in Path(theirs).iterdir()},
        )


def spoilt(files: Files, number: int) -> tuple[str, Files]:
    """One of the files damaged, and how; the same for the same number."""
    rng = np.random.default_rng([20260102, number])
    kinds = list(OF_A_FILE)
    kind = kinds[number % len(kinds)]
    names = sorted(name for name in files if not name.startswith("ct"))
    name = names[rng.integers(0, len(names))]
    return kind, {**files, name: OF_A_FILE[kind](files[name], rng)}


def checked(files: Files, place: Path) -> tuple[int, str, list[list[Any]]]:
    """Exit code of `check` on a folder of these files, what it said, and the shots it found."""
    folder = place / "dicom"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    told, numbers = io.StringIO(), place / "check.json"
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
        code = command(["check", str(folder), "--rate", "2.98", "--json", str(numbers)])
    shots = json.loads(numbers.read_text())["shots"] if numbers.exists() else []
    came_to = [[s[key] for key in ("isocenter_mm", "sectors", "time_min")] for s in shots]
    return code, told.getvalue().replace(str(place), ""), came_to


Usual = tuple[int, str, list[list[Any]]]


def check_problem(files: Files, kind: str, usual: Usual) -> tuple[str, str]:
    """What `check` says to these files, and what is wrong with that."""
    with tempfile.TemporaryDirectory() as name:
        try:
            code, said, shots = checked(files, Path(name))
        except Exception:  # what the corpus is there to find
            return "", traceback.format_exc()
    told = [line for line in said.splitlines() if line.startswith("gkplan: ")]
    if code == 2 and len([line for line in told if "warning" not in line]) != 1:
        return said, f"no sentence: {said!r}"
    # What is always said does not count.
    new = code != 0 or any(line not in usual[1] for line in told)
    if not new and kind not in _MAY_HEAL and shots != usual[2]:
        return said, f"silently other shots: {shots}, expected {usual[2]}"
    return ("told" if new else "read"), ""


def series_problem(files: Files) -> tuple[str, str]:
    """What `register` says to a folder of images, before it compares any."""
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for file, content in files.items():
            (Path(name) / file).write_bytes(content)
        try:
            read_upright(find_series(Path(name), None, "--fixed-series", _quiet), _quiet)
        except GkplanError as error:
            return "told", "" if "\n" not in str(error) else f"no sentence: {error}"
        except Exception:  # what the corpus is there to find
            return "", traceback.format_exc()
    return "read", ""


def registration_problem(content: bytes, kind: str, expected: np.ndarray) -> tuple[str, str]:
    """What reading a damaged Spatial Registration comes to."""
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(name) / "reg.dcm"
        path.write_bytes(content)
        try:
            found = read_registration(path)
        except GkplanError as error:
            return "told", "" if "\n" not in str(error) else f"no sentence: {error}"
        except Exception:  # what the corpus is there to find
            return "", traceback.format_exc()
    right = any(np.allclose(matrix, expected, atol=1e-6) for matrix in found.matrices.values())
    wrong = not right and kind not in _MAY_HEAL
    return "read", f"silently another registration: {found.matrices}" if wrong else ""


def registration_bytes() -> tuple[bytes, np.ndarray]:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for file, content in whole_folder().items():
            (place / file).write_bytes(content)
        series = find_series(place, None, "--fixed-series", _quiet)
        moved = RigidTransform(np.eye(3), np.array([1.0, 2.0, 3.5]), Frame.PATIENT, Frame.PATIENT)
        files = tuple(dataclasses.replace(f, frame_uid="1.2.3") for f in series.files)
        other = dataclasses.replace(series, files=files)
        path = write_coregistration(series, other, moved, place / "reg.dcm")
        return path.read_bytes(), moved.matrix


def _quiet(_: str) -> None:
    pass


def main(count: int) -> int:
    ours, theirs = exported_files()
    images, (registration, matrix) = whole_folder(), registration_bytes()
    usual = []
    for files in (ours, theirs):
        with tempfile.TemporaryDirectory() as name:
            usual.append(checked(files, Path(name)))
            assert usual[-1][0] == 0, usual[-1]
    outcomes: list[tuple[str, str]] = []
    slowest, wrong = 0.0, 0
    for number in range(count):
        began = time.perf_counter()
        if number % 2 == 0:
            what = number // 2 % 2
            kind, files = spoilt((ours, theirs)[what], number // 2)
            came, problem = check_problem(files, kind, usual[what])
            label = "check"
        elif number % 4 == 1:
            kind, files = damaged(images, number)
            came, problem = series_problem(files)
            label = "register, series"
        else:
            kind, files = spoilt({"reg.dcm": registration}, number)
            came, problem = registration_problem(files["reg.dcm"], kind, matrix)
            label = "registration"
        took = time.perf_counter() - began
        slowest = max(slowest, took)
        if not problem and took > _SLOW_S:
            problem = f"{took:.1f} s"
        if problem:
            wrong += 1
            sys.stdout.write(f"{number} {label}, {kind}: {problem}\n")
        outcomes.append((label, "problem" if problem else came))
    sys.stdout.write(f"{sorted(Counter(outcomes).items())}\n")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"{count} files, {wrong} problems, slowest {slowest:.2f} s, {peak:.0f} MB at most\n"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
