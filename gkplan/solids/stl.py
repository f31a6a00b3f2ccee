"""Triangle meshes from STL files, binary and ASCII."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gkplan.errors import CaseError
from gkplan.frames import Array
from gkplan.solids.mesh import Mesh

_HEADER = 84  # bytes before the triangles of a binary file; the last 4 are their number
_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def read_stl(path: Path) -> Mesh:
    """The mesh in an STL file; its coordinates are Leksell mm.

    Raises
    ------
    CaseError
        Naming the file, for one that cannot be read, is damaged, or is not a closed surface.

    Notes
    -----
    STL repeats the corners of every triangle: equal ones are one vertex here. The normals in
    the file are not used; the order of the corners says the same.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CaseError(f"{path}: cannot read the mesh: {error.strerror}") from error
    corners = _corners(content, path)
    vertices, number = np.unique(corners.reshape(-1, 3), axis=0, return_inverse=True)
    try:
        return Mesh(vertices, number.reshape(-1, 3).astype(np.int64))
    except ValueError as error:
        raise CaseError(f"{path}: {error}") from error


def _corners(content: bytes, path: Path) -> Array:
    """Corners of all triangles, (m, 3, 3)."""
    stated = int.from_bytes(content[_HEADER - 4 : _HEADER], "little")
    if len(content) >= _HEADER and len(content) == _HEADER + stated * _TRIANGLE.itemsize:
        table = np.frombuffer(content, dtype=_TRIANGLE, offset=_HEADER)
        return table["corners"].astype(np.float64)
    if not content.lstrip().startswith(b"solid"):
        raise CaseError(
            f"{path}: not an STL file, or cut off: a binary one of {stated} triangles has "
            f"{_HEADER + stated * _TRIANGLE.itemsize} bytes, this has {len(content)}"
        )
    words = content.split()
    places = [n + 1 for n, word in enumerate(words) if word == b"vertex"]
    try:
        rows = [[float(c) for c in words[n : n + 3]] for n in places]
        return np.array(rows).reshape(-1, 3, 3)
    except ValueError as error:
        raise CaseError(
            f"{path}: ASCII STL: expected 'vertex x y z' three times for each triangle: {error}"
        ) from error
