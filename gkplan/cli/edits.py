"""Where an edit of a plan is written to, and what it leaves behind."""

from __future__ import annotations

import sys
from pathlib import Path

from gkplan.errors import OutputError


def place_of(plan: Path, out: Path | None) -> Path:
    """The file that an edit of `plan` writes: a new one, or the plan.json that it replaces."""
    if out is not None:
        check_new(out)
        return out
    if not plan.is_dir():
        return plan
    if (plan / "plan.json").is_file():
        return plan / "plan.json"
    raise OutputError(f"{plan}: holds DICOM and no plan.json to edit; name a file with --out")


def check_new(out: Path) -> None:
    """Refuse a file that is there, or has no folder."""
    if out.exists() or out.is_symlink():
        raise OutputError(f"{out}: is there already; name another --out")
    if not out.parent.is_dir():
        raise OutputError(f"{out}: there is no folder {out.parent}; make it first")


def tell_of_stale_files(place: Path) -> None:
    """Say so where a report and DICOM of the plan before lie beside the edited one."""
    if (place.parent / "report.png").is_file() and (place.parent / "dicom").is_dir():
        sys.stderr.write(
            f"gkplan: the report and DICOM in {place.parent} are those of the plan before; "
            f"gkplan shots write {place} --out FOLDER makes new ones\n"
        )
