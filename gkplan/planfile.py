"""plan.json: the plan as a file for scripts, written whole or not at all."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from gkplan.case import Case
from gkplan.case.contradictions import check_limits
from gkplan.case.limits import limit_table, parse_limit
from gkplan.case.selection import Selection
from gkplan.certificate import Certificate
from gkplan.disclaimer import DISCLAIMER
from gkplan.errors import GkplanError, PlanError
from gkplan.files import sha256_of, write_text
from gkplan.frames import Frame, RigidTransform
from gkplan.head import depth_rule
from gkplan.history import MOST_STEPS, History, Step
from gkplan.load import load_case
from gkplan.metrics.model import PlanIndices, PlanMetrics
from gkplan.plan import DEFAULT_RATE_GY_PER_MIN, Plan
from gkplan.prescription import FREE_ISODOSE, Prescription
from gkplan.shot import Shot
from gkplan.shotform import read_shot, shot_table
from gkplan.unit import load_unit

SCHEMA = "gkplan-plan/1"


def write_plan(plan: Plan, path: Path) -> None:
    """Write plan.json."""
    write_text(path, json.dumps(plan_table(plan), indent=1, allow_nan=False) + "\n")


def plan_table(plan: Plan) -> dict[str, Any]:
    """The plan as plan.json holds it."""
    case = plan.case
    day = plan.treatment_date
    return {
        "schema": SCHEMA,
        "disclaimer": DISCLAIMER,
        "case": {
            "kind": case.kind,
            "path": case.path,
            "sha256": case.sha256,
            "head": case.head.name,
            "targets": [s.name for s in case.targets],
            "oars": [s.name for s in case.oars],
            **({"selection": _selection_table(case.selection)} if case.selection else {}),
        },
        "patient_from_leksell": case.patient_from_leksell.matrix.tolist(),
        "unit": plan.unit_name,
        "calibration_dose_rate_gy_per_min": plan.calibration_dose_rate_gy_per_min,
        "treatment_date": day.isoformat() if day else None,
        "transit": plan.transit,
        "depth": plan.depth,
        "prescriptions": [
            {"target": p.target, "dose_gy": p.dose_gy, "isodose": _isodose(p)}
            for p in case.prescriptions
        ],
        "limits": [limit_table(limit) for limit in case.limits],
        "shots": [shot_table(s) for s in plan.shots],
        "metrics": metrics_table(plan.metrics) if plan.metrics else None,
        "certificate": certificate_table(plan.certificate, plan.shots),
        "provenance": dict(plan.provenance),
        **({"history": _history_table(plan.history)} if plan.history != History() else {}),
    }


def _selection_table(selection: Selection) -> dict[str, Any]:
    """What the rest of the plan does not say of it."""
    keys = ("series", "structures", "surface", "threshold", "bridge_mm")
    return {key: getattr(selection, key) for key in keys}


def _history_table(history: History) -> dict[str, Any]:
    """Steps name their shots by number in one list: most edits change one shot of many."""
    steps = (*history.past, *history.future)
    every = list(dict.fromkeys(shot for step in steps for shot in step.shots))
    number = {shot: n for n, shot in enumerate(every, start=1)}

    def tables(some: tuple[Step, ...]) -> list[dict[str, Any]]:
        return [{"what": s.what, "shots": [number[shot] for shot in s.shots]} for s in some]

    return {
        "past": tables(history.past),
        "future": tables(history.future),
        "shots": [shot_table(shot) for shot in every],
    }


def certificate_table(
    certificate: Certificate | None, shots: Sequence[Shot]
) -> dict[str, Any] | None:
    """The certificate, its gaps, and a digest of the shots that it is about."""
    if certificate is None:
        return None
    gaps = {"gap": certificate.gap, "delivered_gap": certificate.delivered_gap}
    return {**asdict(certificate), **gaps, "shots_sha256": _digest(shots)}


def _digest(shots: Sequence[Shot]) -> str:
    return sha256_of(json.dumps([shot_table(shot) for shot in shots]).encode())


def metrics_table(metrics: PlanMetrics) -> dict[str, Any]:
    """The metrics as plan.json holds them; the plain numbers are those of all targets."""
    return {
        **_indices(metrics.overall),
        "max_dose_point_mm": list(metrics.max_dose_point_mm),
        "beam_on_time_min": metrics.beam_on_time_min,
        "n_shots": metrics.n_shots,
        "n_isocenters": metrics.n_isocenters,
        "v12gy_cc": metrics.v12gy_cc,
        "targets": {name: _indices(i) for name, i in metrics.targets.items()},
        "structures": {name: asdict(s) for name, s in metrics.structures.items()},
        "limits": [
            {**limit_table(r.limit), "got_gy": r.dose_gy, "met": r.met} for r in metrics.limits
        ],
    }


def _indices(indices: PlanIndices) -> dict[str, float | None]:
    return asdict(indices)


def _isodose(prescription: Prescription) -> float | list[float]:
    low, high = prescription.isodose
    return low if low == high else [low, high]


def read_plan(path: Path) -> Plan:
    """The plan in a plan.json, or in a DICOM folder that gkplan wrote.

    A plan may be written by hand: `case`, `unit`, `shots` are needed, the rest has defaults. The
    optional `history` holds what undo and redo need.

    Raises
    ------
    PlanError
        Naming the file, the key, what was found and what was expected.
    """
    if path.is_dir() and not (path / "plan.json").is_file():
        from gkplan.dicom import read_plan as read_dicom_plan

        return read_dicom_plan(path)
    path = path / "plan.json" if path.is_dir() else path
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanError(f"{path}: cannot read the plan: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise PlanError(
            f"{path}: not valid JSON at line {error.lineno}: {error.msg}; is the file complete?"
        ) from error
    except UnicodeDecodeError as error:
        raise PlanError(f"{path}: not a plan file: {error}") from error
    if not isinstance(table, dict) or table.get("schema") != SCHEMA:
        got = table.get("schema") if isinstance(table, dict) else type(table).__name__
        raise PlanError(f"{path}: schema: expected {SCHEMA!r}, got {got!r}")
    try:
        return _plan(table, path.parent)
    except KeyError as error:
        raise PlanError(f"{path}: missing key {error}") from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise PlanError(f"{path}: {error}") from error
    except GkplanError as error:
        raise type(error)(f"{path}: {error}") from error


def _certificate(table: Mapping[str, Any] | None, shots: Sequence[Shot]) -> Certificate | None:
    """The certificate in a plan, unless somebody has changed the shots since."""
    if table is None or table["shots_sha256"] != _digest(shots):
        return None
    return Certificate(**{field.name: table[field.name] for field in fields(Certificate)})


def _plan(table: Mapping[str, Any], folder: Path) -> Plan:
    shots = tuple(read_shot(s, n) for n, s in enumerate(table["shots"], start=1))
    unit_name = str(table.get("unit", "perfexion"))
    day = table.get("treatment_date")
    return Plan(
        case=_case(table, folder),
        unit=load_unit(unit_name),
        unit_name=unit_name,
        shots=shots,
        calibration_dose_rate_gy_per_min=float(
            table.get("calibration_dose_rate_gy_per_min", DEFAULT_RATE_GY_PER_MIN)
        ),
        treatment_date=datetime.date.fromisoformat(day) if day else None,
        transit=_flag(table, "transit"),
        depth=depth_rule(table.get("depth", "geometric")),
        certificate=_certificate(table.get("certificate"), shots),
        provenance=dict(table.get("provenance") or {}),
        history=_history(table.get("history") or {}),
    )


def _history(table: Mapping[str, Any]) -> History:
    """The inverse of `_history_table`."""
    try:
        every = [read_shot(s, n) for n, s in enumerate(table.get("shots", []), start=1)]

        def steps(key: str) -> tuple[Step, ...]:
            return tuple(
                Step(str(s["what"]), tuple(every[_counted(n, len(every))] for n in s["shots"]))
                for s in table.get(key, [])[-MOST_STEPS:]
            )

        return History(steps("past"), steps("future"))
    except KeyError as error:
        raise PlanError(f"history: missing key {error}") from error
    except (TypeError, ValueError, AttributeError, GkplanError) as error:
        raise PlanError(f'history: {error}; without the key "history" the plan opens') from error


def _counted(number: object, count: int) -> int:
    if type(number) is not int or not 1 <= number <= count:
        raise ValueError(f"shots: expected numbers from 1 to {count}, got {number!r}")
    return number - 1


def _flag(table: Mapping[str, Any], key: str) -> bool:
    value = table.get(key, False)
    if not isinstance(value, bool):
        raise ValueError(f"{key}: expected true or false, got {value!r}")
    return value


def _case(table: Mapping[str, Any], folder: Path) -> Case:
    reference = table["case"]
    path = str(reference["path"])
    if not Path(path).is_absolute() and (folder / path).exists():
        path = str(folder / path)
    matrix = table.get("patient_from_leksell")
    transform = RigidTransform.from_matrix(matrix, Frame.LEKSELL, Frame.PATIENT) if matrix else None
    kind = reference.get("kind", "phantom")
    head = reference.get("head") if kind == "contours" else None
    selection = None
    if (chosen := reference.get("selection")) is not None:
        meant = tuple(_prescription(entry) for entry in table.get("prescriptions") or [])
        selection = Selection(meant, tuple(reference.get("oars", ())), **chosen)
    case = load_case(path, head, transform, selection)
    stated = reference.get("sha256")
    if stated and stated != case.sha256:
        raise PlanError(f"case {path} has changed since the plan was made (sha256 differs)")
    if transform is not None:
        case = replace(case, patient_from_leksell=transform)
    if prescriptions := table.get("prescriptions"):
        case = replace(case, prescriptions=tuple(_prescription(p) for p in prescriptions))
        for prescription in case.prescriptions:
            case.structure(prescription.target)
        for target in case.targets:
            case.prescription(target.name)
    if "limits" in table:
        limits = [parse_limit(entry, f"limit {n}") for n, entry in enumerate(table["limits"], 1)]
        case = check_limits(replace(case, limits=tuple(limits)))
    return case


def _prescription(entry: Mapping[str, Any]) -> Prescription:
    isodose = entry.get("isodose")
    low, high = FREE_ISODOSE
    if isodose is not None:
        pair = isodose if isinstance(isodose, list) else [isodose, isodose]
        low, high = (float(v) for v in pair)
    return Prescription(str(entry["target"]), float(entry["dose_gy"]), (low, high))
