"""What is meant in a DICOM folder of another system: which images, structures and doses."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from gkplan.errors import CaseError
from gkplan.prescription import Limit, Prescription


@dataclass(frozen=True, slots=True)
class Selection:
    """The choice that turns a folder of images and contours into a case.

    Parameters
    ----------
    prescriptions : the targets, by the names of their ROIs, and their doses
    oars : names of the ROIs that are organs at risk
    limits : for organs at risk
    series : images to use: SeriesInstanceUID, or the number that ``gkplan inspect`` shows; only
        needed where several could be meant
    structures : structure set to use: SOPInstanceUID or number, likewise
    surface : the head: "image" (threshold), or the name of an ROI; if not given, the ROI of type
        EXTERNAL (or called \\*Skull), and the image where there is none
    threshold : what is at least this much in the image is head; if not given, -500 HU in CT and
        half-way from air to tissue in MR
    bridge_mm : see `gkplan.head.surface_from_image`

    Raises
    ------
    CaseError
        For no target, a name twice, or numbers that are not finite.
    """

    prescriptions: tuple[Prescription, ...]
    oars: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    series: str | None = None
    structures: str | None = None
    surface: str | None = None
    threshold: float | None = None
    bridge_mm: float = 0.0

    def __post_init__(self) -> None:
        if not self.prescriptions:
            raise CaseError("a DICOM folder of another system needs at least one --target NAME")
        names = [p.target for p in self.prescriptions] + list(self.oars)
        if doubled := [name for name, n in Counter(names).items() if n > 1]:
            raise CaseError(
                f"{doubled[0]!r} is named twice; name each region once, as --target or as --oar"
            )
        if self.threshold is not None and not math.isfinite(self.threshold):
            raise CaseError(f"--threshold {self.threshold}: expected a finite number")
        if not 0.0 <= self.bridge_mm <= 20.0:
            raise CaseError(f"--bridge {self.bridge_mm}: expected 0 to 20 mm")
