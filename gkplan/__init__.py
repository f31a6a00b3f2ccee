"""Open-source Gamma Knife radiosurgery. For research and education only.

Names are loaded when they are first used, so that ``import gkplan`` needs neither numba nor
pydicom.
"""

from __future__ import annotations

from importlib import import_module

__version__ = "0.1.0"

_PUBLIC = {
    "Aim": "gkplan.planner",
    "Case": "gkplan.case",
    "Frame": "gkplan.frames",
    "Grid": "gkplan.grid",
    "Limit": "gkplan.prescription",
    "MonteCarlo": "gkplan.dose.montecarlo",
    "Plan": "gkplan.plan",
    "Prescription": "gkplan.prescription",
    "RadiationUnit": "gkplan.unit",
    "ReferenceEngine": "gkplan.dose",
    "RigidTransform": "gkplan.frames",
    "Schedule": "gkplan.metrics.bed",
    "SetupUncertainty": "gkplan.metrics.setup",
    "Session": "gkplan.forward",
    "Shot": "gkplan.shot",
    "TmrEngine": "gkplan.dose",
    "Volume": "gkplan.grid",
    "Workbench": "gkplan.planner",
    "aim_named": "gkplan.planner",
    "dose_volume": "gkplan.workflow",
    "engine_of": "gkplan.workflow",
    "evaluate": "gkplan.metrics.evaluate",
    "judge": "gkplan.workflow",
    "judge_bed": "gkplan.workflow",
    "judge_robustness": "gkplan.workflow",
    "load_case": "gkplan.load",
    "load_tissue": "gkplan.metrics.repair",
    "load_unit": "gkplan.unit",
    "make_pareto": "gkplan.workflow",
    "make_plan": "gkplan.workflow",
    "new_plan": "gkplan.forward",
    "on_montecarlo": "gkplan.simulate",
    "prescribed": "gkplan.workflow",
    "read_plan": "gkplan.planfile",
    "show_plan": "gkplan.workflow",
    "write_all": "gkplan.workflow",
    "write_plan": "gkplan.planfile",
}

__all__ = sorted([*_PUBLIC, "__version__"])  # noqa: PLE0605


def __getattr__(name: str) -> object:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'gkplan' has no attribute {name!r}")
