"""Sums of Legendre polynomials, for angular distributions."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True)
def legendre_sums(
    coefficients: NDArray[np.float64], cosines: NDArray[np.float64]
) -> NDArray[np.float64]:
    """``sum_l c[l] P_l(mu)`` of every cosine, by the upward recurrence."""
    sums = np.empty(len(cosines))
    for n in range(len(cosines)):
        mu = cosines[n]
        before, here, total = 0.0, 1.0, 0.0
        for degree in range(len(coefficients)):
            total += coefficients[degree] * here
            before, here = here, ((2 * degree + 1) * mu * here - degree * before) / (degree + 1)
        sums[n] = total
    return sums


@numba.njit(cache=True)
def legendre_moments(
    weights: NDArray[np.float64], cosines: NDArray[np.float64], most: int
) -> NDArray[np.float64]:
    """``sum_n w[n] (1 - P_l(mu_n))`` of every degree l below `most`."""
    moments = np.zeros(most)
    for n in range(len(cosines)):
        mu = cosines[n]
        before, here = 0.0, 1.0
        for degree in range(most):
            moments[degree] += weights[n] * (1.0 - here)
            before, here = here, ((2 * degree + 1) * mu * here - degree * before) / (degree + 1)
    return moments
