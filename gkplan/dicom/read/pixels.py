"""The pixels of CT and MR slices, as Hounsfield units or as signal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from gkplan.dicom.read.scan import Found
from gkplan.dicom.read.stack import Stack
from gkplan.dicom.reading import reading
from gkplan.frames import Array

# What is finer than this is averaged when a series is larger than `_MOST_VOXELS`.
_FINE_MM = 0.65
_MOST_VOXELS = 24_000_000


def read_pixels(stack: Stack, report: Callable[[str], None]) -> tuple[NDArray[np.float32], Stack]:
    """Values (n, rows, columns) of all slices, HU for CT, signal for MR; and where they lie.

    Of a large series with pixels below 0.65 mm, every four are averaged to one, and the stack
    is that of the larger pixels.

    Raises
    ------
    CaseError
        Naming the file, for pixels that are missing, cut off, coloured, or compressed in a way
        that cannot be decoded here.
    """
    large = len(stack.files) * stack.shape[0] * stack.shape[1] > _MOST_VOXELS
    halved = large and max(stack.spacing_mm) < _FINE_MM
    kept = _halved(stack) if halved else stack
    values = np.empty((len(stack.files), *kept.shape), dtype=np.float32)
    for n, file in enumerate(stack.files):
        if n % 100 == 0:
            report(f"reading slice {n + 1} of {len(stack.files)}")
        image = slice_values(file, stack.shape)
        if halved:
            rows, columns = kept.shape
            image = image[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean(axis=(1, 3))
        values[n] = image
    return values, kept


def _halved(stack: Stack) -> Stack:
    """The stack of pixels twice as large; the centre of the first lies between four."""
    dx, dy = stack.spacing_mm
    return replace(
        stack,
        shape=(stack.shape[0] // 2, stack.shape[1] // 2),
        spacing_mm=(2 * dx, 2 * dy),
        corners=stack.corners + np.array([dx, dy]) @ stack.axes[:2] / 2,
    )


def slice_values(file: Found, shape: tuple[int, int]) -> Array:
    """Values (rows, columns) of one image, which must have that shape; errors as `read_pixels`."""
    with reading(file.path):
        image = dcmread(file.path, force=True)
        if (int(image.Rows), int(image.Columns)) != shape:
            raise ValueError("Rows, Columns: changed while it was read")
        if int(image.get("SamplesPerPixel") or 1) != 1:
            raise ValueError(f"SamplesPerPixel: expected 1 (grey), got {image.SamplesPerPixel}")
        allocated, stored = int(image.BitsAllocated), int(image.get("BitsStored") or 0)
        if allocated not in (8, 16, 32):
            raise ValueError(f"BitsAllocated: expected 8, 16 or 32, got {allocated}")
        if str(image.get("PhotometricInterpretation") or "MONOCHROME2") != "MONOCHROME2":
            raise ValueError(
                f"PhotometricInterpretation: expected MONOCHROME2, got "
                f"{image.PhotometricInterpretation}"
            )
        raw = _decoded(image, shape, allocated)
        if 0 < stored < allocated and int(image.get("HighBit") or stored - 1) == stored - 1:
            # What stands in the unused bits (old overlays, a sign) is no part of the value.
            raw = (raw << (allocated - stored)) >> (allocated - stored)
        slope, intercept = _rescale(image, file.modality)
        return np.asarray(raw, dtype=np.float64) * slope + intercept


def _decoded(image: Dataset, shape: tuple[int, int], allocated: int) -> NDArray[np.integer[Any]]:
    if "PixelData" not in image:
        raise ValueError("PixelData: missing")
    if "TransferSyntaxUID" not in image.file_meta:
        implicit = image.original_encoding[0]
        image.file_meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        )
    syntax = image.file_meta.TransferSyntaxUID
    if not syntax.is_transfer_syntax:
        raise ValueError(f"TransferSyntaxUID: {syntax} is none")
    if not syntax.is_compressed:
        expected = shape[0] * shape[1] * allocated // 8
        if len(image.PixelData) < expected:
            raise ValueError(f"PixelData: {len(image.PixelData)} bytes of {expected}")
    try:
        raw: NDArray[np.integer[Any]] = image.pixel_array
    except (RuntimeError, NotImplementedError) as error:
        if not syntax.is_compressed:
            raise
        raise ValueError(
            f"TransferSyntaxUID: {syntax.name} cannot be decoded here: install a decoder "
            f"(pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg) or decompress the files"
        ) from error
    if raw.shape != shape:
        raise ValueError(f"PixelData: decodes to {raw.shape}, expected {shape}")
    return raw


def _rescale(image: Dataset, modality: str) -> tuple[float, float]:
    """Slope and intercept; CT without them is no CT, MR has none."""
    if modality == "CT":
        kind = str(image.get("RescaleType") or "HU").strip().upper()
        if kind not in ("HU", "HU_MOD"):
            raise ValueError(f"RescaleType: expected HU, got {kind}; its values are no CT numbers")
        slope, intercept = float(image.RescaleSlope), float(image.RescaleIntercept)
    else:
        slope = float(image.get("RescaleSlope") or 1.0)
        intercept = float(image.get("RescaleIntercept") or 0.0)
    if not (np.isfinite([slope, intercept]).all() and 0.0 < abs(slope) < 1e6):
        raise ValueError(
            f"RescaleSlope, RescaleIntercept: {slope:g}, {intercept:g} is no rescaling"
        )
    return slope, intercept
