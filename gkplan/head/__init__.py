"""The head: outer surface, tissues, and the depth of a beam below the surface."""

from gkplan.head.depth import DepthRule, depth_rule, distance_to_surface, surface_distances
from gkplan.head.image import surface_from_image
from gkplan.head.model import Head, Tissue

__all__ = [
    "DepthRule",
    "Head",
    "Tissue",
    "depth_rule",
    "distance_to_surface",
    "surface_distances",
    "surface_from_image",
]
