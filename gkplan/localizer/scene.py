"""What a synthetic localizer image shows: box and head with known places, and a scanner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from gkplan.errors import FrameError
from gkplan.frames import LEKSELL_CENTER_MM, Array, Frame, RigidTransform, patient_from_leksell
from gkplan.localizer.box import Box, Rod


@dataclass(frozen=True, slots=True)
class Scanner:
    """How images are taken, and the values of what is in them.

    No source publishes the rods' diameter or their values: those here are assumptions, of the
    size seen in published pictures. Finding rods does not rely on them.

    Parameters
    ----------
    modality : "CT" (values in HU) or "MR" (arbitrary, magnitude)
    pixel_mm, slice_mm, thickness_mm : distance of pixels and slices, thickness of a slice
    blur_mm : standard deviation of the point spread within a slice
    noise : standard deviation of a value
    distortion_mm : how far a point 100 mm from the centre is displaced at most
    air, plate, rod, skin, skull, brain, metal : values
    rod_radius_mm : of the fiducials
    """

    modality: str
    pixel_mm: float
    slice_mm: float
    thickness_mm: float
    blur_mm: float
    noise: float
    distortion_mm: float
    air: float
    plate: float
    rod: float
    skin: float
    skull: float
    brain: float
    metal: float
    rod_radius_mm: float


CT = Scanner(
    "CT", 1.0, 1.0, 1.0, 0.6, 20.0, 0.0, -1000.0, 120.0, 1200.0, 40.0, 1000.0, 35.0, 3000.0, 1.5
)
MR = Scanner("MR", 1.5, 1.5, 1.5, 0.6, 25.0, 0.3, 0.0, 0.0, 800.0, 1000.0, 40.0, 500.0, 0.0, 2.0)
SCANNERS = {"ct": CT, "mr": MR}


@dataclass(frozen=True, slots=True)
class Distortion:
    """Displacement that grows with the cube of the distance from the centre of the frame.

    ``displayed = true - d(displayed)``, with ``d(p) = (|p|/100 mm)^2 * matrix @ p/100 mm`` and p
    measured from the centre: residual non-linearity of gradient coils, as it is after the
    scanner's own correction.

    Parameters
    ----------
    matrix : rows of (3, 3) mm
    center_mm : patient frame
    """

    matrix: tuple[tuple[float, float, float], ...]
    center_mm: tuple[float, float, float]

    def true(self, displayed_mm: Array) -> Array:
        """Where that lies in truth what is displayed at points (..., 3) of the patient frame."""
        p = (displayed_mm - np.array(self.center_mm)) / 100.0
        size = np.sum(p * p, axis=-1, keepdims=True)
        return np.asarray(displayed_mm + size * (p @ np.array(self.matrix).T))

    def displayed(self, true_mm: Array) -> Array:
        """The inverse of `true`, by repetition; exact to 1e-6 mm for displacements of 2 mm."""
        shown = np.array(true_mm, dtype=np.float64)
        for _ in range(8):
            shown = true_mm - (self.true(shown) - shown)
        return shown


@dataclass(frozen=True, slots=True)
class Scene:
    """A box on a head in a scanner.

    Parameters
    ----------
    rods : those that are shown, where they are: a fault has moved or removed some
    patient_from_leksell : where the frame lies in the images, the truth to be found
    head_mm : centre of the head, Leksell
    distortion : of the images, None for true ones
    mirrored : whether left and right are exchanged on the images
    """

    rods: tuple[Rod, ...]
    patient_from_leksell: RigidTransform
    head_mm: tuple[float, float, float] = (100.0, 95.0, 95.0)
    distortion: Distortion | None = None
    mirrored: bool = False
    plates: tuple[str, ...] = field(default=("right", "left", "anterior"))

    @classmethod
    def of(cls, box: Box, patient_from_leksell: RigidTransform) -> Scene:
        return cls(box.rods, patient_from_leksell)

    def without(self, name: str) -> Scene:
        """With the rod of that name removed."""
        left = tuple(rod for rod in self.rods if rod.name != name)
        if len(left) == len(self.rods):
            names = ", ".join(repr(rod.name) for rod in self.rods)
            raise FrameError(f"no rod {name!r}; there are: {names}")
        return replace(self, rods=left)

    def broken(self, name: str, start_mm: float, end_mm: float) -> Scene:
        """With a piece of a rod missing, between two distances from its start."""
        (rod,) = (rod for rod in self.rods if rod.name == name)
        along = rod.direction
        first = tuple((np.array(rod.start_mm) + start_mm * along).tolist())
        second = tuple((np.array(rod.start_mm) + end_mm * along).tolist())
        pieces = (replace(rod, end_mm=first), replace(rod, start_mm=second))
        return replace(self, rods=(*(r for r in self.rods if r is not rod), *pieces))

    def displaced(self, plate: str, shift_mm: Sequence[float]) -> Scene:
        """With all rods of a plate shifted."""

        def moved(point: tuple[float, float, float]) -> tuple[float, float, float]:
            x, y, z = (float(a + b) for a, b in zip(point, shift_mm, strict=True))
            return x, y, z

        return replace(
            self,
            rods=tuple(
                replace(r, start_mm=moved(r.start_mm), end_mm=moved(r.end_mm))
                if r.plate == plate
                else r
                for r in self.rods
            ),
        )


def pose(
    tilt_deg: ArrayLike = (0.0, 0.0, 0.0), shift_mm: ArrayLike = (0.0, 0.0, 0.0)
) -> RigidTransform:
    """Leksell to patient for a frame turned about its centre and shifted.

    Parameters
    ----------
    tilt_deg : turn about the patient's x, then y, then z
    shift_mm : where the centre of the frame lies in the images
    """
    from scipy.spatial.transform import Rotation

    angles = np.asarray(tilt_deg, dtype=np.float64)
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    rotation = turn @ patient_from_leksell().rotation
    shift = np.asarray(shift_mm, dtype=np.float64) - rotation @ np.array(LEKSELL_CENTER_MM)
    return RigidTransform(rotation, shift, Frame.LEKSELL, Frame.PATIENT)


def random_scene(box: Box, scanner: Scanner, rng: np.random.Generator) -> Scene:
    """A frame tilted by up to 8 degrees about each axis, shifted by up to 12 mm, head off centre.

    The head lies up to 8 mm beside the middle, so that its skin comes near to a plate. A
    distortion has its centre in the origin of the images, not in that of the frame.
    """
    placed = pose(rng.uniform(-8, 8, 3), rng.uniform(-12, 12, 3))
    head = np.array([100.0, 95.0, 95.0]) + rng.uniform(-8, 8, 3)
    scene = replace(Scene.of(box, placed), head_mm=_triple(head))
    return distorted(scene, scanner, rng, (0.0, 0.0, 0.0))


def distorted(
    scene: Scene, scanner: Scanner, rng: np.random.Generator, center_mm: ArrayLike | None = None
) -> Scene:
    """With a random distortion of the size that the scanner has.

    Its centre is that of the frame if no other (patient mm) is given.
    """
    if scanner.distortion_mm == 0.0:
        return scene
    matrix = rng.normal(size=(3, 3))
    matrix *= scanner.distortion_mm / np.linalg.norm(matrix, 2)
    rows = tuple(_triple(row) for row in matrix)
    center = scene.patient_from_leksell(LEKSELL_CENTER_MM) if center_mm is None else center_mm
    return replace(scene, distortion=Distortion(rows, _triple(center)))


def _triple(values: ArrayLike) -> tuple[float, float, float]:
    x, y, z = np.asarray(values, dtype=np.float64).tolist()
    return x, y, z
