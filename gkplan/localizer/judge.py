"""What makes a localisation wrong: each fault is one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gkplan.errors import FrameError
from gkplan.frames import RigidTransform, patient_from_leksell
from gkplan.localizer.box import Box
from gkplan.localizer.match import Match
from gkplan.localizer.result import Limits, Localisation, RodSight

# Of nine; what a box with three rods missing reaches.
_LOWEST_SCORE = 5.0
# A mirrored box loses one rod of nine at least; half of it may be broken.
_MIRROR_GAIN = 0.35
# A rod seen in fewer of its slices is broken, or missing.
_WHOLE, _SEEN = 0.8, 0.5
_FEWEST_RODS = 7
_MOST_TURN_DEG = 45.0
_MOST_STRETCH = 0.01
# Another box explains the rods clearly better when its mean error is this much of the other's.
_CLEARLY = 0.67


def check_match(plain: Match | None, mirrored: Match | None, box: Box) -> Match:
    """The match of the box itself.

    Raises
    ------
    FrameError
        If neither it nor its mirror image is found, or the mirror image explains more.
    """
    score = plain.score if plain else 0.0
    other = mirrored.score if mirrored else 0.0
    if max(score, other) < _LOWEST_SCORE:
        raise FrameError(
            f"no indicator box in these images: at most {max(score, other):.1f} of "
            f"{len(box.rods)} rods found; expected axial images that show the box's three plates"
        )
    if plain is None or other > score + _MIRROR_GAIN:
        raise FrameError(
            f"the images are mirrored: the mirror image of the indicator box explains {other:.1f} "
            f"of {len(box.rods)} rods, the box itself {score:.1f}; check the orientation and the "
            f"order of the slices in their headers"
        )
    return plain


def check_fit(found: Localisation, limits: Limits) -> None:
    """Refuse a frame that is turned too far, has too few rods, or fits badly.

    Raises
    ------
    FrameError
        Saying which rods are missing or displaced, or the errors and their limits.
    """
    turned = _turn_deg(found.leksell_from_patient)
    if turned > _MOST_TURN_DEG:
        raise FrameError(
            f"the frame is turned by {turned:.0f} degrees against the patient's axes, expected at "
            f"most {_MOST_TURN_DEG:g}: check the patient position and orientation in the headers"
        )
    missing = [rod.name for rod in found.rods if not _is_seen(rod)]
    if len(found.rods) - len(missing) < _FEWEST_RODS:
        raise FrameError(
            f"{len(missing)} of {len(found.rods)} rods are not seen ({'; '.join(missing)}); "
            f"expected at least {_FEWEST_RODS}"
        )
    displaced = [
        f"{rod.name}: {rod.offset_mm:.1f} mm"
        for rod in found.rods
        if rod.offset_mm is not None and rod.n_seen > 0 and rod.offset_mm > limits.max_mm
    ]
    if displaced:
        raise FrameError(
            f"rods are not where the box {found.box.name} has them ({'; '.join(displaced)}, limit "
            f"{limits.max_mm:g} mm): is a plate displaced, or the box another one?"
        )
    if found.stretch > _MOST_STRETCH:
        raise FrameError(
            f"the images are stretched by {100 * found.stretch:.1f} %, expected at most "
            f"{100 * _MOST_STRETCH:g} %: are they distorted, or the box another one?"
        )
    if found.mean_mm > limits.mean_mm or found.max_mm > limits.max_mm:
        raise FrameError(
            f"the fiducial error is {found.mean_mm:.2f} mm on average and {found.max_mm:.2f} mm at "
            f"most with the box {found.box.name}; limits are {limits.mean_mm:g} and "
            f"{limits.max_mm:g} mm: are the images distorted, or the box another one?"
        )


def check_box(mean_mm: Mapping[str, float], wanted: str | None, limit_mm: float) -> None:
    """Refuse a box that another one beats clearly, or that cannot be told from another.

    Parameters
    ----------
    mean_mm : mean fiducial error with each box
    wanted : the box that the user named, if any
    limit_mm : a box with a larger error is none to speak of

    Raises
    ------
    FrameError
    """
    best, second = sorted(mean_mm, key=lambda name: mean_mm[name])[:2]
    if mean_mm[best] > limit_mm:
        return
    clear = mean_mm[best] < _CLEARLY * mean_mm[second]
    errors = ", ".join(f"{name} {error:.2f} mm" for name, error in mean_mm.items())
    if wanted not in (None, best) and clear:
        raise FrameError(f"the box is {best}, not {wanted}: mean fiducial errors are {errors}")
    if wanted is None and not clear:
        raise FrameError(
            f"cannot tell which box was used: mean fiducial errors are {errors}; name it with --box"
        )


def notes_on(rods: Sequence[RodSight]) -> tuple[str, ...]:
    """What the user should know of rods that are missing or broken."""
    notes = []
    for rod in rods:
        if rod.n_seen >= _WHOLE * rod.n_expected and rod.n_seen > 0:
            continue
        state = "broken" if _is_seen(rod) else "missing"
        where = f"{rod.name}: {state}, seen in {rod.n_seen} of {rod.n_expected} slices"
        if rod.name == "anterior plate, diagonal rod" and state == "missing":
            where += "; without it images with left and right exchanged cannot be noticed"
        notes.append(where)
    return tuple(notes)


def _is_seen(rod: RodSight) -> bool:
    return rod.n_seen > 0 and rod.n_seen >= _SEEN * rod.n_expected


def _turn_deg(leksell_from_patient: RigidTransform) -> float:
    usual = patient_from_leksell().rotation
    cosine = (np.trace(leksell_from_patient.rotation @ usual) - 1.0) / 2.0
    return float(np.rad2deg(np.arccos(np.clip(cosine, -1.0, 1.0))))
