"""Who may import what: kernels only numba, domain values no heavy packages, edges by nobody."""

from __future__ import annotations

import ast
from pathlib import Path

import gkplan

ROOT = Path(gkplan.__file__).parent
EDGES = ("gkplan.dicom", "gkplan.report", "gkplan.cli")


def imports(path: Path, top_level_only: bool) -> set[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return found


def test_kernels_import_only_numpy_numba_math() -> None:
    # llvmlite is a part of numba; kernels of one file may call those of `apart`.
    allowed = {
        "__future__",
        "math",
        "typing",
        "numpy",
        "numpy.typing",
        "numba",
        "numba.extending",
        "numba.core.errors",
    }
    allowed |= {"llvmlite", "gkplan.kernels.apart"}
    # Some are too long for one file; those that others call say so at the head.
    called = ("matter", "transport", "bank", "placed", "lookup", "series", "block")
    allowed |= {f"gkplan.kernels.{name}" for name in called}
    for path in (ROOT / "kernels").glob("*.py"):
        assert imports(path, False) <= allowed, path


def test_heavy_packages_are_never_imported_at_the_top_outside_their_place() -> None:
    for path in ROOT.rglob("*.py"):
        part = path.relative_to(ROOT).parts[0]
        roots = {name.split(".")[0] for name in imports(path, True)}
        if part != "kernels":
            assert "numba" not in roots, path
        if part != "dicom":
            assert "pydicom" not in roots, path
        assert "matplotlib" not in roots, path


def test_nobody_imports_the_edges() -> None:
    doors = {"workflow.py", "planfile.py", "load.py"}
    for path in ROOT.rglob("*.py"):
        part = path.relative_to(ROOT).parts[0]
        if f"gkplan.{part}" in EDGES:
            continue
        top = {n for n in imports(path, path.name in doors) if n.startswith(EDGES)}
        assert not top, path
