"""From axial images to the place of the stereotactic frame in them, or one sentence why not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkplan.errors import FrameError
from gkplan.frames import Array, Frame, RigidTransform
from gkplan.localizer.blobs import find_spots
from gkplan.localizer.box import Box, box_names, load_box
from gkplan.localizer.fit import fitted, residuals, rods_at, stretched_fit
from gkplan.localizer.judge import check_box, check_fit, check_match, notes_on
from gkplan.localizer.lines import Line, find_lines
from gkplan.localizer.match import Match, best_match
from gkplan.localizer.measure import Sightings, measured
from gkplan.localizer.result import Limits, Localisation, RodSight, SliceError
from gkplan.localizer.slices import AxialSlices

# Nearer to its ends, or to another rod, a spot is not the rod's alone.
_END_MM, _APART_MM = 4.0, 9.0


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The pose of one box, all sightings, which of them it rests on, where they were expected.

    `away_mm` (n,) are the distances of the sightings from where the pose has the rods, and
    `stretch` (3, 3) what the images are stretched by, if that was fitted.
    """

    box: Box
    pose: RigidTransform
    seen: Sightings
    used: NDArray[np.bool_]
    expected: Sightings
    away_mm: Array
    stretch: Array

    @property
    def mean_mm(self) -> float:
        return float(self.away_mm[self.used].mean())

    @property
    def max_mm(self) -> float:
        return float(self.away_mm[self.used].max())


def localise(
    slices: AxialSlices,
    box_name: str | None = None,
    limits: Limits | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Localisation:
    """The Leksell frame in axial images that show its indicator box.

    Parameters
    ----------
    slices : CT or MR, patient frame
    box_name : version of the box (see `box_names`); found out if not given
    limits : fiducial errors above which the result is refused
    report : told what is being done

    Raises
    ------
    FrameError
        If no box is found, the images are mirrored or upside down, a plate or too many rods are
        missing, a rod lies where it should not, the box is another one than `box_name`, or the
        errors exceed `limits`.

    Notes
    -----
    Bright spots of all slices are joined to straight lines; the pose that explains most lines as
    rods is found without assuming any orientation; the rods' middles are then measured slice by
    slice, and the rigid transform with the least squares of their distances within the slices
    is taken, spots beyond four standard deviations left out. For MR it is the rigid part of a fit
    that lets the images be stretched a little (see `stretched_fit`); errors are those of the
    rigid part, so that distortion shows in them.
    """
    report("looking for fiducials")
    lines = find_lines(find_spots(slices), slices.z_mm)
    report("matching them with the box")
    names = box_names()
    span = (float(slices.z_mm[0]), float(slices.z_mm[-1]))
    # The boxes differ by millimetres: any of them shows which line is which rod.
    first = load_box(box_name or names[0])
    match = check_match(
        best_match(lines, first, span, mirrored=False),
        best_match(lines, first, span, mirrored=True),
        first,
    )
    report("measuring fiducials")
    rough = _rough(lines, match, first)
    expected = _expected(slices, lines, match, first, rough)
    seen = measured(slices, expected)
    is_mr = slices.modality == "MR"
    fits = {name: _fit(load_box(name), seen, expected, rough, is_mr) for name in names}
    best = fits[box_name or min(fits, key=lambda name: fits[name].mean_mm)]
    limits = limits or Limits()
    check_box({name: fit.mean_mm for name, fit in fits.items()}, box_name, limits.mean_mm)
    found = _result(best, slices)
    check_fit(found, limits)
    return found


def _rough(lines: Sequence[Line], match: Match, box: Box) -> RigidTransform:
    """The pose through the spots of the matched lines."""
    start = RigidTransform(match.rotation, match.translation, Frame.LEKSELL, Frame.PATIENT)
    parts = [(rod, lines[n].points) for rod, n in enumerate(match.line_of_rod) if n >= 0]
    points = np.concatenate([p for _, p in parts])
    rod = np.concatenate([np.full(len(p), r) for r, p in parts])
    pose, _ = fitted(box, Sightings(points, rod, np.zeros(len(rod), dtype=np.int64)), start)
    return pose


def _expected(
    slices: AxialSlices, lines: Sequence[Line], match: Match, box: Box, pose: RigidTransform
) -> Sightings:
    """Where each rod should be seen in each slice: on its line, or where the pose has it."""
    z = slices.z_mm
    ends = pose(box.starts)[:, 2], pose(box.starts + box.directions * box.lengths[:, None])[:, 2]
    low, high = np.minimum(*ends) + _END_MM, np.maximum(*ends) - _END_MM
    count = len(box.rods)
    where = np.empty((count, len(z), 2))
    for n, line in enumerate(match.line_of_rod):
        by_pose = rods_at(box, pose, np.full(len(z), n), z)
        where[n] = by_pose if line < 0 else lines[line].at(z)
    apart = np.linalg.norm(where[:, None] - where[None, :], axis=-1)
    alone = (apart + 1e9 * np.eye(count)[:, :, None]).min(axis=1) > _APART_MM
    rod, k = np.nonzero(alone & (z >= low[:, None]) & (z <= high[:, None]))
    points = np.column_stack([where[rod, k], z[k]])
    return Sightings(points, rod, k)


def _fit(
    box: Box, seen: Sightings, expected: Sightings, rough: RigidTransform, stretched: bool
) -> Fit:
    if len(seen) < 3 * len(box.rods):
        raise FrameError(
            f"the rods of the indicator box are seen {len(seen)} times in all slices, expected at "
            f"least {3 * len(box.rods)}: does the series cover the box?"
        )
    pose, used = fitted(box, seen, rough)
    stretch = np.zeros((3, 3))
    if stretched:
        pose, stretch = stretched_fit(box, seen.only(used), pose)
    away = np.hypot(*residuals(box, pose, seen).T)
    return Fit(box, pose, seen, used, expected, away, stretch)


def _result(fit: Fit, slices: AxialSlices) -> Localisation:
    used = fit.seen.only(fit.used)
    away = fit.away_mm[fit.used]
    by_slice = []
    for k in np.unique(used.slice_number):
        here = away[used.slice_number == k]
        z = float(slices.z_mm[k])
        by_slice.append(SliceError(z, len(here), float(here.mean()), float(here.max())))
    rods = []
    for number, rod in enumerate(fit.box.rods):
        mine = fit.seen.rod == number
        offset = float(np.median(fit.away_mm[mine])) if mine.any() else None
        n_expected = int((fit.expected.rod == number).sum())
        rods.append(RodSight(rod.name, int(mine.sum()), n_expected, offset))
    return Localisation(
        fit.box,
        fit.pose.inverse,
        tuple(by_slice),
        tuple(rods),
        fit.mean_mm,
        fit.max_mm,
        int(fit.used.sum()),
        int((~fit.used).sum()),
        float(np.abs(np.linalg.eigvalsh(fit.stretch)).max()),
        notes_on(rods),
    )
