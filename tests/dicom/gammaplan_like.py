"""An export of ours turned into what a hospital's planning system writes.

Synthetic: what dicom files of such systems are known to hold and to lack, under an invented
maker's name. No private elements of ours, so the sectors are gone.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

MAKER = "Synthetic Planning Systems"


def write_like(export: Path, folder: Path) -> None:
    """Plan, structures and dose of `export` in that manner, into `folder`."""
    plan, structures = dcmread(export / "rtplan.dcm"), dcmread(export / "rtstruct.dcm")
    dose = dcmread(export / "rtdose.dcm")
    for dataset in (plan, structures, dose):
        dataset.remove_private_tags()
        dataset.Manufacturer = dataset.ManufacturerModelName = MAKER
        del dataset.SoftwareVersions
    _plan(plan)
    _structures(structures)
    _dose(dose)
    for name, dataset in (("RP", plan), ("RS", structures), ("RD", dose)):
        dataset.save_as(folder / f"{name}.1.2.3.dcm")


def _plan(plan: Dataset) -> None:
    """BeamNumber in another order than the beams; dose references without regions."""
    for item in plan.DoseReferenceSequence:
        del item.ReferencedROINumber
    count = len(plan.BeamSequence)
    for beam in plan.BeamSequence:
        beam.BeamNumber = count + 1 - beam.BeamNumber
    items = plan.FractionGroupSequence[0].ReferencedBeamSequence
    for item in items:
        item.ReferencedBeamNumber = count + 1 - item.ReferencedBeamNumber
    plan.FractionGroupSequence[0].ReferencedBeamSequence = list(reversed(items))


def _structures(structures: Dataset) -> None:
    """Numbered from 0, and only the skull has a type."""
    del structures.OperatorsName
    for number, item in enumerate(structures.RTROIObservationsSequence):
        item.ObservationNumber = number
        if item.RTROIInterpretedType != "EXTERNAL":
            item.RTROIInterpretedType = ""


def _dose(dose: Dataset) -> None:
    """Frames at absolute heights, from the top down."""
    frames = dose.pixel_array
    dy = dose.ImagePositionPatient[2]
    heights = [float(dy) + float(o) for o in dose.GridFrameOffsetVector][::-1]
    dose.PixelData = np.ascontiguousarray(frames[::-1]).tobytes()
    x, y, _ = dose.ImagePositionPatient
    dose.ImagePositionPatient = [x, y, heights[0]]
    dose.GridFrameOffsetVector = heights
    dose.SOPInstanceUID = generate_uid()
