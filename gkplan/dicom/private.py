"""Our private elements: what DICOM has no place for, in full double precision.

The numbers of the elements are a file format. Never reuse one; a change of meaning needs a new
creator.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from pydicom.datadict import add_private_dict_entry
from pydicom.dataset import Dataset

CREATOR = "GKPLAN 1"
GROUP = 0x0011


class Field(Enum):
    """Element number, value representation and multiplicity of each private element."""

    # In the plan.
    UNIT_NAME = (0x01, "UT", "1")
    CALIBRATION_RATE = (0x02, "FD", "1")
    TREATMENT_DATE = (0x03, "DA", "1")
    PATIENT_FROM_LEKSELL = (0x04, "FD", "16")
    PRESCRIPTIONS = (0x05, "SQ", "1")
    LIMITS = (0x06, "SQ", "1")
    CASE_NAME = (0x07, "UT", "1")
    CASE_SOURCE = (0x08, "UT", "1")
    HEAD_NAME = (0x09, "UT", "1")
    TRANSIT = (0x0A, "US", "1")
    # Absent where depth is geometric.
    DEPTH = (0x0B, "LO", "1")
    # In each beam.
    SECTORS = (0x20, "US", "1-n")
    TIME = (0x21, "FD", "1")
    ISOCENTER = (0x22, "FD", "3")
    GAMMA = (0x23, "FD", "1")
    # Absent unless channels of a helmet are plugged.
    PLUGGED = (0x24, "US", "1-n")
    # In a beam, a prescription or a limit: the structure it is about.
    STRUCTURE = (0x30, "UT", "1")
    DOSE = (0x31, "FD", "1")
    ISODOSE = (0x32, "FD", "2")
    COLLIMATOR = (0x33, "US", "1")
    LIMIT_KIND = (0x34, "LO", "1")
    # Absent unless the limit is one of a volume, or hard.
    LIMIT_VOLUME = (0x35, "FD", "1")
    LIMIT_HARD = (0x36, "US", "1")
    # In each region of the structure set, beside STRUCTURE (its name in full).
    ROLE = (0x40, "LO", "1")


# With the dictionary known to pydicom, files come back right from software that rewrote them
# in implicit VR, where no element says what it is.
for _field in Field:
    _number, _vr, _vm = _field.value
    add_private_dict_entry(CREATOR, (GROUP << 16) + _number, _vr, f"gkplan {_field.name}", _vm)


def put(dataset: Dataset, field: Field, value: Any) -> None:
    """Set a private element."""
    number, vr, _ = field.value
    dataset.private_block(GROUP, CREATOR, create=True).add_new(number, vr, value)


def get(dataset: Dataset, field: Field) -> Any:
    """The value of a private element.

    Raises
    ------
    KeyError
        If it, or the whole private block, is absent.
    """
    number, _, _ = field.value
    try:
        return dataset.private_block(GROUP, CREATOR)[number].value
    except KeyError:
        raise KeyError(f"private element {CREATOR!r} {field.name}") from None


def has(dataset: Dataset, field: Field) -> bool:
    """Whether the dataset has this private element."""
    return has_block(dataset) and field.value[0] in dataset.private_block(GROUP, CREATOR)


def has_block(dataset: Dataset) -> bool:
    """Whether the dataset has a private block of ours."""
    return CREATOR in dataset.private_creators(GROUP)
