"""Files that are either complete or absent, and the fingerprints of those that we read."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gkplan.errors import OutputError


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` whole or not at all."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise OutputError(f"{path}: cannot write there: {error.strerror}") from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot write there: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def check_output_folder(out: Path, overwrite: bool, sign: str = "plan.json") -> None:
    """Refuse, before any work is done, a folder that cannot or must not be written.

    An existing folder is accepted when it is empty, or when `overwrite` is set and it holds the
    file that is the sign of what gkplan wrote; anything else in it is somebody's work.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise OutputError(f"{out}: is not a folder; name another one with --out")
    if out.is_dir() and any(out.iterdir()):
        if not (out / sign).is_file():
            raise OutputError(
                f"{out}: holds other files and no {sign}; name an empty or a new folder"
            )
        if not overwrite:
            raise OutputError(f"{out}: holds a {sign} already; --overwrite replaces it")
    nearest = out.absolute().parent
    while not nearest.exists():
        nearest = nearest.parent
    # What the rights say is not all (read-only and virtual file systems): so try it.
    try:
        Path(tempfile.mkdtemp(dir=nearest, prefix=f".{out.name}.")).rmdir()
    except OSError as error:
        raise OutputError(
            f"{out}: cannot write in the folder {nearest}: {error.strerror}; name another --out"
        ) from error


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A temporary folder beside `out` that takes its place if the block succeeds.

    Whatever stops the block (Ctrl-C too), `out` is then as it was before.
    """
    out = out.absolute()
    created = _make_parents(out.parent)
    done = False
    staging = None
    try:
        staging = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
        staging.chmod(0o777 & ~_umask())
        yield staging
        if out.exists():
            old = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.old."))
            out.replace(old / out.name)
            staging.replace(out)
            shutil.rmtree(old)
        else:
            staging.replace(out)
        done = True
    except OSError as error:
        raise OutputError(
            f"{error.filename or out}: cannot write there: {error.strerror}"
        ) from error
    finally:
        if not done:
            if staging is not None:
                shutil.rmtree(staging, ignore_errors=True)
            for folder in created:
                folder.rmdir()


def _make_parents(folder: Path) -> list[Path]:
    """Create `folder` and what it lies in; return what was created, innermost first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        try:
            path.mkdir()
        except OSError as error:
            raise OutputError(f"{path}: cannot create the folder: {error.strerror}") from error
    return missing


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
