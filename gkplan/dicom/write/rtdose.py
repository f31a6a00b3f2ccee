"""RT Dose: the dose of the whole plan on a grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.tag import Tag
from pydicom.uid import UID, RTDoseStorage, RTPlanStorage

from gkplan.dicom.common import Study, ds, mm, new_dataset, reference, write
from gkplan.disclaimer import DISCLAIMER
from gkplan.grid import Volume

_LARGEST = 65535


def write_rtdose(
    dose: Volume, plan_uid: UID, study: Study, path: Path, sees_density: bool = False
) -> Path:
    """Write `dose` (Gy, patient frame) as integers of 16 bits that use their whole range.

    `sees_density` : whether the dose follows the densities of the head; it is all water if not
    """
    grid = dose.grid
    dataset = new_dataset(study, RTDoseStorage, "RTDOSE", series_number=4)
    dataset.ContentDate, dataset.ContentTime = dataset.StudyDate, dataset.StudyTime
    dx, dy, dz = grid.spacing_mm
    dataset.SliceThickness = ds(dz)
    dataset.ImagePositionPatient = mm(grid.origin_mm)
    dataset.ImageOrientationPatient = mm((1, 0, 0, 0, 1, 0))
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = grid.shape
    dataset.FrameIncrementPointer = Tag("GridFrameOffsetVector")
    dataset.PixelSpacing = [ds(dy), ds(dx)]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 0
    dataset.DoseUnits = "GY"
    dataset.DoseType = "PHYSICAL"
    dataset.DoseComment = DISCLAIMER
    dataset.DoseSummationType = "PLAN"
    dataset.TissueHeterogeneityCorrection = "IMAGE" if sees_density else "WATER"
    dataset.GridFrameOffsetVector = mm(dz * np.arange(grid.shape[0]))
    # The integers follow from the scaling as it is written, which has 16 characters at most.
    dataset.DoseGridScaling = ds(max(float(dose.array.max()), 1e-6) / _LARGEST)
    steps = np.rint(np.asarray(dose.array, np.float64) / float(dataset.DoseGridScaling))
    dataset.PixelData = np.clip(steps, 0, _LARGEST).astype("<u2").tobytes()
    dataset.ReferencedRTPlanSequence = [reference(RTPlanStorage, plan_uid)]
    return write(dataset, path)
