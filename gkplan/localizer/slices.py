"""Axial images as they come: slices at given heights, which need not be evenly spaced."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array

Pixels = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class AxialSlices:
    """Images in planes of constant z of the patient frame (DICOM LPS), mm.

    Parameters
    ----------
    pixels : (n, rows, columns) float32; rows along +y, columns along +x
    z_mm : (n,) ascending; slices may be missing
    origin_mm : x, y of the centre of pixel [0, 0]
    spacing_mm : distance of pixels along x and y
    modality : "CT" or "MR"

    Raises
    ------
    ValueError
        For arrays that do not fit together, or heights that do not ascend.
    """

    pixels: Pixels
    z_mm: Array
    origin_mm: tuple[float, float]
    spacing_mm: tuple[float, float]
    modality: str

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or len(self.pixels) != len(self.z_mm):
            raise ValueError(f"{self.pixels.shape} pixels for {len(self.z_mm)} slices")
        if not (np.diff(self.z_mm) > 0).all():
            raise ValueError("z_mm: expected heights that ascend")

    @property
    def axes(self) -> tuple[Array, Array]:
        """x and y of the pixel centres, mm."""
        _, rows, columns = self.pixels.shape
        x = self.origin_mm[0] + self.spacing_mm[0] * np.arange(columns)
        y = self.origin_mm[1] + self.spacing_mm[1] * np.arange(rows)
        return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
