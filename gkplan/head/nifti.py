"""A NIfTI volume as a head: CT, or MR such as a T1 template of a brain atlas."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gkplan.errors import CaseError, CaseWarning
from gkplan.frames import Frame
from gkplan.grid import Grid, Volume
from gkplan.head.image import surface_from_image
from gkplan.head.model import Head
from gkplan.head.thresholds import cut_off_sides, mr_threshold
from gkplan.solids import sample

QUANTITIES = ("hu", "mr_signal")
# Directions this close to the axes are taken for them: 0.03 mm at 120 mm.
_ALONG = 2.5e-4


@dataclass(frozen=True, slots=True)
class NiftiHead:
    """What a phantom says of its volume.

    Parameters
    ----------
    quantity : "hu" (CT) or "mr_signal"
    threshold : what is at least this much is head; without it -500 HU, or half-way from the air
        of an MR to its tissue
    origin_mm : Leksell place of the volume's own origin (in a template: the anterior commissure);
        without it the centroid of the head lies at (100, 100, 100)
    bridge_mm : what is thinner does not connect to the head
    """

    path: Path
    quantity: str
    threshold: float | None = None
    origin_mm: tuple[float, float, float] | None = None
    bridge_mm: float = 0.0


def nifti_head(name: str, wanted: NiftiHead) -> Head:
    """The head in a NIfTI file, with its image.

    Raises
    ------
    CaseError
        If nibabel is not installed, or the file holds no head in a known place.
    """
    image = read_nifti(wanted.path, wanted.quantity, wanted.origin_mm or (0.0, 0.0, 0.0))
    threshold = wanted.threshold
    if threshold is None and wanted.quantity != "hu":
        threshold = mr_threshold(image)
    try:
        surface = surface_from_image(image, threshold, bridge_mm=wanted.bridge_mm)
    except CaseError as error:
        raise CaseError(f"{wanted.path}: {error}") from error
    if wanted.origin_mm is None:
        shift = np.round(sample(surface, 3.0).mean(axis=0), 1) - 100.0
        x, y, z = (float(c) for c in np.array(image.grid.origin_mm) - shift)
        image = replace(image, grid=replace(image.grid, origin_mm=(x, y, z)))
        surface = surface.shifted(-shift)
    if sides := cut_off_sides(surface, image):
        warnings.warn(
            CaseWarning(
                f"{wanted.path}: the head goes on beyond the {', '.join(sides)} side of the "
                f"volume; depths of beams from there come out too small"
            ),
            stacklevel=2,
        )
    return Head(name, surface, image=image)


def read_nifti(path: Path, quantity: str, origin_mm: tuple[float, float, float]) -> Volume:
    """A NIfTI volume in the Leksell frame, its own origin at `origin_mm`, axes parallel.

    NIfTI counts to the patient's right, anterior and superior from its origin: Leksell's x and z
    run the other way. An oblique volume is interpolated onto an upright grid.

    Raises
    ------
    CaseError
        If nibabel is not installed; for a file that is none, has no orientation, is not
        three-dimensional, or holds values that are not finite.
    """
    try:
        import nibabel.processing
    except ImportError as error:
        raise CaseError(
            f"{path}: reading NIfTI needs nibabel; install it with: pip install 'gkplan[nifti]'"
        ) from error
    try:
        nib: Any = nibabel
        loaded = nib.load(path)
        header = loaded.header
        placed = int(header["sform_code"]) + int(header["qform_code"]) > 0
        dimensions = tuple(int(n) for n in loaded.shape)
        if not placed:
            raise CaseError(
                f"{path}: does not say where left and front are (sform_code and qform_code are 0); "
                f"write it with an orientation"
            )
        if len(dimensions) != 3 or min(dimensions) < 2:
            raise CaseError(f"{path}: expected one volume of three dimensions, got {dimensions}")
        upright = nib.as_closest_canonical(loaded)
        turn = upright.affine[:3, :3] / np.linalg.norm(upright.affine[:3, :3], axis=0)
        if not np.allclose(turn, np.eye(3), atol=_ALONG):
            outside = -1000.0 if quantity == "hu" else float(np.min(upright.dataobj))
            upright = nib.processing.resample_to_output(upright, order=1, cval=outside)
        values = np.asarray(upright.dataobj, dtype=np.float32)
    except CaseError:
        raise
    # nibabel raises many kinds of errors for files that are damaged.
    except Exception as error:
        raise CaseError(f"{path}: cannot read a NIfTI volume: {error}") from error
    if not np.isfinite(values).all():
        raise CaseError(f"{path}: has voxels that are no number (NaN or infinite)")
    right, front, up = (float(c) for c in upright.affine[:3, 3])
    dx, dy, dz = (float(c) for c in np.linalg.norm(upright.affine[:3, :3], axis=0))
    nx, _, nz = values.shape
    x, y, z = origin_mm
    corner = (x - right - (nx - 1) * dx, y + front, z - up - (nz - 1) * dz)
    turned = np.ascontiguousarray(values[::-1, :, ::-1].transpose(2, 1, 0))
    return Volume(turned, Grid(turned.shape, (dx, dy, dz), corner, Frame.LEKSELL), quantity)
