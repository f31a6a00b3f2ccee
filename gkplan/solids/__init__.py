"""Closed shapes that answer two questions: is a point inside, and where does a ray cross."""

from gkplan.solids.base import Bounds, Solid, sample, sample_about, scattered
from gkplan.solids.boolean import Difference, Intersection, Union
from gkplan.solids.levelset import LevelSet
from gkplan.solids.mesh import Mesh
from gkplan.solids.moved import Moved
from gkplan.solids.parse import parse_solid
from gkplan.solids.primitives import Capsule, Ellipsoid, HalfSpace
from gkplan.solids.radii import default_directions, solid_from_radii
from gkplan.solids.stl import read_stl

__all__ = [
    "Bounds",
    "Capsule",
    "Difference",
    "Ellipsoid",
    "HalfSpace",
    "Intersection",
    "LevelSet",
    "Mesh",
    "Moved",
    "Solid",
    "Union",
    "default_directions",
    "parse_solid",
    "read_stl",
    "sample",
    "sample_about",
    "scattered",
    "solid_from_radii",
]
