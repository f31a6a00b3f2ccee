"""What the fast kernels are measured against: the plain loop, and the machine's own limits."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

PROFILE_STEP_MM = 0.02


@njit(cache=True, parallel=True)
def plain_dose(points, focus, u, surface, v, mu, output, profile, depth, tables, out):  # type: ignore[no-untyped-def]
    """Dose at points (n, 3) as one writes it first: float64, exp, profile linear in rho."""
    for p in prange(points.shape[0]):
        total = 0.0
        for b in range(output.size):
            x = points[p, 0] - focus[b, 0]
            y = points[p, 1] - focus[b, 1]
            z = points[p, 2] - focus[b, 2]
            a = x * u[b, 0] + y * u[b, 1] + z * u[b, 2]
            magnify = v[b] / (v[b] - a)
            rho = np.sqrt(max(x * x + y * y + z * z - a * a, 0.0)) * magnify / PROFILE_STEP_MM
            k = min(int(rho), tables.shape[1] - 2)
            low, high = tables[profile[b], k], tables[profile[b], k + 1]
            deep = max(surface[b] - a, 0.0)
            fall = np.exp(-mu[b] * (deep - depth)) * magnify * magnify
            total += output[b] * fall * (low + (rho - k) * (high - low))
        out[p] = total


@njit(cache=True, parallel=True, fastmath=True, error_model="numpy")
def multiply_add(tasks, rounds, out):  # type: ignore[no-untyped-def]
    """Float32 multiply-adds, 2 x 256 x `rounds` operations a task, in registers."""
    for task in prange(tasks):
        sums = np.zeros(256, np.float32)
        factor, step = np.float32(0.999), np.float32(0.001 * (task + 1))
        for _ in range(rounds):
            for i in range(256):
                sums[i] = sums[i] * factor + step
        out[task] = sums.sum()


@njit(cache=True, parallel=True, fastmath=True, error_model="numpy")
def look_up(tasks, rounds, index, table, out):  # type: ignore[no-untyped-def]
    """Sums of `table` entries at `index`, `rounds` times over it a task."""
    mask = np.int32(table.size - 1)  # a power of two: tells the compiler: not negative
    for task in prange(tasks):
        total = np.float32(0.0)
        for _ in range(rounds):
            for i in range(index.size):
                total += table[index[i] & mask]
        out[task] = total


@njit(cache=True, parallel=True, fastmath=True, error_model="numpy")
def triad(a, b, c):  # type: ignore[no-untyped-def]
    """``a = b + 3 c`` on arrays that no cache holds."""
    for i in prange(a.size):
        a[i] = b[i] + np.float32(3.0) * c[i]
