"""How the kernels look up a profile: tables over the SQUARED distance from the axis.

The scale is that of floating-point numbers: `CELLS` cells to each doubling of
``SHIFT + rho**2``, so that cell and place within it are bits of the number itself, dense at the
edge of the beam and sparse in its tail. In a cell the profile is a straight line, packed into one
integer: with u from 2 at its beginning to 1 at its end the profile is, times `SCALE`,
``entry + u * (low 16 bits of entry, signed, times 65536)``. (So the high bits are about the value
one cell beyond the end, and nothing has to be taken out of the entry but the slope.)

Kernels of other files call these: after a change here, clear numba's cache.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

SHIFT, OCTAVES, CELLS = 16.0, 13, 128
# Of a packed value: 1.0 on the axis. Room is left for any falling profile and its shared error.
PACKED = 24000.0
SCALE = PACKED * 65536.0
# Where tables end, mm: what lies farther from the axis must not be looked up.
FARTHEST_MM = 0.999 * math.sqrt(SHIFT * (2.0**OCTAVES - 1.0))
# Entries of one profile. The first lies below SHIFT, where a squared distance of 0 may be rounded to.
ROW = OCTAVES * CELLS + 1
_BITS_OF_CELL = CELLS.bit_length() - 1
_BITS_OF_PLACE = np.int32(23 - _BITS_OF_CELL)
_BEFORE = int(np.float32(SHIFT).view(np.int32) >> _BITS_OF_PLACE) - 1
_TO_MANTISSA, _MANTISSA = np.int32(_BITS_OF_CELL), np.int32((1 << 23) - 1)
_ONE = np.float32(1.0).view(np.int32)


@njit(cache=True)
def row_of(profile):  # type: ignore[no-untyped-def]
    """Where the table of a profile begins, less the cell of the smallest number."""
    return profile * ROW - _BEFORE


@njit
def cell_of(bits):  # type: ignore[no-untyped-def]
    """The cell of a number ``SHIFT + rho**2`` with such bits, from `row_of`."""
    # Integer results are 64 bits wide unless cast back, and 64-bit look-ups are slow.
    return np.int32(bits >> _BITS_OF_PLACE)


@njit
def interpolated(entry, bits):  # type: ignore[no-untyped-def]
    """The value (times `SCALE`) at the place in an entry's cell that the bits tell."""
    # The complement of the place, as the mantissa of a number between 1 and 2.
    place = np.int32(np.int32(np.int32(~bits) << _TO_MANTISSA) & _MANTISSA) | _ONE
    slope = np.float32(np.int32(entry << np.int32(16)))
    return np.float32(entry) + slope * np.int32(place).view(np.float32)
