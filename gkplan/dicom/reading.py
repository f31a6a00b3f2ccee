"""Reading DICOM files without surprises: whatever is wrong with one is a sentence that names it."""

from __future__ import annotations

import struct
import textwrap
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.errors import BytesLengthException, InvalidDicomError

from gkplan.errors import CaseError, PlanError

# What pydicom, its decoders and conversions of its values raise for a cut off or damaged file.
_DAMAGE = (
    InvalidDicomError,
    BytesLengthException,
    EOFError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever a damaged file makes pydicom raise into a CaseError that names it."""
    try:
        with warnings.catch_warnings():
            # pydicom warns of oddities that either do not matter or fail below.
            warnings.simplefilter("ignore")
            yield
    except OSError as error:
        raise CaseError(f"{path}: cannot read the file: {error.strerror or error}") from error
    except PlanError as error:
        raise CaseError(f"{path}: {error}") from error
    except _DAMAGE as error:
        what = f"missing {error.args[0]}" if isinstance(error, KeyError) else str(error)
        if isinstance(error, AttributeError):
            what = f"missing {error.name}" if error.name else what
        what = textwrap.shorten(what, 200) or type(error).__name__
        raise CaseError(
            f"{path}: incomplete or damaged DICOM file ({what}); export it again"
        ) from error
