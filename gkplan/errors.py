"""The errors a user can meet: each message says what, where, got, expected and what to do."""

from __future__ import annotations


class GkplanError(Exception):
    """Base of every error that is about the user's data, not about our code."""


class CaseError(GkplanError):
    """A phantom, contour file or DICOM folder that cannot be planned as it is."""


class UnitError(GkplanError):
    """A radiation unit that is unknown, or whose file is not usable."""


class PlanError(GkplanError):
    """A plan, a shot or a prescription that is not valid."""


class TissueError(GkplanError):
    """Repair constants of a tissue that are unknown, or whose file is not usable."""


class FrameError(GkplanError):
    """Images in which the stereotactic frame is not found, or not well enough."""


class OutputError(GkplanError):
    """A place that cannot be written to."""


class StoppedError(GkplanError):
    """Ctrl-C during work that keeps what is finished: the message says where."""


class GkplanWarning(UserWarning):
    """Base of every warning that is about the user's data."""


class CaseWarning(GkplanWarning):
    """Wishes for a case that cannot all be fulfilled."""


class FrameWarning(GkplanWarning):
    """Fiducials of the stereotactic frame that are missing or broken."""


class CheckWarning(GkplanWarning):
    """What a secondary check could not compare, or had to assume."""


class DepthWarning(GkplanWarning):
    """A shot so close to the surface that the dose there is not to be relied on."""


class DeliveryWarning(GkplanWarning):
    """Shots that the unit cannot deliver as they are meant to be."""
