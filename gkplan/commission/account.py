"""The account of a fit as text: what it leaves, what it knows, and what it does not."""

from __future__ import annotations

from collections.abc import Mapping

from gkplan.commission.agreement import Agreement
from gkplan.commission.fit import CollimatorFit, Fit
from gkplan.commission.parameters import N_RINGS, NAMES_OF_RINGS

_COLUMNS = (
    ("elevation, deg", 2),
    ("virtual distance, mm", 1),
    ("width", 3),
    ("edge", 2),
    ("aim, mm", 3),
    ("weight", 3),
)
_CORRELATED = 0.8


def account(fit: Fit, predicted: Mapping[str, Agreement]) -> str:
    """Residuals, uncertainties, what the data do not determine, and the profiles left out."""
    lines = [f"{'':10s}{'largest':>9s}  {'beyond 0.1 mm':>13s}"]
    if predicted:
        lines = [f"{'':38s}predicted when left out", lines[0] + lines[0][9:]]
    for collimator in fit.collimators:
        for name, fitted in collimator.agreement.items():
            row = f"{name:10s}" + _both(fitted)
            if name in predicted:
                row += " " + _both(predicted[name])
            lines.append(row)
    if predicted:
        lines.append(
            f"Every prediction starts from {fit.start}; it means what it says if the profile left "
            f"out was not used for that."
        )
    lines += [
        "",
        "Uncertainties: one standard deviation, counting 1 % of the maximum for each point, and "
        "with what was thought possible before.",
        "?: not determined, the profiles and what is expected of a beam (its aperture, blurred, in",
        "water) leave more than half of that. Columns other than the",
        "elevations are a slope and a bow over the rings: correlations within them are not listed.",
    ]
    for collimator in fit.collimators:
        lines += ["", *_rings_of(collimator)]
    return "\n".join(lines) + "\n"


def _both(agreement: Agreement) -> str:
    return f"{100 * agreement.largest:7.2f} %  {100 * agreement.beyond_shift:11.2f} %"


def _rings_of(fit: CollimatorFit) -> list[str]:
    """A row a ring: values and standard uncertainties; and what hangs together."""
    lines = [f"{fit.size_mm:2d} mm ring  " + "".join(f"{name:>23s}" for name, _ in _COLUMNS)]
    values = fit.rings.flat()
    for ring in range(N_RINGS):
        row = f"   {ring + 1:7d}  "
        for column, (_, digits) in enumerate(_COLUMNS):
            k = column * N_RINGS + ring
            mark = " " if fit.determined[k] else "?"
            text = f"{values[k]:.{digits}f} +- {fit.sigma[k]:.{digits}f}"
            row += f"{text:>22s}{mark}"
        lines.append(row.rstrip())
    mark = "" if fit.determined[-1] else " ?"
    lines.append(f"   attenuation {values[-1]:.5f} +- {fit.sigma[-1]:.5f} /mm{mark}")
    lines += [
        f"   correlated: {NAMES_OF_RINGS[i]} and {NAMES_OF_RINGS[j]} ({fit.correlation[i, j]:+.2f})"
        for i in range(len(values))
        for j in range(i)
        if abs(fit.correlation[i, j]) > _CORRELATED
        and (i < N_RINGS or i // N_RINGS != j // N_RINGS)
    ]
    return lines
