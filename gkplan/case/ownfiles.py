"""Files that a phantom names (meshes, images): relative to its own, and part of its fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gkplan.errors import CaseError

_KEYS = {"mesh": "mesh", "nifti": "volume"}


def located(table: Mapping[str, Any], folder: Path) -> tuple[dict[str, Any], bytes]:
    """The table with every ``mesh = "name.stl"`` as a path from `folder`, and all their bytes."""
    content: list[bytes] = []

    def walk(value: Any) -> Any:
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, Mapping):
            return {
                key: file(v, _KEYS[key]) if key in _KEYS else walk(v) for key, v in value.items()
            }
        return value

    def file(name: Any, what: str) -> Any:
        if not isinstance(name, str):
            return name  # whoever parses it says what is wrong
        path = folder / name
        try:
            content.append(path.read_bytes())
        except OSError as error:
            raise CaseError(f"{path}: cannot read the {what}: {error.strerror}") from error
        return str(path)

    return walk(table), b"".join(content)
