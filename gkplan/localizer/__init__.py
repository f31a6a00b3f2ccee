"""Finding the stereotactic frame in images, and images of it with known truth."""

from gkplan.localizer.box import Box, box_names, load_box
from gkplan.localizer.find import localise
from gkplan.localizer.render import render
from gkplan.localizer.result import Limits, Localisation
from gkplan.localizer.scene import CT, MR, SCANNERS, Scanner, Scene, pose, random_scene
from gkplan.localizer.slices import AxialSlices

__all__ = [
    "CT",
    "MR",
    "SCANNERS",
    "AxialSlices",
    "Box",
    "Limits",
    "Localisation",
    "Scanner",
    "Scene",
    "box_names",
    "load_box",
    "localise",
    "pose",
    "random_scene",
    "render",
]
