"""What tests need from outside: absent, they are skipped with the reason; in CI they fail."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def absent(what: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def program(name: str, package: str) -> str:
    """Path of a program of a Debian package."""
    path = shutil.which(name)
    if path is None:
        absent(f"{name} is not installed (Debian: {package})")
    return path


def python_with(variable: str, module: str) -> str:
    """The interpreter of another environment, which has `module`, named by a variable."""
    path = os.environ.get(variable)
    if path is None or not Path(path).is_file():
        absent(f"${variable} does not name a Python with {module}")
    return path
