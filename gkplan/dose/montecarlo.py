"""`montecarlo`: the dose of all beams by following photons and electrons through the head."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from gkplan.dose.beams import shot_beams
from gkplan.dose.engine import Array32
from gkplan.errors import PlanError
from gkplan.frames import Array, Frame
from gkplan.grid import Grid, Volume
from gkplan.head import Head
from gkplan.montecarlo.effort import effort_of
from gkplan.montecarlo.geometry import score_on, voxels_of
from gkplan.montecarlo.headvoxels import MEDIA, Medium, head_grid, matter_on
from gkplan.montecarlo.materials import material_names
from gkplan.montecarlo.pencil import GY_PER_MEV_G
from gkplan.montecarlo.places import places_of, with_places
from gkplan.montecarlo.problem import Problem, Work
from gkplan.montecarlo.resume import Kept
from gkplan.montecarlo.run import FEWEST_BATCHES, Tally, run
from gkplan.montecarlo.source import beam_source
from gkplan.montecarlo.tables import line_attenuation, physics_of, stopping_ratio
from gkplan.shot import Shot
from gkplan.unit import RadiationUnit

if TYPE_CHECKING:
    from gkplan.kernels.matter import Score

Report = Callable[[str], None]
DoseTo = Literal["medium", "water"]
# Work goes where the dose is high: within so many times the collimator's size of an isocentre, and
# as far as electrons get beyond.
_NEAR_SIZES, _RANGE_MM, _FAR_CHANCE = 0.75, 4.0, 0.2
_PHOTON_SHARE, _LOOKS, _COPIES, _ELECTRON_SHARE = 0.05, 30, 1, 0.3
_TRACKS_A_RAY, _TRACKS_A_BEAM = 320, 8
_POINTS_SPACING_MM = 1.0


@dataclass(frozen=True, slots=True)
class MonteCarlo:
    """How a dose is to be computed.

    Parameters
    ----------
    uncertainty : aim, one sigma where the dose is above half its maximum, as a fraction
    medium : "head": densities of its tissues or image; "water": all of it is water
    dose_to : the medium that is there, or water
    scattered : fraction of the photons that have lost energy in the source and its collimators
    spacing_mm : voxels of the head
    seed : of the random numbers
    rays : in a batch
    most_batches : stop after so many, whatever the uncertainty
    workers : batches at once; all processors if it is 0
    resume : file to which the work so far is saved, and from which it goes on

    Raises
    ------
    PlanError
        For an uncertainty that is not from 0.0001 to 0.5, a medium that is not known, a fraction
        of scattered photons that is not from 0 to 0.5, voxels that are not from 0.25 to 10 mm, no
        rays or no batches.
    """

    uncertainty: float = 0.01
    medium: Medium = "head"
    dose_to: DoseTo = "medium"
    scattered: float = 0.0
    spacing_mm: float = 1.0
    seed: int = 1
    rays: int = 6_000
    most_batches: int = 100_000
    workers: int = 0
    resume: Path | None = None

    def __post_init__(self) -> None:
        if not 1e-4 <= self.uncertainty <= 0.5:
            raise PlanError(
                f"uncertainty: expected a fraction of 0.0001 to 0.5 (0.01 is 1 %), got "
                f"{self.uncertainty:g}"
            )
        if self.medium not in MEDIA:
            raise PlanError(f"medium {self.medium!r}: expected {' or '.join(MEDIA)}")
        if self.dose_to not in ("medium", "water"):
            raise PlanError(f"dose to {self.dose_to!r}: expected medium or water")
        if not 0.0 <= self.scattered <= 0.5:
            raise PlanError(
                f"scattered: expected a fraction of the photons of 0 to 0.5, got {self.scattered:g}"
            )
        if not 0.25 <= self.spacing_mm <= 10.0:
            raise PlanError(f"spacing: expected voxels of 0.25 to 10 mm, got {self.spacing_mm:g}")
        if self.rays < 1 or self.most_batches < 1:
            raise PlanError(
                f"expected at least one ray in a batch and one batch, got {self.rays} rays and "
                f"{self.most_batches} batches"
            )

    def score(self, grid: Grid) -> Score:
        """An empty score on a grid, of the dose to what is asked for."""
        names = material_names()
        return score_on(
            grid, stopping_ratio(names) if self.dose_to == "water" else np.ones(len(names))
        )

    def finished(self, work: Work, grid: Grid, executor: Executor | None, report: Report) -> Tally:
        """Batches of some work, those of an earlier run among them, until it is sure enough.

        Raises
        ------
        PlanError
            For a file to resume from that belongs to other work.
        """
        kept = Kept.of(self.resume, work)
        tally = kept.load(grid.shape)
        workers = self.workers or os.cpu_count() or 1
        if tally.batches < FEWEST_BATCHES or tally.uncertainty() > self.uncertainty:
            aim, most = self.uncertainty, self.most_batches
            run(work, aim, tally, most, executor, report, kept.save, workers)
        kept.finish(tally)
        return tally


@dataclass(frozen=True, slots=True, eq=False)
class MonteCarloDose:
    """What a run came to: dose (Gy) and its standard error (Gy) on a grid.

    Parameters
    ----------
    uncertainty : relative, root mean square where the dose is above half its maximum
    """

    grid: Grid
    dose_gy: Array32
    error_gy: Array32
    uncertainty: float
    batches: int


@dataclass(frozen=True, eq=False)
class MonteCarloEngine:
    """Follows photons and electrons; made for one unit, one head and one rate.

    Parameters
    ----------
    unit, head : the machine and the head it irradiates
    rate_gy_per_min : calibration dose rate on the day of treatment
    transit : whether shots give dose while sectors and couch move
    how : accuracy and medium
    report : told of the progress
    executor : where batches are computed, threads of this process if it is not given

    Notes
    -----
    docs/montecarlo.md. `dose` at points interpolates a grid of 1 mm around them.
    """

    unit: RadiationUnit
    head: Head
    rate_gy_per_min: float
    transit: bool = False
    how: MonteCarlo = field(default_factory=MonteCarlo)
    report: Report = lambda _: None
    executor: Executor | None = None
    name: str = "montecarlo"

    def dose(self, points_mm: Array, shots: Sequence[Shot]) -> Array:
        """Dose (n,) in Gy at Leksell points (n, 3); 0 outside the head."""
        points = np.asarray(points_mm, dtype=np.float64)
        bounds = np.array([points.min(axis=0), points.max(axis=0)])
        grid = Grid.around(bounds, _POINTS_SPACING_MM, Frame.LEKSELL, margin_mm=2.0)
        return self.computed(grid, shots).dose(points, shots)

    def dose_on(self, grid: Grid, shots: Sequence[Shot]) -> Array32:
        """Dose (nk, nj, ni) float32 in Gy at the voxel centres of a Leksell grid."""
        return self.run(grid, shots).dose_gy

    def computed(self, grid: Grid, shots: Sequence[Shot]) -> ComputedDose:
        """The dose on a grid as an engine that answers at once, for these shots only."""
        return ComputedDose(self.run(grid, shots), tuple(shots), self.head)

    def run(self, grid: Grid, shots: Sequence[Shot]) -> MonteCarloDose:
        """Dose and standard error on a grid.

        Raises
        ------
        CaseError
            For a head without densities, see `matter_on`.
        PlanError
            For a file to resume from that belongs to other work.
        """
        self.report("Monte Carlo: preparing the head and the beams")
        problem, gy = self._problem(grid, shots)
        tally = self.how.finished(problem, grid, self.executor, self.report)
        return in_gray(self.head, grid, tally, gy)

    def _problem(self, grid: Grid, shots: Sequence[Shot]) -> tuple[Problem, float]:
        """The work, and the Gy that a MeV cm3/g a ray is in each voxel."""
        names = material_names()
        physics = physics_of(names)
        place = self._head_voxels
        beams = shot_beams(self.unit, self.head, shots, self.rate_gy_per_min, self.transit)
        source, photons = beam_source(self.unit, beams, self.how.scattered)
        vox = voxels_of(physics, place[0], place[1], place[2])
        attenuation = line_attenuation(names, source.energy)
        chance = np.full(vox.density.shape, _FAR_CHANCE, dtype=np.float32)
        effort = effort_of(vox, _PHOTON_SHARE, _LOOKS, _COPIES, _ELECTRON_SHARE, chance)
        slope = float(attenuation[names.index("water"), 0])
        depth = np.maximum(beams.surface_mm, 0.0)
        near = _near(place[0], shots)
        places = places_of(
            vox, near, source, depth, slope, self.how.rays * _TRACKS_A_RAY, _TRACKS_A_BEAM
        )
        effort = with_places(effort, places)
        problem = Problem(
            physics,
            vox,
            source,
            effort,
            places,
            self.how.score(grid),
            attenuation,
            self.how.seed,
            self.how.rays,
        )
        return problem, photons * GY_PER_MEV_G / grid.voxel_volume_cc

    @cached_property
    def _head_voxels(self) -> tuple[Grid, NDArray[np.uint8], Array]:
        grid = head_grid(self.head, self.how.spacing_mm)
        return (grid, *matter_on(self.head, grid, self.how.medium))


def in_gray(head: Head, grid: Grid, tally: Tally, gy: float) -> MonteCarloDose:
    """The dose of a tally; `gy` is what 1 MeV cm3/g a history in a voxel comes to."""
    # Voxels half out of the head hold what their inner half got; outside there is no dose.
    inside = head.on_grid(grid)
    return MonteCarloDose(
        grid,
        np.where(inside, tally.mean * gy, 0.0).astype(np.float32),
        np.where(inside, tally.standard_error * gy, 0.0).astype(np.float32),
        tally.uncertainty(),
        tally.batches,
    )


def _near(grid: Grid, shots: Sequence[Shot]) -> NDArray[np.bool_]:
    """Voxels near an isocentre."""
    near = np.zeros(grid.shape, dtype=np.bool_)
    x, y, z = grid.axes()
    for a, b, c, size in {(*s.isocenter_mm, max(s.sectors)) for s in shots}:
        reach = _NEAR_SIZES * size + _RANGE_MM
        near |= (z[:, None, None] - c) ** 2 + (y[:, None] - b) ** 2 + (x - a) ** 2 < reach**2
    return near


@dataclass(frozen=True, slots=True, eq=False)
class ComputedDose:
    """A dose on a grid as an engine: between voxel centres it is interpolated."""

    result: MonteCarloDose
    shots: tuple[Shot, ...]
    head: Head
    name: str = "montecarlo"

    @property
    def uncertainty(self) -> float:
        return self.result.uncertainty

    def dose(self, points_mm: Array, shots: Sequence[Shot]) -> Array:
        """Dose (n,) in Gy at Leksell points (n, 3); 0 outside the head and beyond the grid.

        Raises
        ------
        ValueError
            For shots other than those that were computed.
        """
        if tuple(shots) != self.shots:
            raise ValueError("the dose was computed for other shots; compute it anew")
        return Volume(self.result.dose_gy, self.result.grid, "dose_gy").at(points_mm)

    def dose_on(self, grid: Grid, shots: Sequence[Shot]) -> Array32:
        """Dose (nk, nj, ni) float32 in Gy at the voxel centres of a grid, interpolated."""
        if grid == self.result.grid and tuple(shots) == self.shots:
            return self.result.dose_gy
        return self.dose(grid.points(), shots).reshape(grid.shape).astype(np.float32)
