"""What is to be planned: cases by name, methods and options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gkplan.bench.plans.methods import Method
from gkplan.case.phantom import phantom_names, phantom_path
from gkplan.errors import CaseError
from gkplan.files import sha256_of
from gkplan.plan import DEFAULT_RATE_GY_PER_MIN, check_rate
from gkplan.prescription import Prescription

_SUFFIXES = (".json", ".toml")


@dataclass(frozen=True, slots=True)
class Options:
    """What all cases are planned with; without a prescription each case has its own."""

    prescription_gy: float | None = None
    rate_gy_per_min: float = DEFAULT_RATE_GY_PER_MIN
    unit: str = "perfexion"

    def __post_init__(self) -> None:
        check_rate(self.rate_gy_per_min)
        if self.prescription_gy is not None:
            Prescription("all targets", self.prescription_gy)


@dataclass(frozen=True, slots=True)
class Job:
    """One case and one method.

    Parameters
    ----------
    name, case : of the case in the table, and what `load_case` takes
    sha256 : of the case's file
    method : name and function; the function must be importable where the job runs
    threads : of the kernels; None leaves them as they are
    """

    name: str
    case: str
    sha256: str
    method: str
    run: Method
    options: Options = Options()
    threads: int | None = None

    @property
    def file_name(self) -> str:
        return f"{self.name}--{self.method}.json"

    @property
    def asked(self) -> dict[str, Any]:
        """All that the result depends on, apart from the software."""
        return {"case_sha256": self.sha256, **asdict(self.options)}


def find_cases(names: Sequence[str]) -> dict[str, str]:
    """Short name to what `load_case` takes, of phantoms, files, and all files of folders.

    Raises
    ------
    CaseError
        For a name that is neither, a folder without cases, and two cases of one name.
    """
    found: dict[str, str] = {}
    for name in names:
        for short, case in _cases(name):
            if short in found and found[short] != case:
                raise CaseError(f"two cases are called {short!r}: {found[short]} and {case}")
            found[short] = case
    return found


def jobs_of(
    cases: Mapping[str, str],
    methods: Mapping[str, Method],
    options: Options,
    threads: int | None = None,
) -> list[Job]:
    """Every case by every method, case by case."""
    return [
        Job(name, case, _fingerprint(case), method, run, options, threads)
        for name, case in cases.items()
        for method, run in methods.items()
    ]


def _cases(name: str) -> list[tuple[str, str]]:
    if name in phantom_names():
        return [(name, name)]
    path = Path(name)
    if path.is_file():
        return [(path.stem, str(path))]
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix in _SUFFIXES)
        if not files:
            raise CaseError(f"{path}: holds no case; expected contour .json or phantom .toml files")
        return [(p.stem, str(p)) for p in files]
    raise CaseError(
        f"--cases {name}: expected a folder of contour .json files, such a file, or a phantom "
        f"({', '.join(phantom_names())})"
    )


def _fingerprint(case: str) -> str:
    path = phantom_path(case) if case in phantom_names() else Path(case)
    try:
        return sha256_of(path.read_bytes())
    except OSError as error:
        raise CaseError(f"{path}: cannot read the case: {error.strerror}") from error
