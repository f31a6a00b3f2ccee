"""How the kernels look up a profile: tables over the SQUARED distance from the axis.

The scale is that of floating-point numbers: `CELLS` cells to each doubling of
``SHIFT + rho**2``, so that cell and place within it are bits of the number itself, dense at the
edge of the beam and sparse in its tail. An entry packs the value (high 16 bits) and the slope
(low 16 bits, signed) of its cell: one look-up a beam instead of two.
"""

from __future__ import annotations

import numpy as np
from numba import njit

SHIFT, OCTAVES, CELLS = 16.0, 13, 128
# Of a packed value: 1.0 on the axis. The rest of 16 bits is room for the slope beyond it.
PACKED = 30000.0
# What `interpolated` gives for 1.0.
SCALE = PACKED * 65536.0
# So far from the axis tables go on beyond a cell that a beam reaches at this distance.
FARTHEST_MM = 255.0
# Entries of one profile. The first lies below SHIFT, where a squared distance of 0 may be rounded to.
ROW = OCTAVES * CELLS + 1
_BITS_OF_PART = 23 - 7  # 2**7 cells an octave
_BEFORE = ((127 + 4) << 7) - 1  # what the bits of numbers just below SHIFT = 2**4 give as a cell


@njit(cache=True)
def row_of(profile):  # type: ignore[no-untyped-def]
    """Where the table of a profile begins, less the cell of the smallest number."""
    return profile * ROW - _BEFORE


@njit
def cell_of(bits):  # type: ignore[no-untyped-def]
    """The cell of a number ``SHIFT + rho**2`` with such bits, from `row_of`."""
    # Integer results are 64 bits wide unless cast back, and 64-bit look-ups are slow.
    return np.int32(bits >> np.int32(_BITS_OF_PART))


@njit
def interpolated(entry, bits):  # type: ignore[no-untyped-def]
    """The value (times `SCALE`) at the place in an entry's cell that the bits tell.

    The entry as a whole is the value one cell before its own begins, with the slope as its
    fraction: neither has to be taken out of it.
    """
    # The place in the cell as a number from 1 to 2: its bits, moved up, and the exponent of 1.
    place = np.int32(np.int32(bits << np.int32(7)) & np.int32(0x7FFFFF)) | np.int32(0x3F800000)
    slope = np.float32(np.int32(entry << np.int32(16)))
    return np.float32(entry) + slope * np.int32(place).view(np.float32)
