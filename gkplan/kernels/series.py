"""A beam about a place on it: what changes along it, as cubic polynomials in the distance.

What that leaves grows as the fourth power of the cell's radius over the distance of the virtual
source: of the beam's dose 1e-5 at 10 mm and 8e-5 at 17 mm, for 400 mm. Kernels of other files call
these: after a change here, clear numba's cache.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, fastmath=True, error_model="numpy")
def attenuated(mu, depth, extra, per_mm, cut, decay):  # type: ignore[no-untyped-def]
    """What the matter before a place leaves of a beam, and how fast that grows toward the source.

    `depth` is that below the surface, `extra` is added to it and grows by `per_mm` toward the
    source. Above the surface, if it does not `cut` the cell, nothing weakens the beam. `decay` holds
    the polynomial that stands for exp(-s) over the depths in question.
    """
    zero = np.float32(0.0)
    s = mu * (depth + extra) if cut else mu * max(max(depth, zero) + extra, zero)
    rise = (mu if cut or depth > zero else zero) - mu * per_mm
    fall = decay[5] + s * decay[6]
    fall = decay[0] + s * (decay[1] + s * (decay[2] + s * (decay[3] + s * (decay[4] + s * fall))))
    return fall, rise


@njit(cache=True, fastmath=True, error_model="numpy")
def along(a, per, rise, amplitude):  # type: ignore[no-untyped-def]
    """Coefficients at a distance w from the place, toward the source.

    The place is at `a` from the focus, ``1 / per`` the distance of the virtual source from it. The
    first four are of the square of the magnification, the others of `amplitude` with the inverse
    square and the attenuation, which grows as exp(rise w).
    """
    one, two, three, six = np.float32(1.0), np.float32(2.0), np.float32(3.0), np.float32(6.0)
    magnify = one / (one - a * per)
    m2, q = magnify * magnify, magnify * per
    # Taylor series of 1 / (1 - q w)^2, and of that times exp(rise w).
    bend, growth = two * q * q, rise + two * q
    second = (growth * growth + bend) / two
    third = (growth * (growth * growth + three * bend) + two * q * bend) / six
    a0 = amplitude * m2
    return (
        (m2, m2 * two * q, m2 * three * q * q, m2 * two * bend * q),
        (a0, a0 * growth, a0 * second, a0 * third),
    )


@njit
def shaded(s):  # type: ignore[no-untyped-def]
    """exp(-s) of the little that a cell's own surface makes."""
    one, second, third = np.float32(1.0), np.float32(1 / 2), np.float32(1 / 6)
    return one - s * (one - s * (second - s * third))
