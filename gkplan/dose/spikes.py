"""Rare heavy particles in a Monte Carlo dose: they must not pass for its maximum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gkplan.dose.montecarlo import MonteCarloDose

# Nothing but a few particles gives a voxel so large an error of its own dose.
_OWN_ERROR = 0.3
_SPREAD_MM = 3.0


def without_spikes(result: MonteCarloDose, inside: NDArray[np.bool_]) -> MonteCarloDose:
    """The dose with spikes spread over the voxels around them.

    Parameters
    ----------
    inside : (nk, nj, ni), where the head is; outside there is no dose

    Notes
    -----
    Far from the isocentres few particles are followed, each with a large weight: one of them
    gives its voxel many times the dose there, now and then more than the maximum of the plan. A
    spike is a voxel whose standard error is more than 30 % of its own dose and more than the
    uncertainty of the run times the maximum. Voxels of the beams never are: their error relative
    to their dose, where the dose is as high as that error, is far below 30 %. The dose of
    a spike is spread with a Gaussian of 3 mm, which keeps the mean dose of what lies around it:
    mostly such particles are all of the dose there.
    """
    from scipy.ndimage import gaussian_filter

    dose, error = result.dose_gy, result.error_gy
    top = float((dose - 3.0 * error).max())
    spike = (error > _OWN_ERROR * dose) & (error > result.uncertainty * top) & inside
    if top <= 0.0 or not spike.any():
        return result
    width = [_SPREAD_MM / spacing for spacing in result.grid.spacing_mm[::-1]]
    room = gaussian_filter(inside.astype(np.float64), width, mode="constant")
    excess = np.where(spike, dose / np.maximum(room, 1e-6), 0.0)
    calm = np.where(spike, 0.0, dose) + inside * gaussian_filter(excess, width, mode="constant")
    return replace(result, dose_gy=calm.astype(np.float32))
