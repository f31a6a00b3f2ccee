"""Plans of one case beside each other, or one plan by several engines."""

from __future__ import annotations

from collections.abc import Sequence

from gkplan.check.engines import ByEngine, EngineGamma
from gkplan.metrics.model import PlanMetrics
from gkplan.report.table import summary_rows
from gkplan.workflow import Planned

GAMMA_COLUMNS = ("Gamma of", "at the voxels of", "Criterion", "Passed", "Mean", "Largest")


def compared_rows(*plans: Planned) -> list[tuple[str, ...]]:
    """What a plan is judged by, and its value in each of several plans of one case.

    The rows are those of `summary_rows` that all plans have.
    """
    first, *others = (dict(summary_rows(p.plan, p.evaluation, None)) for p in plans)
    return [
        (name, value, *(other[name] for other in others))
        for name, value in first.items()
        if all(name in other for other in others)
    ]


def difference_rows(judged: Sequence[ByEngine]) -> list[tuple[str, ...]]:
    """Doses and volumes by the first engine, and by how much the others differ from it, in %."""
    first, *others = (_numbers(j.planned.evaluation.metrics) for j in judged)
    return [
        (name, f"{value:.3g}", *(_percent(value, other[name]) for other in others))
        for name, value in first.items()
    ]


def gamma_rows(gammas: Sequence[EngineGamma]) -> list[tuple[str, ...]]:
    """One row a gamma, with `GAMMA_COLUMNS`."""
    return [
        (
            g.engine,
            g.reference,
            str(g.check.criterion),
            f"{100 * g.check.pass_rate:.2f} % of {g.check.n_voxels}",
            f"{g.check.mean:.2f}",
            f"{g.check.largest:.2f}",
        )
        for g in gammas
    ]


def noise_text(judged: Sequence[ByEngine]) -> str:
    """What noise does to the comparison; nothing without Monte Carlo."""
    sigma = next((j.uncertainty for j in judged if j.uncertainty is not None), None)
    if sigma is None:
        return ""
    return (
        f"montecarlo is known to {100 * sigma:.2g} % (one sigma, voxels above half the maximum): "
        f"its maximum is too high by two or three times that, and gamma, of which it is the "
        f"reference, is pessimistic. There is no claim inside air."
    )


def _numbers(metrics: PlanMetrics) -> dict[str, float]:
    numbers = {"V12 Gy, cm3": metrics.v12gy_cc}
    for name, dose in metrics.structures.items():
        numbers[f"{name}: mean, Gy"] = dose.mean_gy
        numbers[f"{name}: D98, Gy"] = dose.d98_gy
        numbers[f"{name}: D50, Gy"] = dose.d50_gy
        numbers[f"{name}: D2, Gy"] = dose.d2_gy
        numbers[f"{name}: D0.035cc, Gy"] = dose.d0_035cc_gy
    return numbers


def _percent(first: float, other: float) -> str:
    return f"{100 * (other - first) / first:+.1f} %" if first else f"{other:.3g}"
