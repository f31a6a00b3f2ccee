"""A solid whose surface is a closed mesh of triangles (Leksell mm)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.solids import intervals as along
from gkplan.solids.base import Bounds

# A ray in no special direction decides what is inside.
_PROBE = np.array([0.3625, 0.4841, 0.7964])
# Boxes are this much larger than their triangles; the kernel rounds to less.
_MARGIN_MM = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """The points around which a closed mesh winds.

    Parameters
    ----------
    vertices_mm : (n, 3) float
    faces : (m, 3) int
        Vertices of each triangle, counted from 0. All turn the same way; if that is inwards,
        they are reversed.

    Raises
    ------
    ValueError
        For a mesh that is not finite, not closed or not consistently oriented.

    Notes
    -----
    Where parts overlap, the solid is their union; a part that is oriented inwards within
    another is a cavity. Crossings are exact to 1e-4 mm, and rays through edges and vertices are
    counted once (`gkplan.kernels.mesh`).
    """

    vertices_mm: Array
    faces: NDArray[np.int64]
    _corners: Array = field(init=False, repr=False)
    _boxes: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        vertices = np.array(self.vertices_mm, dtype=np.float64)
        faces = np.array(self.faces)
        _check(vertices, faces)
        if _volume_mm3(vertices, faces) < 0.0:
            faces = faces[:, ::-1]
        corners, boxes = _tree(vertices, faces)
        for name, value in (
            ("vertices_mm", vertices),
            ("faces", faces),
            ("_corners", corners),
            ("_boxes", boxes),
        ):
            object.__setattr__(self, name, value)

    @property
    def bounds(self) -> Bounds:
        root = self._boxes[1]
        return np.array([root[:3] + _MARGIN_MM, root[3:] - _MARGIN_MM])

    @property
    def analytic_volume_cc(self) -> float:
        return _volume_mm3(self.vertices_mm, self.faces) / 1000.0

    def contains(self, points: Array) -> NDArray[np.bool_]:
        from gkplan.kernels.mesh import mesh_winding

        low, high = self.bounds
        near = ((points >= low) & (points <= high)).all(axis=1)
        candidates = np.ascontiguousarray(points[near], dtype=np.float64)
        near[near] = mesh_winding(self._corners, self._boxes, candidates, _PROBE) > 0
        return np.asarray(near)

    def intervals(self, origins: Array, directions: Array) -> Array:
        from gkplan.kernels.mesh import mesh_hits

        starts = np.broadcast_to(origins, directions.shape).astype(np.float64)
        toward = np.ascontiguousarray(directions, dtype=np.float64)
        room = 16
        while True:
            t = np.full((len(toward), room), np.inf)
            side = np.zeros((len(toward), room), dtype=np.int8)
            counts = mesh_hits(self._corners, self._boxes, starts, toward, t, side)
            if counts.max(initial=0) <= room:
                return along.from_crossings(t, side)
            room = int(counts.max())


def _check(vertices: Array, faces: NDArray[np.int64]) -> None:
    if vertices.ndim != 2 or vertices.shape[1] != 3 or not np.isfinite(vertices).all():
        raise ValueError(
            f"mesh: expected vertices (n, 3) of finite numbers in mm, got an array of shape "
            f"{vertices.shape}"
        )
    if faces.ndim != 2 or faces.shape[1] != 3 or not np.issubdtype(faces.dtype, np.integer):
        raise ValueError(
            f"mesh: expected triangles, whole numbers (m, 3), got {faces.dtype} {faces.shape}"
        )
    if len(faces) < 4 or faces.min() < 0 or faces.max() >= len(vertices):
        raise ValueError(
            f"mesh: expected at least 4 triangles of vertices 0 to {len(vertices) - 1}, got "
            f"{len(faces)} triangles"
        )
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    one_way, count = np.unique(edges @ [len(vertices), 1], return_counts=True)
    back, back_count = np.unique(edges @ [1, len(vertices)], return_counts=True)
    if not (np.array_equal(one_way, back) and np.array_equal(count, back_count)):
        alone = np.setdiff1d(one_way, back)
        some = int(alone[0] if len(alone) else one_way[count > 1][0])
        a, b = (vertices[n].round(2).tolist() for n in divmod(some, len(vertices)))
        raise ValueError(
            f"mesh: not closed, or its triangles do not all turn the same way: {len(alone)} edges "
            f"have no partner that runs the other way, one of them from {a} to {b} mm; close the "
            f"holes and unify the normals in the program that made it"
        )
    if abs(_volume_mm3(vertices, faces)) < 1.0:
        raise ValueError("mesh: encloses less than 1 mm3; are its coordinates in mm?")


def _volume_mm3(vertices: Array, faces: NDArray[np.int64]) -> float:
    a, b, c = np.moveaxis(vertices[faces] - vertices.mean(axis=0), 1, 0)
    return float(np.einsum("ij,ij->", a, np.cross(b, c))) / 6.0


def _tree(vertices: Array, faces: NDArray[np.int64]) -> tuple[Array, Array]:
    """Corners of the faces in the order of the leaves, and the boxes of the tree.

    Every node is split at the median of its longest axis, so the tree is complete and node m
    has the children 2 m and 2 m + 1. Faces without extent fill the last leaves: no ray hits one.
    """
    from gkplan.kernels.mesh import LEAF

    levels = max(int(np.ceil(np.log2(len(faces) / LEAF))), 0)
    leaves = 2**levels
    filling = np.full((leaves * LEAF - len(faces), 3), faces[0, 0])
    corners = vertices[np.concatenate([faces, filling])]
    center = corners.mean(axis=1)
    order = np.arange(len(corners))[None]
    for _ in range(levels):
        of_node = center[order]
        longest = np.ptp(of_node, axis=1).argmax(axis=1)
        along_it = np.take_along_axis(of_node, longest[:, None, None], axis=2)[..., 0]
        order = np.take_along_axis(order, np.argsort(along_it, axis=1), axis=1)
        order = order.reshape(2 * len(order), -1)
    corners = corners[order.ravel()]
    by_leaf = corners.reshape(leaves, -1, 3)
    boxes = np.empty((2 * leaves, 6))
    boxes[leaves:, :3] = by_leaf.min(axis=1) - _MARGIN_MM
    boxes[leaves:, 3:] = by_leaf.max(axis=1) + _MARGIN_MM
    for level in reversed(range(levels)):
        nodes, children = slice(2**level, 2 ** (level + 1)), slice(2 ** (level + 1), 4 * 2**level)
        pair = boxes[children].reshape(-1, 2, 6)
        boxes[nodes, :3] = pair[:, :, :3].min(axis=1)
        boxes[nodes, 3:] = pair[:, :, 3:].max(axis=1)
    return corners, boxes
