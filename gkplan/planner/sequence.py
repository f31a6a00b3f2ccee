"""From sector times to shots that the machine can deliver."""

from __future__ import annotations

import itertools

import numpy as np

from gkplan.frames import Array
from gkplan.shot import BLOCKED
from gkplan.unit import RadiationUnit

State = tuple[int, ...]


def composite_states(times: Array, unit: RadiationUnit) -> list[tuple[State, float]]:
    """Sector states and minutes that give one isocentre its times (n_sectors, n_collimators).

    Every sector runs its collimators from the largest to the smallest, then is blocked; cutting
    all sectors at every change keeps the beam-on time at that of the longest sector.
    """
    sizes = unit.collimator_sizes_mm
    order = np.argsort(sizes)[::-1]
    ends = np.cumsum(times[:, order], axis=1)
    cuts = np.unique(np.round(np.concatenate([[0.0], ends.ravel()]), 6))
    states = []
    for start, stop in itertools.pairwise(cuts):
        middle = (start + stop) / 2
        place = (ends <= middle).sum(axis=1)
        state = tuple(int(sizes[order[k]]) if k < len(sizes) else BLOCKED for k in place)
        if any(state):
            states.append((state, float(stop - start)))
    return _merge_short(states, unit)


def minimum_time(state: State, unit: RadiationUnit) -> float:
    """The shortest time (min) of a shot with this state."""
    return max(unit.collimator(size).minimum_time_min for size in set(state) - {BLOCKED})


def _merge_short(
    states: list[tuple[State, float]], unit: RadiationUnit
) -> list[tuple[State, float]]:
    """Give the time of each too short piece to its longer neighbour."""
    states = list(states)
    while len(states) > 1:
        n = min(range(len(states)), key=lambda k: states[k][1] - minimum_time(states[k][0], unit))
        state, minutes = states[n]
        if minutes >= minimum_time(state, unit):
            break
        near = [k for k in (n - 1, n + 1) if 0 <= k < len(states)]
        to = max(near, key=lambda k: states[k][1])
        states[to] = (states[to][0], states[to][1] + minutes)
        del states[n]
    return states
