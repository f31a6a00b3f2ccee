"""How far a plan can be from the best."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Certificate:
    """Scores of a plan (the planner's, smaller is better) and what bounds them.

    Attributes
    ----------
    bound : no shots at the candidate isocentres score less, whatever their number and times
    optimum : score of the linear programme's solution
    delivered : of the shots that are left, with their times before the scaling
    rescaled : of the shots as they are, scaled so that with transit the coverage is met
        by the dose that the planner saw
    isocenters : candidates that the bound holds for, all sector states of each
    points : where the score is evaluated
    """

    bound: float
    optimum: float
    delivered: float
    rescaled: float
    isocenters: int
    points: int

    @property
    def gap(self) -> float:
        """Of the linear programme: (optimum - bound) / optimum."""
        return (self.optimum - self.bound) / abs(self.optimum)

    @property
    def delivered_gap(self) -> float:
        """Of the shots, before scaling and transit: (delivered - bound) / bound."""
        return (self.delivered - self.bound) / abs(self.bound)
