"""Triangle meshes: watertight rays, what is refused, STL files, and a phantom made of one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gkplan.errors import CaseError, PlanError
from gkplan.frames import Array
from gkplan.load import load_case
from gkplan.planfile import read_plan
from gkplan.solids import Ellipsoid, Mesh, read_stl
from gkplan.solids.intervals import length_ahead
from tests.surfaces import directions, mesh_of, sphere_mesh

BALL = Ellipsoid((100.0, 100.0, 100.0), (80.0, 80.0, 80.0))


def cube(low: float, high: float) -> tuple[Array, NDArray[np.int64]]:
    vertices = np.array([[x, y, z] for x in (low, high) for y in (low, high) for z in (low, high)])
    quads = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    return vertices, np.array([f for q in quads for f in ([q[0], q[1], q[2]], [q[0], q[2], q[3]])])


@pytest.mark.parametrize("halvings", [0, 2, 5])
def test_rays_through_vertices_and_edges_cross_once(halvings: int) -> None:
    ball = mesh_of(BALL, halvings)
    center = np.array([100.0, 100.0, 100.0])
    corners = ball.vertices_mm[ball.faces]
    middles = (corners + np.roll(corners, 1, axis=1)).reshape(-1, 3) / 2
    for ends in (ball.vertices_mm, middles):
        seen = ball.intervals(center, ends - center)
        assert seen.shape[1] == 1
        assert seen[:, 0, 1] == pytest.approx(1.0, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([1, 2, 3, 4]))
def test_rays_from_vertices_to_vertices_stay_inside_a_convex_mesh(seed: int, halvings: int) -> None:
    ball = mesh_of(BALL, halvings)
    rng = np.random.default_rng(seed)
    a, b = rng.choice(len(ball.vertices_mm), size=(2, 50))
    start, way = ball.vertices_mm[a], ball.vertices_mm[b] - ball.vertices_mm[a]
    far = np.linalg.norm(way, axis=1) > 1.0
    seen = ball.intervals((start - way)[far], way[far])
    lengths = np.where(np.isfinite(seen), seen, 0.0)
    inside = (lengths[:, :, 1] - lengths[:, :, 0]).sum(axis=1)
    # Along an edge of the mesh a ray may run just outside: all or nothing.
    assert (np.isclose(inside, 1.0, atol=1e-5) | (inside < 1e-5)).all()
    assert np.isclose(inside, 1.0, atol=1e-5).mean() > (0.5 if halvings > 1 else 0.2)


def test_rays_along_the_faces_of_a_cube() -> None:
    box = Mesh(*cube(0.0, 10.0))
    at = np.array([[x, y, -5.0] for x in (0.0, 5.0, 10.0) for y in (0.0, 5.0, 10.0)])
    seen = box.intervals(at, np.tile([[0.0, 0.0, 1.0]], (9, 1)))
    through = np.isfinite(seen[:, 0, 1])
    assert seen[through, 0] == pytest.approx(np.tile([5.0, 15.0], (through.sum(), 1)))
    # Each of two opposite sides: one belongs to the cube, the other does not.
    assert through.reshape(3, 3).sum(axis=1).tolist() in ([2, 2, 0], [0, 2, 2])


def test_the_volume_of_a_mesh_is_exact_and_its_orientation_free() -> None:
    vertices, faces = cube(-10.0, 10.0)
    for turned in (faces, faces[:, ::-1]):
        box = Mesh(vertices, turned)
        assert box.analytic_volume_cc == pytest.approx(8.0)
        assert box.contains(np.array([[0.0, 0.0, 0.0], [11.0, 0.0, 0.0]])).tolist() == [True, False]
        assert box.bounds == pytest.approx(np.array([[-10.0] * 3, [10.0] * 3]))


def test_overlapping_parts_are_a_union_and_reversed_ones_a_cavity() -> None:
    outer, faces = cube(0.0, 30.0)
    inner, _ = cube(10.0, 20.0)
    beyond, _ = cube(20.0, 50.0)
    along_x = np.array([[1.0, 0.0, 0.0]])
    start = np.array([-5.0, 15.3, 14.1])
    hollow = Mesh(np.concatenate([outer, inner]), np.concatenate([faces, faces[:, ::-1] + 8]))
    assert length_ahead(hollow.intervals(start, along_x)) == pytest.approx(20.0)
    assert not hollow.contains(np.array([[15.0, 15.0, 15.0]])).any()
    both = Mesh(np.concatenate([outer, beyond]), np.concatenate([faces, faces + 8]))
    diagonal = np.array([[1.0, 1.0, 1.0]])
    seen = both.intervals(np.array([-1.0, -1.1, -1.2]), diagonal)
    assert np.isfinite(seen[:, :, 1]).sum() == 1
    assert length_ahead(seen) == pytest.approx(50.0, abs=0.3)


def test_contains_agrees_with_intervals_and_the_ball() -> None:
    ball = mesh_of(BALL, 5)
    points = np.random.default_rng(1).uniform(10.0, 190.0, size=(3000, 3))
    inside = ball.contains(points)
    seen = ball.intervals(points, directions(3000))
    assert (((seen[:, :, 0] <= 0.0) & (seen[:, :, 1] >= 0.0)).any(axis=1) == inside).all()
    depth = 80.0 - np.linalg.norm(points - 100.0, axis=1)
    clear = np.abs(depth) > 0.1
    assert (inside == (depth > 0))[clear].all()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda v, f: (v, f[1:]), "not closed"),
        (lambda v, f: (v, np.concatenate([f[:1, ::-1], f[1:]])), "all turn the same way"),
        (lambda v, f: (v, np.concatenate([f, f[:1]])), "not closed"),
        (lambda v, f: (v * np.nan, f), "finite"),
        (lambda v, f: (v, f + 1), "vertices 0 to 7"),
        (lambda v, f: (v, f * 0.5), "whole numbers"),
        (lambda v, f: (v / 1000.0, f), "in mm"),
    ],
)
def test_what_is_no_solid_is_refused(change, complaint: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=complaint):
        Mesh(*change(*cube(0.0, 10.0)))


def binary_stl(mesh: Mesh) -> bytes:
    corners = mesh.vertices_mm[mesh.faces].astype("<f4")
    facets = b"".join(bytes(12) + c.tobytes() + bytes(2) for c in corners)
    return b"solid, says the header of many a binary file".ljust(80) + (
        len(corners).to_bytes(4, "little") + facets
    )


def ascii_stl(mesh: Mesh) -> bytes:
    lines = ["solid head"]
    for face in mesh.vertices_mm[mesh.faces]:
        lines += ["facet normal 0 0 0", "outer loop"]
        lines += [f"vertex {x:.6e} {y:.6e} {z:.6e}" for x, y, z in face]
        lines += ["endloop", "endfacet"]
    return "\n".join([*lines, "endsolid head"]).encode()


@pytest.mark.parametrize("encode", [binary_stl, ascii_stl])
def test_stl_files(encode, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    ball = mesh_of(BALL, 3)
    path = tmp_path / "head.stl"
    path.write_bytes(encode(ball))
    read = read_stl(path)
    assert len(read.vertices_mm) == len(ball.vertices_mm)
    assert read.analytic_volume_cc == pytest.approx(ball.analytic_volume_cc, rel=1e-5)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not an STL"),
        (b"\x00" * 80 + (7).to_bytes(4, "little") + b"\x00" * 50, "7 triangles has 434 bytes"),
        (b"solid\nvertex 1 2\nvertex 1 2 3", "vertex x y z"),
        (b"solid nothing\nendsolid", "at least 4 triangles"),
        (b"solid\n" + b"vertex 1 2 nan\n" * 12, "finite"),
    ],
)
def test_damaged_stl_files_are_named(content: bytes, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "head.stl"
    path.write_bytes(content)
    with pytest.raises(CaseError, match=complaint) as caught:
        read_stl(path)
    assert "head.stl" in str(caught.value)
    with pytest.raises(CaseError, match="cannot read the mesh"):
        read_stl(tmp_path / "absent.stl")


PHANTOM = """
schema = "gkplan-phantom/1"
title = "a mesh"
source = "test"
surface = "skin"
[[tissue]]
name = "skin"
density_g_cm3 = 1.0
hu = 0
shape = { mesh = "head.stl" }
[[structure]]
name = "target"
role = "target"
shape.ellipsoid = { center_mm = [100.0, 100.0, 100.0], semi_axes_mm = [5.0, 5.0, 5.0] }
[[prescription]]
target = "target"
dose_gy = 12.0
"""


def test_a_phantom_whose_head_is_a_mesh(tmp_path: Path) -> None:
    (tmp_path / "head.stl").write_bytes(binary_stl(mesh_of(BALL, 4)))
    file = tmp_path / "mesh.toml"
    file.write_text(PHANTOM)
    case = load_case(str(file))
    assert isinstance(case.head.surface, Mesh)
    assert case.head.contains(np.array([[100.0, 100.0, 150.0]])).all()
    plan = tmp_path / "plan.json"
    plan.write_text(
        '{"schema": "gkplan-plan/1", "case": {"path": "mesh.toml", "sha256": "'
        + case.sha256
        + '"}, "shots": [{"isocenter_mm": [100, 100, 100], "sectors": [8, 8, 8, 8, 8, 8, 8, 8], '
        '"time_min": 1.0}]}'
    )
    assert len(read_plan(plan).shots) == 1
    (tmp_path / "head.stl").write_bytes(binary_stl(mesh_of(BALL, 3)))
    with pytest.raises(PlanError, match="has changed"):
        read_plan(plan)
    (tmp_path / "head.stl").unlink()
    with pytest.raises(CaseError, match="cannot read the mesh"):
        load_case(str(file))


def test_the_test_sphere_is_closed() -> None:
    vertices, faces = sphere_mesh(3)
    assert Mesh(vertices * 10.0, faces).analytic_volume_cc == pytest.approx(4.19, rel=0.03)
