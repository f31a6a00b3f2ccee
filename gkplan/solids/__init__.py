"""Closed shapes that answer two questions: is a point inside, and where does a ray cross."""

from gkplan.solids.base import Bounds, Solid, sample, sample_about
from gkplan.solids.boolean import Difference, Intersection, Union
from gkplan.solids.levelset import LevelSet
from gkplan.solids.parse import parse_solid
from gkplan.solids.primitives import Capsule, Ellipsoid, HalfSpace

__all__ = [
    "Bounds",
    "Capsule",
    "Difference",
    "Ellipsoid",
    "HalfSpace",
    "Intersection",
    "LevelSet",
    "Solid",
    "Union",
    "parse_solid",
    "sample",
    "sample_about",
]
