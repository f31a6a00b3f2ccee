"""Planning by hand, shot by shot: functions that take a plan and give a new one."""

from gkplan.forward.library import LibraryShot, library_shot, library_shots
from gkplan.forward.new import new_plan
from gkplan.forward.plugs import plug, sources_text, unplug
from gkplan.forward.polish import polish
from gkplan.forward.scaling import normalise
from gkplan.forward.sectors import parse_sectors, sectors_text
from gkplan.forward.session import Session
from gkplan.forward.shots import add, block, change, move, remove, set_weights, weight
from gkplan.forward.step import redo, undo

__all__ = [
    "LibraryShot",
    "Session",
    "add",
    "block",
    "change",
    "library_shot",
    "library_shots",
    "move",
    "new_plan",
    "normalise",
    "parse_sectors",
    "plug",
    "polish",
    "redo",
    "remove",
    "sectors_text",
    "set_weights",
    "sources_text",
    "undo",
    "unplug",
    "weight",
]
