"""The page's style sheet: light and dark, wide and narrow, on screen and on paper.

The hues are those of Okabe and Ito, which people with any kind of colour blindness tell apart, without their
yellow, which white paper swallows; grey is the eighth.
"""

from __future__ import annotations

from mediameter.report.markup import Markup

SHEET = Markup("""
:root { color-scheme: light dark;
  --paper: #f6f7f9; --card: #ffffff; --ink: #1b2129; --soft: #5b6673; --rule: #e1e5ea; --shade: #f0f2f5;
  --blue: #0072b2; --orange: #e69f00; --green: #009e73; --red: #d55e00; --sky: #56b4e9; --rose: #cc79a7;
  --grey: #98a2ad; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #0f1318; --card: #171c23; --ink: #e6eaef; --soft: #9aa6b3; --rule: #2a323c; --shade: #1e252e;
  --blue: #2f8fd3; --orange: #f0b02e; --green: #19b088; --red: #ea7434; --sky: #8ccff5; --rose: #dc95bb;
  --grey: #7b8794; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main, header, footer { max-width: 1120px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 36px; }
h1 { font-size: 27px; line-height: 1.2; letter-spacing: -.01em; margin: 0 0 6px; }
h2 { font-size: 18px; margin: 0 0 4px; }
h3 { font-size: 15px; margin: 22px 0 2px; }
p { margin: 4px 0; }
.soft, figcaption, footer { color: var(--soft); }
footer { padding-bottom: 48px; font-size: 13px; }
nav { display: flex; flex-wrap: wrap; gap: 2px 14px; margin: 14px 0 0; font-size: 13px; }
a { color: var(--blue); } nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 20px 22px;
  margin: 18px 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: 12px; margin: 20px 0 0;
  padding: 0; list-style: none; }
.tiles li { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 12px 16px; }
.tiles .name { display: block; color: var(--soft); font-size: 13px; }
.tiles .figure { font-size: 21px; font-weight: 600; line-height: 1.35; font-variant-numeric: tabular-nums; }
.tiles .of { color: var(--soft); font-size: 13px; }
.note { border-left: 3px solid var(--orange); padding: 2px 0 2px 12px; margin: 12px 0 0; }
figure { margin: 12px 0 0; }
.scroll { overflow-x: auto; }
svg { display: block; width: 100%; min-width: 660px; height: auto; font-size: 12px;
  font-variant-numeric: tabular-nums; }
svg.defs { position: absolute; width: 0; height: 0; min-width: 0; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 8px 0 0; padding: 0; list-style: none;
  font-size: 13px; color: var(--soft); }
.legend li { overflow-wrap: anywhere; }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin-right: 6px;
  vertical-align: -1px; }
.c1 { fill: var(--blue); } .c2 { fill: var(--orange); } .c3 { fill: var(--green); } .c4 { fill: var(--rose); }
.c5 { fill: var(--sky); } .c6 { fill: var(--red); } .c0 { fill: var(--grey); }
i.c1 { background: var(--blue); } i.c2 { background: var(--orange); } i.c3 { background: var(--green); }
i.c4 { background: var(--rose); } i.c5 { background: var(--sky); } i.c6 { background: var(--red); }
i.c0 { background: var(--grey); }
i.open { background: repeating-linear-gradient(45deg, var(--grey) 0 2px, var(--card) 2px 5px); }
rect { shape-rendering: crispEdges; }
.edged { stroke: var(--card); stroke-width: 1; }
.hatch { fill: url(#hatch); } #hatch line { stroke: var(--card); }
.waiting { fill: url(#waiting); } #waiting line { stroke: var(--grey); }
.line { stroke-width: 2; stroke-linecap: round; } .dashed { stroke-dasharray: 2 5; }
.line.c1, .point.c1 { stroke: var(--blue); } .line.c3, .point.c3 { stroke: var(--green); }
.line.c6, .point.c6 { stroke: var(--red); }
.point.hollow { fill: var(--card); stroke-width: 2; }
.hover { fill: transparent; } .hover:hover { fill: var(--soft); fill-opacity: .1; }
g:hover > rect { opacity: .85; }
.grid { stroke: var(--rule); } .axis { stroke: var(--soft); }
text { fill: var(--soft); } text.end, text.figure { fill: var(--ink); font-weight: 600; }
.right, .unit { text-anchor: end; } .middle { text-anchor: middle; }
details { margin-top: 12px; } summary { cursor: pointer; color: var(--blue); font-size: 14px; }
table { border-collapse: collapse; width: 100%; margin: 10px 0 0; font-size: 13.5px; }
caption { text-align: left; color: var(--soft); padding: 4px 0; }
th, td { text-align: left; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
thead th { color: var(--soft); font-weight: 500; white-space: nowrap; border-bottom-color: var(--grey); }
tbody th { font-weight: 500; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.day { white-space: nowrap; } .any { overflow-wrap: anywhere; min-width: 12em; }
th:last-child, td:last-child { padding-right: 0; }
tbody tr:hover { background: var(--shade); }
code { font: 12.5px/1.45 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.pill { display: inline-block; padding: 0 8px; border-radius: 9px; border: 1px solid var(--grey); font-size: 12.5px;
  white-space: nowrap; margin-right: 4px; }
.pill.final, .pill.frozen, .pill.ok, .pill.resolved { border-color: var(--green); }
.pill.open, .pill.warning, .pill.suspect { border-color: var(--orange); }
.pill.critical { border-color: var(--red); background: var(--red); color: #fff; font-weight: 600; }
@media (max-width: 720px) {
  main, header, footer { padding: 0 10px; } section { padding: 14px 12px; border-radius: 8px; }
  .tiles { grid-template-columns: repeat(2, 1fr); }
  table { width: max-content; min-width: 100%; } th, td { max-width: 60vw; }
  tbody th, thead th:first-child { position: sticky; left: 0; background: var(--card); max-width: 44vw;
    overflow-wrap: anywhere; } }
@media print { body { background: #fff; } section { break-inside: avoid; } nav { display: none; } }
""")

PATTERNS = Markup(
    '<svg class="defs" aria-hidden="true" focusable="false"><defs>'
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<line x1="0" y1="0" x2="0" y2="6" stroke-width="6"/></pattern>'
    '<pattern id="waiting" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<line x1="0" y1="0" x2="0" y2="5" stroke-width="2"/></pattern>'
    "</defs></svg>"
)
