"""The style sheet of the page: plain, readable, and good on paper."""

CSS = """
:root { --ink: #18181b; --soft: #52525b; --line: #d4d4d8; --alert: #9f1239; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 76rem; color: var(--ink); background: #fff;
  font: 15px/1.45 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
h1 { margin: 0.8rem 0 0.2rem; font-size: 1.7rem; overflow-wrap: anywhere; }
h2 { margin: 2rem 0 0.5rem; font-size: 1.15rem; border-bottom: 2px solid var(--line); }
.subtitle { margin: 0 0 1rem; color: var(--soft); }
.disclaimer { margin: 0; padding: 0.6rem 0.9rem; color: var(--alert); background: #fff1f2;
  border-left: 4px solid var(--alert); font-weight: 600; }
img { display: block; width: 100%; height: auto; margin: 1rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.88rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.22rem 0.7rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
thead th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 500; }
.summary { columns: 2 26rem; column-gap: 2.5rem; }
.summary table { width: 100%; }
.numbers td { text-align: right; white-space: nowrap; }
.numbers td.words { text-align: left; }
.numbers thead th:not(:first-child):not(.words):not(.sector) { text-align: right; }
.numbers td.sector, .numbers thead th.sector { width: 2.4rem; padding: 0.22rem 0;
  text-align: center; border-left: 1px solid #fff; }
tfoot th, tfoot td { border-bottom: 0; font-weight: 700; }
.missed { color: var(--alert); font-weight: 700; }
.sources td { overflow-wrap: anywhere; }
.notes { color: var(--soft); font-size: 0.82rem; }
.notes dt { font-weight: 600; color: var(--ink); }
.notes dd { margin: 0 0 0.35rem 1.2rem; }
@page { size: A4; margin: 14mm; }
@media print {
  body { padding: 0; max-width: none; font-size: 10pt; }
  .scroll { overflow: visible; }
  .summary { columns: 2 auto; column-gap: 1.5rem; }
  h2, dt { break-after: avoid; }
  .notes { columns: 2; column-gap: 1.5rem; }
  tr, img, dd { break-inside: avoid; }
  thead { display: table-header-group; }
  td.sector, .disclaimer { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  table { font-size: 8pt; }
  th, td { padding: 0.12rem 0.35rem; }
}
"""
