"""The slices that contours are drawn on and refer to: ours, or those of the user's series."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.uid import UID, CTImageStorage

from gkplan.case import Case
from gkplan.case.selection import Selection
from gkplan.dicom.read.choose import series_of
from gkplan.dicom.read.scan import scan
from gkplan.dicom.read.stack import Stack, stack_of
from gkplan.errors import CaseWarning
from gkplan.frames import Array, Frame, RigidTransform
from gkplan.grid import Grid


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """Images of one series, ascending along their normal.

    Parameters
    ----------
    sop_class, series_uid, uids : what references to them say
    axes : (3, 3) rows in LPS: along a row of pixels, down a column, and their normal
    heights : (n,) places along the normal, mm
    limits : (2, 3) box in these axes that contains all pixels, mm
    """

    sop_class: UID
    series_uid: UID
    uids: tuple[UID, ...]
    axes: Array
    heights: Array
    limits: Array

    @classmethod
    def of_grid(cls, grid: Grid, series_uid: UID, uids: tuple[UID, ...]) -> Slices:
        """CT slices along z of a grid in the patient frame."""
        x, y, z = grid.axes()
        limits = np.array([[x[0], y[0], z[0]], [x[-1], y[-1], z[-1]]])
        return cls(CTImageStorage, series_uid, uids, np.eye(3), z, limits)

    @classmethod
    def of_stack(cls, stack: Stack) -> Slices:
        first = stack.files[0]
        rows, columns = stack.shape
        dx, dy = stack.spacing_mm
        low = (stack.corners @ stack.axes.T).min(axis=0)
        high = (stack.corners @ stack.axes.T).max(axis=0)
        high += (dx * (columns - 1), dy * (rows - 1), 0.0)
        return cls(
            UID(str(first.header.SOPClassUID)),
            UID(first.series_uid),
            tuple(UID(file.uid) for file in stack.files),
            stack.axes,
            stack.heights,
            np.array([low, high]),
        )

    def from_leksell(self, patient_from_leksell: RigidTransform) -> RigidTransform:
        """Leksell points in the axes of the slices."""
        return RigidTransform(
            self.axes @ patient_from_leksell.rotation,
            self.axes @ patient_from_leksell.translation,
            Frame.LEKSELL,
            Frame.PATIENT,
        )


def slices_of_user(case: Case, selection: Selection) -> tuple[Slices, Dataset]:
    """The user's images that a case was made of, and the header of one of them.

    Raises
    ------
    CaseError
        If they are no longer where they were.
    """
    series = series_of(scan(Path(case.path)), selection.series or "")
    with warnings.catch_warnings():
        # What is odd about them was told when the case was read.
        warnings.simplefilter("ignore", CaseWarning)
        stack = stack_of(series)
    return Slices.of_stack(stack), series.first.header
