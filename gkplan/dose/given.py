"""The dose of photons that are given one by one, by Monte Carlo."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor

from gkplan.dose.montecarlo import MonteCarlo, MonteCarloDose, in_gray
from gkplan.grid import Grid
from gkplan.head import Head
from gkplan.montecarlo.geometry import voxels_of
from gkplan.montecarlo.headvoxels import head_grid, matter_on
from gkplan.montecarlo.materials import material_names
from gkplan.montecarlo.pencil import GY_PER_MEV_G
from gkplan.montecarlo.phasespace import GivenPhotons, PhaseSpace
from gkplan.montecarlo.tables import physics_of


def dose_of_given(
    photons: PhaseSpace,
    head: Head,
    grid: Grid,
    how: MonteCarlo | None = None,
    report: Callable[[str], None] = lambda _: None,
    executor: Executor | None = None,
) -> MonteCarloDose:
    """The dose (Gy) that these photons give a head, and its standard error, on a Leksell grid.

    Parameters
    ----------
    photons : all of them: a photon of weight 5 counts for five
    how : accuracy and medium; `rays` is the number of histories in a batch, of which the list is
        drawn again and again. The error does not include the noise of the list itself.

    Raises
    ------
    CaseError
        For a head without densities.
    PlanError
        For a file to resume from that belongs to other work.

    Notes
    -----
    Every interaction as it happens in nature: no replay, and the beams' machine has no part in it.
    """
    how = how or MonteCarlo()
    report("Monte Carlo: preparing the head")
    physics = physics_of(material_names())
    voxels = head_grid(head, how.spacing_mm)
    vox = voxels_of(physics, voxels, *matter_on(head, voxels, how.medium))
    work = GivenPhotons(physics, vox, photons, how.score(grid), how.seed, how.rays)
    tally = how.finished(work, grid, executor, report)
    gy = float(photons.weight.sum()) * GY_PER_MEV_G / grid.voxel_volume_cc
    return in_gray(head, grid, tally, gy)
