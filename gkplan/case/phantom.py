"""Phantoms: declarative TOML files with a head, structures, prescriptions and limits."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import numpy as np

from gkplan.case.limits import parse_limit
from gkplan.case.model import Case
from gkplan.case.ownfiles import located
from gkplan.errors import CaseError, PlanError
from gkplan.files import sha256_of
from gkplan.frames import NEUTRAL_GAMMA_DEG, patient_from_leksell
from gkplan.head import Head, Tissue
from gkplan.head.nifti import QUANTITIES, NiftiHead, nifti_head
from gkplan.prescription import FREE_ISODOSE, Prescription
from gkplan.solids import parse_solid
from gkplan.solids.parse import keys, number, point
from gkplan.structures import Structure
from gkplan.structures.model import Role

SCHEMA = "gkplan-phantom/1"
_TOP = {"title", "source", "head", "surface", "image", "oars_from_head", "gamma_angle_deg"}
_TABLES = {"tissue", "structure", "prescription", "limit", "site"}


def _folder() -> Path:
    """Where the phantoms are: in the package when installed, beside it in a checkout."""
    package = Path(str(files("gkplan")))
    installed = package / "phantoms"
    return installed if installed.is_dir() else package.parent / "phantoms"


def phantom_names() -> tuple[str, ...]:
    """Names of the phantoms that ship with gkplan."""
    return tuple(sorted(path.stem for path in _folder().glob("*.toml")))


def phantom_path(name: str) -> Path:
    return _folder() / f"{name}.toml"


def phantom_title(name: str) -> str:
    return str(_read(phantom_path(name))[0].get("title", ""))


def read_phantom(path: Path, name: str | None = None, head: str | None = None) -> Case:
    """The case in a phantom's TOML file; `head` replaces the head that the file names."""
    table, content = _read(path)
    table, meshes = located(table, path.parent)
    try:
        return _parse(table, path, name, head, sha256_of(content + meshes))
    except KeyError as error:
        raise CaseError(f"{path}: missing key {error}") from error
    except (ValueError, TypeError, PlanError) as error:
        raise CaseError(f"{path}: {error}") from error


def read_head(name: str) -> Head:
    """The head of the phantom called `name`, or of the phantom file at that path."""
    return _head_owner(name).head


def read_site(head: str, site: str) -> tuple[float, float, float]:
    """Leksell point (mm) of an anatomical site on the patient's LEFT in a phantom head."""
    path = _path_of_head(head)
    table, _ = _read(path)
    sites = table.get("site", {})
    if not isinstance(sites, Mapping) or site not in sites:
        known = ", ".join(sites) or "none"
        raise CaseError(f"{path}: head {head!r} has no site {site!r}; there are: {known}")
    try:
        return point(sites[site], "left_mm", f"[site.{site}]")
    except (ValueError, KeyError) as error:
        raise CaseError(f"{path}: {error}") from error


def _path_of_head(name: str) -> Path:
    path = phantom_path(name) if name in phantom_names() else Path(name)
    if not path.is_file():
        raise CaseError(f"unknown head {name!r}: expected {', '.join(phantom_names())} or a file")
    return path


def _head_owner(name: str) -> Case:
    owner = read_phantom(_path_of_head(name), name=name)
    if owner.head.name != name:
        raise CaseError(f"{name!r} is no head itself: it uses the head {owner.head.name!r}")
    return owner


def _read(path: Path) -> tuple[dict[str, Any], bytes]:
    try:
        content = path.read_bytes()
        return tomllib.loads(content.decode("utf-8")), content
    except OSError as error:
        raise CaseError(f"{path}: cannot read the phantom: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CaseError(f"{path}: not a valid TOML file: {error}") from error


def _parse(
    table: Mapping[str, Any], path: Path, name: str | None, head: str | None, sha256: str
) -> Case:
    if table.get("schema") != SCHEMA:
        raise ValueError(f"schema: expected {SCHEMA!r}, got {table.get('schema')!r}")
    keys(table, {"schema", "title", "source"}, (_TOP | _TABLES) - {"title", "source"}, "top level")
    own_name = name or path.stem
    structures = [
        _structure(entry, f"[[structure]] {n}") for n, entry in _numbered(table, "structure")
    ]
    head_name = head or table.get("head")
    if head_name is None:
        owned = _own_head(table, name or str(path))
    else:
        owner = _head_owner(str(head_name))
        owned = owner.head
        inherited = table.get("oars_from_head", [])
        structures += [owner.structure(str(oar)) for oar in inherited]
    angle = table.get("gamma_angle_deg", NEUTRAL_GAMMA_DEG)
    gamma = number({"gamma_angle_deg": angle}, "gamma_angle_deg", "top level")
    return Case(
        name=own_name,
        kind="phantom",
        path=name or str(path.resolve()),
        sha256=sha256,
        source=str(table["source"]),
        head=owned,
        structures=tuple(structures),
        prescriptions=tuple(
            _prescription(entry, f"[[prescription]] {n}")
            for n, entry in _numbered(table, "prescription")
        ),
        limits=tuple(
            parse_limit(entry, f"[[limit]] {n}") for n, entry in _numbered(table, "limit")
        ),
        patient_from_leksell=patient_from_leksell(),
        gamma_angle_deg=gamma,
    )


def _numbered(table: Mapping[str, Any], key: str) -> list[tuple[int, Any]]:
    entries = table.get(key, [])
    if not isinstance(entries, list):
        raise ValueError(f"{key}: expected [[{key}]] tables")
    return list(enumerate(entries, start=1))


def _own_head(table: Mapping[str, Any], name: str) -> Head:
    if "image" in table:
        return _image_head(table["image"], name)
    tissues = []
    for n, entry in _numbered(table, "tissue"):
        where = f"[[tissue]] {n}"
        keys(entry, {"name", "density_g_cm3", "hu", "shape"}, set(), where)
        density = number(entry, "density_g_cm3", where)
        if density < 0:
            raise ValueError(f"{where}.density_g_cm3: expected at least 0, got {density}")
        solid = parse_solid(entry["shape"], f"{where}.shape")
        tissues.append(Tissue(str(entry["name"]), solid, density, number(entry, "hu", where)))
    for tissue in tissues:
        if tissue.name == table.get("surface"):
            return Head(name, tissue.solid, tuple(tissues))
    known = ", ".join(t.name for t in tissues) or "none"
    raise ValueError(
        f"surface: expected the name of a [[tissue]] ({known}), got {table.get('surface')!r}; "
        f"or name a head"
    )


def _image_head(entry: Any, name: str) -> Head:
    where = "[image]"
    keys(entry, {"nifti", "quantity"}, {"threshold", "origin_mm", "bridge_mm"}, where)
    if entry["quantity"] not in QUANTITIES:
        raise ValueError(
            f"{where}.quantity: expected {' or '.join(QUANTITIES)}, got {entry['quantity']!r}"
        )
    wanted = NiftiHead(
        Path(str(entry["nifti"])),
        str(entry["quantity"]),
        number(entry, "threshold", where) if "threshold" in entry else None,
        point(entry, "origin_mm", where) if "origin_mm" in entry else None,
        number(entry, "bridge_mm", where) if "bridge_mm" in entry else 0.0,
    )
    return nifti_head(name, wanted)


def _structure(entry: Any, where: str) -> Structure:
    keys(entry, {"name", "role", "shape"}, {"volume_cc"}, where)
    if entry["role"] not in ("target", "oar"):
        raise ValueError(f"{where}.role: expected 'target' or 'oar', got {entry['role']!r}")
    if "volume_cc" in entry:
        number(entry, "volume_cc", where)
    role = cast(Role, entry["role"])
    return Structure(str(entry["name"]), role, parse_solid(entry["shape"], f"{where}.shape"))


def _prescription(entry: Any, where: str) -> Prescription:
    keys(entry, {"target"}, {"dose_gy", "isodose", "max_dose_gy", "collimator_mm"}, where)
    if ("dose_gy" in entry) == ("max_dose_gy" in entry):
        raise ValueError(f"{where}: expected either dose_gy or max_dose_gy")
    if "max_dose_gy" in entry:
        collimator = int(number(entry, "collimator_mm", where)) if "collimator_mm" in entry else 4
        dose = number(entry, "max_dose_gy", where)
        return Prescription(str(entry["target"]), dose, (1.0, 1.0), collimator)
    isodose = entry.get("isodose", list(FREE_ISODOSE))
    pair = isodose if isinstance(isodose, list) else [isodose, isodose]
    if len(pair) != 2:
        raise ValueError(f"{where}.isodose: expected a fraction or [lowest, highest]")
    low, high = (number({"isodose": value}, "isodose", where) for value in pair)
    return Prescription(str(entry["target"]), number(entry, "dose_gy", where), (low, high))


def stated_volumes(path: Path) -> dict[str, float]:
    """The ``volume_cc`` that a phantom states for its structures: tests hold it to them."""
    entries = _read(path)[0].get("structure", [])
    return {e["name"]: float(e["volume_cc"]) for e in entries if "volume_cc" in e}


def volume_cc(structure: Structure, count: int = 200_000) -> float:
    """Volume of a structure: analytic where there is a formula, else by sampling."""
    exact = structure.solid.analytic_volume_cc
    if exact is not None:
        return exact
    from gkplan.solids.base import scattered

    inside = scattered(structure.solid, count, coarsest_mm=2.0)
    return float(np.round(len(inside.points) * inside.spacing_mm**3 / 1000, 6))
