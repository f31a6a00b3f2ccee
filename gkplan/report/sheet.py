"""Tables in HTML: the treatment sheet, and one helper for all the others."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from gkplan.plan import Plan
from gkplan.report.palette import collimator_colors
from gkplan.report.text import clock
from gkplan.shot import Shot
from gkplan.unit import RadiationUnit

_DARK = "#ffffff"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A table whose first `words` columns are text and the others numbers; escapes every cell."""
    heads = "".join(
        f'<th scope="col"{_words(n, words)}>{escape(text)}</th>' for n, text in enumerate(columns)
    )
    body = "\n".join(f"<tr>{_cells(row, words)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table class="numbers"><thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def pairs(rows: Sequence[tuple[str, str]], css_class: str) -> str:
    """A table of two columns without a head; a value that ends in "missed" stands out."""
    body = "\n".join(
        f'<tr><th scope="row">{escape(label)}</th><td{_missed(value)}>{escape(value)}</td></tr>'
        for label, value in rows
    )
    return f'<div class="{css_class}"><table><tbody>\n{body}\n</tbody></table></div>'


def treatment_sheet(plan: Plan, focus_rates_gy_per_min: Sequence[float]) -> str:
    """The shots in the order of delivery; a dose rate at the focus for each."""
    opened = _opened_heads(plan.unit)
    heads = [
        '<th scope="col">Shot</th><th scope="col" class="words">Target</th>',
        *(f'<th scope="col">{text}</th>' for text in ("x (mm)", "y (mm)", "z (mm)", "Gamma (°)")),
        *opened,
        *(f'<th scope="col">{text}</th>' for text in ("Minutes", "min:s", "Focus (Gy/min)")),
    ]
    colors = collimator_colors(plan.unit)
    rows = []
    for n, (shot, rate) in enumerate(zip(plan.shots, focus_rates_gy_per_min, strict=True), 1):
        x, y, z = shot.isocenter_mm
        cells = [
            f'<th scope="row">{n}</th><td class="words">{escape(shot.target)}</td>',
            *(f"<td>{c:.1f}</td>" for c in (x, y, z)),
            f"<td>{shot.gamma_angle_deg:g}</td>",
            *(_sector(state, colors[state], plan) for state in shot.sectors),
            *([_plugged(shot)] if shot.has_helmet else []),
            f"<td>{shot.time_min:.3f}</td><td>{clock(shot.time_min)}</td><td>{rate:.3f}</td>",
        ]
        rows.append(f'<tr class="shot">{"".join(cells)}</tr>')
    total = plan.beam_on_time_min
    span = 6 + len(opened)
    return (
        f'<div class="scroll"><table class="numbers"><thead><tr>{"".join(heads)}</tr></thead>\n'
        f"<tbody>\n{chr(10).join(rows)}\n</tbody>\n"
        f'<tfoot><tr><th scope="row" colspan="{span}">Beam-on time</th>'
        f"<td>{total:.3f}</td><td>{clock(total)}</td><td></td></tr></tfoot></table></div>"
    )


def _opened_heads(unit: RadiationUnit) -> list[str]:
    """What stands over the sectors, or over the helmet and the sources that are plugged in it."""
    if unit.has_helmets:
        return [
            '<th scope="col" class="sector">Helmet</th>',
            '<th scope="col" class="words">Plugged</th>',
        ]
    return [f'<th scope="col" class="sector">S{n}</th>' for n in range(1, unit.n_sectors + 1)]


def _plugged(shot: Shot) -> str:
    numbers = ", ".join(map(str, shot.plugged)) or "–"
    return f'<td class="words">{numbers}</td>'


def _sector(state: int, color: str, plan: Plan) -> str:
    ink = _DARK if state == max(plan.unit.collimator_sizes_mm) else "#18181b"
    text = str(state) if state else "–"
    return f'<td class="sector" style="background:{color};color:{ink}">{text}</td>'


def _missed(value: str) -> str:
    return ' class="missed"' if value.endswith("missed") else ""


def _words(column: int, words: int) -> str:
    return ' class="words"' if 0 < column < words else ""


def _cells(row: Sequence[str], words: int) -> str:
    first, *rest = row
    cells = [f'<th scope="row">{escape(first)}</th>']
    for n, text in enumerate(rest, start=1):
        cells.append(f"<td{_missed(text) or _words(n, words)}>{escape(text)}</td>")
    return "".join(cells)
